"""Copies made without Claro: files of values, and what is in them."""

import functools
import pickle
from collections.abc import Sequence
from pathlib import Path

from django.utils import timezone

from datasources.copies import duck, profile, search, store, typed
from datasources.copies.schema import Column, Kind
from datasources.copies.staging import Staging
from datasources.models import Source, TableCopy

# A table of 120 rows, with a column more than the table that tests upload to Claro.
COLUMNS = ["id", "name", "price", "note"]
ROWS = [[n, f"thing {n}", n * 1.5, f"note {n % 4}"] for n in range(1, 121)]


def built(folder: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """The finished file, without profile, of rows as the Claro client returns them."""
    staging, target = folder / "built.part", folder / "built.copy"
    staging.unlink(missing_ok=True)
    with Staging.open(staging) as file:
        file.append(columns, rows, block=0)
    typed.write(staging, target)
    staging.unlink()
    return target


def copied(source: Source, columns: Sequence[str], rows: Sequence[Sequence[object]], **fields: object) -> TableCopy:
    """A ready copy of the source's current version, stored as a worker stores it."""
    path = store.folder() / "made.copy"
    path.write_bytes(_made(pickle.dumps((columns, rows)), search.fits(columns, len(rows))))
    copy = kept(source, path, len(rows), **fields)
    path.unlink()
    return copy


@functools.lru_cache(50)
def _made(table: bytes, is_searched: bool) -> bytes:
    """The finished file of pickled columns and rows, which keep their types. Many tests have the same table."""
    columns, rows = pickle.loads(table)  # noqa: S301
    path = built(store.folder(), columns, rows)
    if is_searched:
        search.fold(path)
    profile.write(path)
    content = path.read_bytes()
    path.unlink()
    return content


def kept(source: Source, path: Path, rows: int, **fields: object) -> TableCopy:
    """A ready copy of the source's current version: the finished file at `path`, stored as a worker stores it."""
    copy = TableCopy.objects.create(**{"source": source, "version": source.processed_at, **fields})
    store.keep(copy, path)
    copy.state, copy.rows, copy.finished_at = TableCopy.State.READY, rows, timezone.now()
    copy.save()
    return copy


def contents(path: Path) -> tuple[list[Column], list[list[object]]]:
    """The columns and cells of a finished file."""
    with duck.connect("256MB") as database:
        database.execute(f"ATTACH {duck.quoted(path)} AS copy (READ_ONLY); USE copy")
        found = database.execute("SELECT place, name, kind FROM columns ORDER BY place").fetchall()
        columns = [Column(place, name, Kind(kind)) for place, name, kind in found]
        stored = ", ".join(["n", *(sql for column in columns for sql in column.stored)])
        rows = []
        for _, *values in database.execute(f"SELECT {stored} FROM rows ORDER BY n").fetchall():  # noqa: S608
            left = iter(values)
            rows.append([column.cell(*(next(left) for _ in column.stored)) for column in columns])
        return columns, rows
