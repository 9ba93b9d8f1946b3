"""A table of 1,000,000 rows × 12 columns, the same in every run: in SQLite, as a copy, and in the sandbox."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb

from datasources.copies import profile, search, typed
from datasources.copies.staging import Staging

ROWS = 1_000_000
BLOCK = 1000
# Kept in this folder, so that a repeated run does not make it again.
KEPT = os.environ.get("BENCH_KEPT", "")
NAMES = ("id", "code", "category", "brand", "price", "quantity", "rating", "sold_at", "day", "country", "title", "note")
CATEGORIES = (
    "Garden",
    "Kitchen",
    "Office",
    "Toys",
    "Sport",
    "Books",
    "Music",
    "Tools",
    "Shoes",
    "Lamps",
    "Pets",
    "Art",
)
# In the title of every 100,000th row.
RARE = "obsidian"
_COUNTRIES = ("DE", "CH", "FR", "JP", "BR", "US", "NO", "IT", "ES", "PL")
_WORDS = """
amber anchor apron arrow basket beacon bench birch blanket bottle bowl branch brass bridge bronze brush bucket button
cabin candle canvas carpet cedar chain chair cherry clock cloud coat copper cotton cradle cream crystal cup curtain
desk dish door drawer drum dust feather fence field flame flask flint fork frame garden glass glove grain granite
hammer handle harbour hazel hinge honey horn island ivory jacket jar kettle ladder lamp lantern leather lemon linen
lock maple marble meadow mirror needle oak olive oven paper pearl pebble pencil pepper pillow pine plate pocket
ribbon river rope saddle sail salt scarf shelf silver slate spoon stone table thread timber towel velvet walnut wool
"""


def select(rows: int = ROWS) -> str:
    """SQL of the rows: `n` from 1, and a column for each name. About 190 bytes a row as CSV."""

    def pick(values: tuple[str, ...] | list[str], salt: int) -> str:
        listed = ", ".join(f"'{value}'" for value in values)
        return f"list_value({listed})[1 + (hash(n, {salt}) % {len(values)})::BIGINT]"

    def words(count: int, salt: int) -> str:
        return f"concat_ws(' ', {', '.join(pick(_WORDS.split(), salt + place) for place in range(count))})"

    sold_at = "TIMESTAMP '2019-01-01' + to_seconds((hash(n, 7) % 220000000)::BIGINT)"
    columns = (
        "n",
        "substr(md5(n::VARCHAR), 1, 24)",
        pick(CATEGORIES, 1),
        "'brand ' || (hash(n, 2) % 4984)::VARCHAR",
        "(hash(n, 3) % 10000000)::DOUBLE / 100",
        "CASE WHEN hash(n, 4) % 20 > 0 THEN (hash(n, 5) % 500)::BIGINT END",
        "CASE WHEN hash(n, 6) % 5 > 0 THEN (hash(n, 8) % 50)::DOUBLE / 10 + 0.05 END",
        f"strftime({sold_at}, '%Y-%m-%dT%H:%M:%SZ')",
        f"strftime({sold_at}, '%Y-%m-%d')",
        pick(_COUNTRIES, 9),
        f"{words(5, 20)} || CASE WHEN n % 100000 = 5000 THEN ' {RARE}' ELSE '' END",
        f"CASE WHEN hash(n, 10) % 5 > 1 THEN {words(15, 40)} END",
    )
    listed = ", ".join(f"{column} AS c{place}" for place, column in enumerate(columns))
    return f"SELECT n, {listed} FROM (SELECT unnest(range(1, {rows + 1})) AS n)"  # noqa: S608


def blocks() -> Iterator[list[tuple]]:
    with duckdb.connect(config={"threads": 2}) as database:
        found = database.execute(f"SELECT * EXCLUDE n FROM ({select()})")  # noqa: S608
        while block := found.fetchmany(BLOCK):
            yield block


def made(folder: Path) -> tuple[Path, Path, Path]:
    """The table in SQLite without and with indexes, and as the finished file of a copy with its search text."""
    folder = Path(KEPT) if KEPT else folder
    paths = folder / "table.db", folder / "indexed.db", folder / "table.copy"
    for path, make in zip(paths, (_sqlite, _indexed, _copy), strict=True):
        if not path.exists():
            new = path.with_name(f"new-{path.name}")
            make(new)
            new.rename(path)
    return paths


def _sqlite(path: Path) -> None:
    path.unlink(missing_ok=True)
    types = ("INTEGER PRIMARY KEY", "TEXT", "TEXT", "TEXT", "REAL", "INTEGER", "REAL", *["TEXT"] * 5)
    listed = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, types, strict=True))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE rows({listed})")
        for block in blocks():
            database.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(NAMES))})", block)  # noqa: S608


def _indexed(path: Path) -> None:
    _sqlite(path)
    with closing(sqlite3.connect(path)) as database, database:
        for column in ("price", "category"):
            database.execute(f"CREATE INDEX by_{column} ON rows({column})")
        database.execute("ANALYZE")


def _copy(path: Path) -> None:
    """As a worker makes it of blocks that were read."""
    staging = path.with_suffix(".part")
    staging.unlink(missing_ok=True)
    with Staging.open(staging) as file:
        for number, block in enumerate(blocks()):
            file.append(NAMES, block, number)
    typed.write(staging, path)
    search.fold(path)
    profile.write(path)
    staging.unlink()
