"""Parsed rows on disk, in one DuckDB file: a table a source, with columns `c0`, `c1` … and the row's number."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

_TYPES = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN", "json": "JSON", "text": "VARCHAR"}


@dataclass(frozen=True)
class Column:
    """A column as people name it, its place in the table, and its kind: text, number, boolean or json."""

    name: str
    place: str
    kind: str
    whole: bool = False

    @property
    def sql_type(self) -> str:
        return "BIGINT" if self.whole else _TYPES[self.kind]


@dataclass(frozen=True)
class Condition:
    """What stands after WHERE, and the values of its question marks."""

    sql: str
    values: tuple[str | int | float, ...] = ()


class Tables:
    def __init__(self, folder: Path):
        self._folder = folder
        self._database = duckdb.connect(str(folder / "tables.duckdb"), config={"threads": 2, "memory_limit": "512MB"})
        self._writing = threading.Lock()
        self._made: set[str] = set()
        self._count = lru_cache(maxsize=256)(self._count_rows)

    def create(self, table: str, columns: list[Column], rows: Iterable[list[Any]]) -> int:
        """Loads rows of plain values; gives their number."""
        path = self._folder / f"{table}.ndjson"
        types = {"n": "BIGINT"} | {column.place: column.sql_type for column in columns}
        try:
            return self._load(table, types, rows, path)
        finally:
            path.unlink()

    def _load(self, table: str, types: dict[str, str], rows: Iterable[list[Any]], path: Path) -> int:
        encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        count = 0
        with path.open("w", encoding="utf-8", errors="replace") as file:  # half a surrogate pair may stand in JSON
            for count, row in enumerate(rows, start=1):
                file.write(encode(dict(zip(types, [count, *row], strict=True))) + "\n")
        if count:
            spec = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
            source = f"read_ndjson(?, columns = {{{spec}}}, maximum_object_size = 67108864)"
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
        """Rows from `start` (from 0), in the file's order unless `order` says otherwise; equal ones keep that order."""
        selected = ", ".join(f'"{column.place}"' for column in columns)
        if not where and not order:
            rest = f"WHERE n > {start} AND n <= {start + limit} ORDER BY n"
        else:
            condition = f"WHERE {where.sql} " if where else ""
            rest = f"{condition}ORDER BY {order + ', ' if order else ''}n LIMIT {limit} OFFSET {start}"
        found = self.run(f'SELECT {selected} FROM "{table}" {rest}', where.values if where else ()).fetchall()
        decoders = [json.loads if column.kind == "json" else None for column in columns]
        return [
            [
                decode(value) if decode and value is not None else value
                for decode, value in zip(decoders, row, strict=True)
            ]
            for row in found
        ]

    def count(self, table: str, where: Condition) -> int:
        return self._count(table, where)

    def _count_rows(self, table: str, where: Condition) -> int:
        return self.run(f'SELECT count(*) FROM "{table}" WHERE {where.sql}', where.values).fetchone()[0]

    def run(self, sql: str, values: Iterable[Any] = ()) -> duckdb.DuckDBPyConnection:
        """A cursor of its own for each call: connections are not shared between threads."""
        return self._database.cursor().execute(sql, list(values))
