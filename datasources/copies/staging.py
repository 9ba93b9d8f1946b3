"""The file that a copy's rows are collected in while they are read: every cell as its text and a letter.

    rows(n INTEGER, k VARCHAR, c0 VARCHAR, c1 VARCHAR …)   `k` has a Letter for each column that the block knew
    columns(place INTEGER, name VARCHAR)   letters(place INTEGER, letter VARCHAR)   blocks(number INTEGER, rows INTEGER)

A block is one transaction: after a crash rows and `blocks` agree, and the block that was not committed is read again.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Self

import duckdb

from datasources.copies import duck
from datasources.copies.schema import Letter, as_text

_MEMORY = "256MB"
_TABLES = """
CREATE TABLE IF NOT EXISTS rows(n INTEGER, k VARCHAR);
CREATE TABLE IF NOT EXISTS columns(place INTEGER, name VARCHAR);
CREATE TABLE IF NOT EXISTS letters(place INTEGER, letter VARCHAR);
CREATE TABLE IF NOT EXISTS blocks(number INTEGER PRIMARY KEY, rows INTEGER);
"""
# How cells of one type are staged, most columns of a block being of one (null aside); None: as they are.
_PLAIN = {str: (None, Letter.TEXT), int: (str, Letter.INT), float: (repr, Letter.FLOAT)}


class InUse(Exception):
    """Another worker writes to this file."""


class Staging:
    """One staging file with its only writer."""

    def __init__(self, database: duckdb.DuckDBPyConnection):
        self._database = database
        names = database.execute("SELECT name FROM columns ORDER BY place").fetchall()
        self.columns = [name for (name,) in names]
        self._letters = {*database.execute("SELECT place, letter FROM letters").fetchall()}
        # What is committed.
        [(self.rows, self.blocks)] = database.execute(
            "SELECT coalesce(sum(rows), 0)::BIGINT, count(*) FROM blocks"
        ).fetchall()

    @classmethod
    def open(cls, path: Path) -> Self:
        """The file at `path`, which is made if there is none. Raises InUse, and duckdb.Error if it can't be read."""
        database = duck.connect(_MEMORY)
        try:
            database.execute(f"ATTACH {duck.quoted(path)} AS staging")
            database.execute(f"USE staging; {_TABLES}")
            return cls(database)
        except (duckdb.ResourceInUseException, duckdb.IOException) as error:
            database.close()
            if isinstance(error, duckdb.ResourceInUseException) or "lock" in str(error):
                raise InUse from None
            raise
        except BaseException:
            database.close()
            raise

    def append(self, columns: Sequence[str], rows: Iterable[Sequence[object]], block: int) -> None:
        """Adds the rows of a block, all or none, under its number; a number that is there raises duckdb.Error.

        A column is the same as an earlier one of its name; of columns of one name, the first, the second and so on.
        Rows have null in the columns that their block does not know.
        """
        cells = list(rows)
        places, names = self._places(columns)
        texts: list[Iterable] = [repeat(None)] * len(names)
        letters: list[Iterable[str]] = [repeat(Letter.NULL.value)] * len(names)
        new: set[tuple[int, str]] = set()
        for place, column in zip(places, zip(*cells, strict=True), strict=False):
            texts[place], letters[place] = _staged(column)
            new |= {(place, letter) for letter in set(letters[place])}
        new -= self._letters
        kinds = map("".join, zip(*letters, strict=False)) if places else repeat("")
        numbers = range(self.rows + 1, self.rows + len(cells) + 1)
        self._database.begin()
        try:
            self._add_columns(names)
            for place, letter in new:
                self._database.execute("INSERT INTO letters VALUES (?, ?)", (place, letter))
            self._database.execute("INSERT INTO blocks VALUES (?, ?)", (block, len(cells)))
            with self._database.appender("rows") as appender:
                appender.append_rows(zip(numbers, kinds, *texts, strict=False))
            self._database.commit()
        except BaseException:
            self._database.rollback()
            raise
        self.rows, self.blocks = self.rows + len(cells), self.blocks + 1
        self.columns, self._letters = names, self._letters | new

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _places(self, columns: Sequence[str]) -> tuple[list[int], list[str]]:
        """The place of each of these columns, and the names of all columns, new ones included."""
        names = list(self.columns)
        known = {column: place for place, column in enumerate(told_apart(names))}
        places = []
        for column in told_apart(columns):
            if column not in known:
                known[column] = len(names)
                names.append(column[0])
            places.append(known[column])
        return places, names

    def _add_columns(self, names: Sequence[str]) -> None:
        for place in range(len(self.columns), len(names)):
            self._database.execute(f"ALTER TABLE rows ADD COLUMN c{place} VARCHAR")
            self._database.execute("INSERT INTO columns VALUES (?, ?)", (place, names[place]))


def told_apart(names: Iterable[str]) -> list[tuple[str, int]]:
    """Each name with how many of that name come before it."""
    seen: Counter[str] = Counter()
    columns = []
    for name in names:
        columns.append((name, seen[name]))
        seen[name] += 1
    return columns


def _staged(column: Sequence[object]) -> tuple[Iterable[str | None], list[str]]:
    """The texts and letters of a block's cells of one column."""
    types = {*map(type, column)}
    plain = _PLAIN.get(next(iter(types - {type(None)}), str)) if len(types - {type(None)}) < 2 else None
    if plain is None:
        texts, letters = zip(*map(as_text, column), strict=True)
        return texts, list(letters)
    text, letter = plain
    if type(None) not in types:
        return (map(text, column) if text else column), [letter.value] * len(column)  # type: ignore[return-value]
    return (
        [cell if cell is None or text is None else text(cell) for cell in column],  # type: ignore[misc]
        [Letter.NULL.value if cell is None else letter.value for cell in column],
    )
