"""Parsed rows on disk, in one DuckDB file: a table a source, with columns `c0`, `c1` … and the row's number."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from sandbox.answers import Verbatim

_TYPES = {"number": "DOUBLE", "boolean": "BOOLEAN", "json": "VARCHAR", "text": "VARCHAR"}
# A number's text as what compares exactly: the double decides, and where doubles are equal, the whole part (of any
# length) and 18 places of the fraction. Null where the text is no number.
_EXACT = """
CREATE OR REPLACE MACRO exact(t) AS CASE WHEN nullif(TRY_CAST(t AS DOUBLE), 'NaN') IS NOT NULL THEN row(
  TRY_CAST(t AS DOUBLE),
  coalesce(TRY_CAST(t AS BIGNUM), CAST(TRY_CAST(t AS HUGEINT) AS BIGNUM)),
  TRY_CAST(t AS DECIMAL(38, 18))
) END
"""


@dataclass(frozen=True)
class Column:
    """A column as people name it, its place in the table, and its kind: text, number, boolean or json.

    Numbers are BIGINT where `whole`, their text where `exact`, else DOUBLE (tables that are made on demand).
    """

    name: str
    place: str
    kind: str
    whole: bool = False
    exact: bool = False

    @property
    def sql_type(self) -> str:
        if self.exact:
            return "VARCHAR"
        return "BIGINT" if self.whole else _TYPES[self.kind]

    @property
    def is_verbatim(self) -> bool:
        """Whether the table holds JSON text, which answers pass on."""
        return self.exact or self.kind == "json"

    @property
    def sort_key(self) -> str:
        return f'exact("{self.place}")' if self.exact else f'"{self.place}"'


# DuckDB's own limit of a row as JSON. Each of its threads takes twice the limit of memory, up to several times.
OBJECT_BYTES = 2**24


@dataclass(frozen=True)
class Condition:
    """The condition after WHERE, and the values of its parameters: $1, $2 …"""

    sql: str
    values: tuple[str | int | float, ...] = ()


class Tables:
    def __init__(self, folder: Path):
        self._folder = folder
        self._database = duckdb.connect(str(folder / "tables.duckdb"), config={"threads": 2, "memory_limit": "512MB"})
        self._database.execute(_EXACT)
        self._writing = threading.Lock()
        self._made: set[str] = set()
        self._count = lru_cache(maxsize=256)(self._count_rows)

    def create(self, table: str, columns: list[Column], rows: Iterable[list[Any]]) -> int:
        """Loads rows of plain values (verbatim columns: JSON text); gives their number."""
        path = self._folder / f"{table}.ndjson"
        types = {"n": "BIGINT"} | {column.place: column.sql_type for column in columns}
        try:
            return self._load(table, types, rows, path)
        finally:
            path.unlink()

    def _load(self, table: str, types: dict[str, str], rows: Iterable[list[Any]], path: Path) -> int:
        encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        count, longest = 0, OBJECT_BYTES
        with path.open("wb") as file:
            for count, row in enumerate(rows, start=1):
                text = encode(dict(zip(types, [count, *row], strict=True))) + "\n"
                line = text.encode("utf-8", "replace")  # half a surrogate pair may stand in JSON
                longest = max(longest, len(line))
                file.write(line)
        if count:
            spec = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
            source = f"read_ndjson(?, columns = {{{spec}}}, maximum_object_size = {longest})"
            with self._writing:
                self.run(f'CREATE OR REPLACE TABLE "{table}" AS FROM {source}', [str(path)])
        return count

    def create_from(self, table: str, select: str) -> None:
        """Makes a table from SQL of our own, once."""
        if table in self._made:
            return
        with self._writing:
            self.run(f'CREATE TABLE IF NOT EXISTS "{table}" AS {select}')
            self._made.add(table)

    def drop(self, table: str) -> None:
        with self._writing:
            self.run(f'DROP TABLE IF EXISTS "{table}"')

    def page(
        self, table: str, columns: list[Column], *, start: int, limit: int, where: Condition | None, order: str
    ) -> list[list[Any]]:
        """Rows from `start` (from 0), in the file's order unless `order` is given; equal ones keep that order."""
        selected = ", ".join(f'"{column.place}"' for column in columns)
        if not where and not order:
            rest = f"WHERE n > {start} AND n <= {start + limit} ORDER BY n"
        else:
            condition = f"WHERE {where.sql} " if where else ""
            rest = f"{condition}ORDER BY {order + ', ' if order else ''}n LIMIT {limit} OFFSET {start}"
        found = self.run(f'SELECT {selected} FROM "{table}" {rest}', where.values if where else ()).fetchall()
        verbatim = [column.is_verbatim for column in columns]
        return [
            [Verbatim(value) if raw and value is not None else value for raw, value in zip(verbatim, row, strict=True)]
            for row in found
        ]

    def count(self, table: str, where: Condition) -> int:
        return self._count(table, where)

    def _count_rows(self, table: str, where: Condition) -> int:
        return self.run(f'SELECT count(*) FROM "{table}" WHERE {where.sql}', where.values).fetchone()[0]

    def run(self, sql: str, values: Iterable[Any] = ()) -> duckdb.DuckDBPyConnection:
        """A cursor of its own for each call: connections are not shared between threads."""
        return self._database.cursor().execute(sql, list(values))
