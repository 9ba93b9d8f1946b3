"""Matches the rows of two copies by a key, and writes the rows that differ as a table in a copy's form (schema.py).

Its columns, in this order: "Change" (added, removed, changed), "Row before", "Row now", then each compared column: once
for a key column, twice for others, as "price (before)" and "price (now)". The flags "price changed" come last, for
filters.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from datasources.copies import duck, schema
from datasources.copies.compare.pairs import Pair, Types, pairs, text
from datasources.copies.schema import Column, Kind

CHANGE, ROW_BEFORE, ROW_NOW = range(3)
CHANGES = ADDED, REMOVED, CHANGED = "added", "removed", "changed"
# Rows of the table of differences: the counts are of all.
ROWS_MAX = 250_000
_MEMORY = "768MB"
_BLOCK_BYTES = 65_536


class CannotCompare(Exception):
    """The tables can't be compared; the message is a sentence for people."""


@dataclass(frozen=True)
class Found:
    """Rows by what became of them, and of each pair the rows in which its cells differ."""

    pairs: list[Pair]
    added: int
    removed: int
    changed: int
    unchanged: int
    duplicates: tuple[int, int]
    cells: list[int]
    shown: int


@dataclass(frozen=True)
class Side:
    path: Path
    columns: Sequence[Column]


class Match:
    """The comparison of two files by one connection, which another thread may interrupt."""

    def __init__(self, before: Side, now: Side, on: Sequence[str], target: Path):
        self._sides, self._on, self._target = (before, now), on, target
        self.connection = duck.connect(_MEMORY, target.parent)
        self.connection.execute("SET threads=2; SET enable_progress_bar=false")

    def write(self, note: Callable[[float], None]) -> Found:
        """Writes the file. `note` gets the progress, from 0 to 1. Raises CannotCompare, duckdb.Error."""
        for alias, side in zip("ab", self._sides, strict=True):
            self._run(f"ATTACH {duck.quoted(side.path)} AS {alias}_file (READ_ONLY)")
        a, b = (self._types(alias) for alias in "ab")
        found = pairs(self._sides[0].columns, self._sides[1].columns, a, b)
        keys = self._keys(found) or found
        duplicates = self._duplicates(keys) if self._on else (0, 0)
        note(0.2)
        rest = [pair for pair in found if pair not in keys]
        self._match(keys, rest, is_unique=bool(self._on) and not any(duplicates))
        note(0.6)
        counts = self._counts(len(rest))
        note(0.7)
        self._write(found, keys)
        note(0.9)
        added, removed, changed, *cells = counts
        cells_of = dict(zip((pair.now for pair in rest), cells, strict=False))
        [(rows,)] = self._run("SELECT count(*) FROM a_file.rows")
        [(shown,)] = self._run("SELECT count(*) FROM result.rows")
        return Found(
            found,
            added,
            removed,
            changed,
            rows - removed - changed,
            duplicates,
            [cells_of.get(pair.now, 0) for pair in found],
            shown,
        )

    def close(self) -> None:
        self.connection.close()

    def _run(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def _types(self, alias: str) -> Types:
        """The SQL types of a file's stored columns, which hashes depend on."""
        sql = f"""
            SELECT column_name, data_type FROM duckdb_columns()
            WHERE database_name = '{alias}_file' AND table_name = 'rows'
        """  # noqa: S608 - `a` or `b`
        return dict(self._run(sql))

    def _keys(self, found: list[Pair]) -> list[Pair]:
        by_name: dict[str, Pair] = {}
        for pair in found:
            by_name.setdefault(pair.name, pair)
        if missing := [name for name in self._on if name not in by_name]:
            raise CannotCompare(f"The column {missing[0][:200]} is not in both tables. Choose another key.")
        if not found:
            raise CannotCompare("These tables have no column in common.")
        return [by_name[name] for name in self._on]

    def _duplicates(self, keys: list[Pair]) -> tuple[int, int]:
        """The rows beyond the first of each key, of both tables."""
        counts = []
        for at, alias in enumerate("ab"):
            by = ", ".join(parts[at] for pair in keys for parts in pair.keys)
            sql = f"SELECT count(*) AS c FROM {alias}_file.rows GROUP BY {by} HAVING c > 1"  # noqa: S608 - places only
            [(count,)] = self._run(f"SELECT coalesce(sum(c - 1), 0) FROM ({sql})")  # noqa: S608
            counts.append(int(count))
        return counts[0], counts[1]

    def _match(self, keys: list[Pair], rest: list[Pair], *, is_unique: bool) -> None:
        """The table `differing`: rows `ra` and `rb` (null for none), and a flag d0, d1 … for each pair of `rest`.

        Where keys are not unique, the first row of a key is matched with the first one, and so on.
        """
        sides, count = [], 0
        for at, alias in enumerate("ab"):
            parts = [key[at] for pair in keys for key in pair.keys]
            if not is_unique:
                # Two hashes of 64 bits: whole rows are too wide to be sorted.
                hashes = [f"hash({', '.join(parts)})", f"hash({', '.join([*parts, '1'])})"]
                parts = [*hashes, f"row_number() OVER (PARTITION BY {', '.join(hashes)} ORDER BY n)"]
            count = len(parts)
            compared = [stored for pair in rest for stored in (pair.before, pair.now)[at].stored]
            selected = ["n", *(f"{part} AS key{place}" for place, part in enumerate(parts)), *compared]
            sides.append(f"(SELECT {', '.join(selected)} FROM {alias}_file.rows) {alias}")  # noqa: S608
        on = " AND ".join(f"a.key{place} IS NOT DISTINCT FROM b.key{place}" for place in range(count))
        flags = [f"{pair.differs} AS d{place}" for place, pair in enumerate(rest)]
        any_flag = " OR ".join(["ra IS NULL", "rb IS NULL", *(f"d{place}" for place in range(len(rest)))])
        self._run(
            f"""
            CREATE TEMP TABLE differing AS SELECT * FROM (
                SELECT {", ".join(["a.n AS ra", "b.n AS rb", *flags])} FROM {sides[0]} FULL JOIN {sides[1]} ON {on}
            ) WHERE {any_flag}
            """  # noqa: S608 - places only
        )

    def _counts(self, flags: int) -> list[int]:
        """Rows added, removed and changed; then the changed cells of each flag."""
        both = "ra IS NOT NULL AND rb IS NOT NULL"
        cells = [f"count(*) FILTER ({both} AND d{n})" for n in range(flags)]
        kinds = ["count(*) FILTER (ra IS NULL)", "count(*) FILTER (rb IS NULL)", f"count(*) FILTER ({both})"]
        [found] = self._run(f"SELECT {', '.join([*kinds, *cells])} FROM differing")  # noqa: S608 - places only
        return list(found)

    def _write(self, found: list[Pair], keys: list[Pair]) -> None:
        self._run(f"ATTACH {duck.quoted(self._target)} AS result (BLOCK_SIZE {_BLOCK_BYTES})")
        columns = [Column(CHANGE, "Change", Kind.TEXT), Column(ROW_BEFORE, "Row before", Kind.INT)]
        columns.append(Column(ROW_NOW, "Row now", Kind.INT))
        word = f"CASE WHEN p.ra IS NULL THEN '{ADDED}' WHEN p.rb IS NULL THEN '{REMOVED}' ELSE '{CHANGED}' END"
        cells, flags, at = [f"{word} AS c0", "p.ra AS c1", "p.rb AS c2"], [], 0
        for pair in found:
            if pair in keys:
                columns.append(Column(len(columns), pair.name, pair.now.kind if pair.is_alike else Kind.TEXT))
                cells += _once(pair, columns[-1])
            else:
                for side, column, when in (("a", pair.before, "before"), ("b", pair.now, "now")):
                    columns.append(Column(len(columns), f"{pair.name} ({when})", column.kind))
                    cells += _moved(side, column, columns[-1])
                flags.append((f"{pair.name} changed", f"p.ra IS NOT NULL AND p.rb IS NOT NULL AND p.d{at}"))
                at += 1
        for name, flag in flags:
            columns.append(Column(len(columns), _unused(name, columns), Kind.BOOLEAN))
            cells.append(f"({flag}) AS {columns[-1].value}")
        order = "coalesce(rb, ra), rb IS NULL"
        self._run("USE result")
        self._run(
            f"""
            CREATE TABLE rows AS
            SELECT CAST(row_number() OVER (ORDER BY {order}) AS INTEGER) AS n,
                {", ".join(cells)}
            FROM (FROM differing ORDER BY {order} LIMIT {ROWS_MAX:d}) p
                LEFT JOIN a_file.rows a ON a.n = p.ra LEFT JOIN b_file.rows b ON b.n = p.rb
            ORDER BY n
            """  # noqa: S608 - places only
        )
        self._run("CREATE TABLE columns(place INTEGER, name VARCHAR, kind VARCHAR)")
        with self.connection.appender("columns") as table:
            table.append_rows([(column.place, column.name, column.kind.value) for column in columns])
        self._run("CREATE TABLE meta(name VARCHAR, value VARCHAR)")
        with self.connection.appender("meta") as table:
            table.append_rows([("format", str(schema.FORMAT)), ("duckdb", duckdb.__version__)])
        self._run("CHECKPOINT result")


def _unused(name: str, columns: Sequence[Column]) -> str:
    """A name for a flag that no column has: a filter finds a column by its name."""
    taken = {column.name for column in columns}
    numbered = (f"{name} {number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], numbered) if one not in taken)


def _moved(side: str, column: Column, to: Column) -> list[str]:
    """A cell under the place of another column."""
    names = [(column.value, to.value), (column.letter, to.letter), (column.number, to.number)]
    kept = {(old, new) for old, new in names if old and new}
    return [f"{side}.{old} AS {new}" for old, new in sorted(kept)]


def _once(pair: Pair, to: Column) -> list[str]:
    """A cell of whichever row there is, the one of now first."""
    if not pair.is_alike:
        return [f"CASE WHEN p.rb IS NULL THEN {text(pair.before, 'a')} ELSE {text(pair.now, 'b')} END AS {to.value}"]
    a, b = pair.before, pair.now
    names = [(a.value, b.value, to.value), (a.letter, b.letter, to.letter), (a.number, b.number, to.number)]
    kept = {(old, new, place) for old, new, place in names if old and new and place}
    return [f"CASE WHEN p.rb IS NULL THEN a.{old} ELSE b.{new} END AS {place}" for old, new, place in sorted(kept)]
