"""Comparing two tables of 1,000,000 rows × 12 columns, against EXCEPT in both directions in SQLite."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from bench import million
from bench.timing import Figure
from bench.world import World
from datasources.copies import duck
from datasources.copies.compare.match import Found, Match, Side
from datasources.copies.opened import open_file

LIMIT_S = 3.0
# Of the later table: every 1,000th price differs, and every 5,000th row is gone.
_CHANGED, _GONE = "n % 1000 = 7", "n % 5000 = 3"
_SAME = (1_000_000 - 200 - 1000, 1000, 200)


def figures(world: World) -> Iterator[Figure]:
    plain, _, before = million.made(world.folder)
    now = world.folder / "later.copy"
    _make_later(before, now)
    sides = []
    for path in (before, now):
        with open_file(path, seconds=600) as reader:
            sides.append(Side(path, reader.columns))
    target = world.folder / "differences.new"
    later = world.folder / "later.db"
    _make_later_in_sqlite(plain, later)
    except_s = _timed(lambda: _except(plain, later))
    for what, on in (("by a key", ["id"]), ("by a text as key", ["code"]), ("whole rows, without a key", [])):
        times = sorted(_timed(lambda on=on: _compared(sides, on, target)) for _ in range(3))
        ratio = f"{times[1] / except_s:.2f}×, limit {LIMIT_S:.0f} s"
        yield Figure(f"compared {what}", f"{times[1]:.1f} s", f"EXCEPT twice in SQLite, {except_s:.1f} s", ratio)


def _make_later(before: Path, now: Path) -> None:
    with duck.connect("1GB", now.parent) as database:
        database.execute(f"ATTACH {duck.quoted(before)} AS a (READ_ONLY); ATTACH {duck.quoted(now)} AS b")
        price = f"CASE WHEN {_CHANGED} THEN c4 + 1 ELSE c4 END AS c4"
        database.execute(
            f"CREATE TABLE b.rows AS SELECT CAST(row_number() OVER (ORDER BY n) AS INTEGER) AS n, * EXCLUDE (n) "  # noqa: S608
            f"REPLACE ({price}) FROM a.rows WHERE NOT {_GONE} ORDER BY n"
        )
        for name in ("columns", "meta", "profile"):
            database.execute(f"CREATE TABLE b.{name} AS FROM a.{name}")
        database.execute("CHECKPOINT b")


def _compared(sides: list[Side], on: list[str], target: Path) -> Found:
    target.unlink(missing_ok=True)
    work = Match(*sides, on, target)
    try:
        found = work.write(lambda _: None)
    finally:
        work.close()
    same, changed, removed = _SAME
    counts = (same, changed, removed) if on else (same, 0, removed + changed)
    assert (found.unchanged, found.changed, found.removed) == counts, found
    return found


def _make_later_in_sqlite(plain: Path, later: Path) -> None:
    shutil.copyfile(plain, later)
    with closing(sqlite3.connect(later)) as database, database:
        database.execute("UPDATE rows SET price = price + 1 WHERE id % 1000 = 7")
        database.execute("DELETE FROM rows WHERE id % 5000 = 3")


def _except(plain: Path, later: Path) -> None:
    """Counts the rows of each table that the other one lacks."""
    with closing(sqlite3.connect(later)) as database:
        database.execute("ATTACH ? AS earlier", [str(plain)])
        for one, other in (("main", "earlier"), ("earlier", "main")):
            database.execute(
                f"SELECT count(*) FROM (SELECT * FROM {one}.rows EXCEPT SELECT * FROM {other}.rows)"  # noqa: S608
            ).fetchall()


def _timed(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started
