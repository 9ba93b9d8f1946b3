"""In which order rows come, and orders that are kept.

OFFSET reads and sorts all rows before a page: 270 ms at row 500,000 of 1,000,000. Therefore the order of a sorted table
is kept after its first page: the `n` of every row, as unsigned 32-bit numbers in a file beside the open copy. A page is
then a read of 200 bytes. A version never changes, so that a kept order stays right until the copy is closed. The cells
of its first rows are kept too (first_rows.py).
"""

import contextlib
import hashlib
import logging
import os
import re
import sys
import threading
import uuid
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
from django.conf import settings
from django.db import connections

from datasources.copies import duck, opened, store
from datasources.copies import first_rows as rows_file
from datasources.copies.schema import Column, Kind, named
from datasources.models.copies import StoredFile

# A table of fewer rows is sorted anew in less time than a page takes to render.
KEPT_FROM = 20_000
# Orders kept of one copy; the least recently read goes first.
KEPT_MAX = 8
# The time to sort a table in the background, while nobody waits for it.
SECONDS = 60.0
_BYTES = 4
_LOCALE = re.compile("[A-Za-z]{2,8}(_[A-Za-z0-9]{2,8})*")

logger = logging.getLogger(__name__)
# One order is made at a time in a process.
_turn = threading.Lock()


class CannotSort(Exception):
    """Rows can't be sorted by a column; the message is a sentence for users."""


def is_locale(name: str) -> bool:
    """Whether text can be sorted in this language (a collation of DuckDB's extension icu)."""
    if not _LOCALE.fullmatch(name):
        return False
    try:
        with duck.connect("32MB") as database:
            database.execute(f"SELECT 'a' COLLATE \"{name}\" < 'b'")  # letters only
    except duckdb.CatalogException:
        return False
    return True


def by(columns: Sequence[Column], sorts: Sequence[tuple[str, str]]) -> str:
    """The terms after ORDER BY. Raises CannotSort.

    Text is in the order of the language COPIES_LOCALE. In a column of both, numbers come before text. Empty cells, null
    or empty text, are last in both directions, and equal rows are in the API's order.
    """
    return ", ".join([*(term for name, way in sorts for term in _terms(_column(columns, name), way)), "n"])


def needs(columns: Sequence[Column], sorts: Sequence[tuple[str, str]]) -> list[str]:
    """The SQL of the values that `by` compares, `n` first."""
    found = [_column(columns, name) for name, _ in sorts]
    return list(dict.fromkeys(["n", *(sql for column in found for sql in (column.value, column.number) if sql)]))


def kept(copy: StoredFile, terms: str, first: int, limit: int) -> list[int] | None:
    """The `n` of the rows `first` (from 0) to `first + limit` in this order; None where it is not kept."""
    with contextlib.suppress(OSError), _path(copy, terms).open("rb") as file:
        if os.fstat(file.fileno()).st_size != copy.rows * _BYTES:
            return None
        os.utime(file.fileno())  # the least recently used files make room
        file.seek(min(first, copy.rows) * _BYTES)
        return _numbers(file.read(limit * _BYTES)).tolist()
    return None


def first_rows(copy: StoredFile, terms: str, first: int, limit: int) -> list[list]:
    """`n` and what is stored of these rows of a kept order, as far as it is kept."""
    with contextlib.suppress(OSError):
        return rows_file.read(_of_first_rows(_path(copy, terms)), first, limit)
    return []


def keep(reader: opened.Reader, terms: str) -> None:
    """Sorts the table and keeps the order with its first rows.

    Raises what Reader.stream does, and OSError where there is no room.
    """
    numbers = array("I")
    for rows in reader.stream(f"SELECT n FROM rows ORDER BY {terms}", size=20_000):  # noqa: S608 - from `by`
        numbers.extend([n for (n,) in rows])
    kept = _path(reader.copy, terms)
    with _new(_of_first_rows(kept)) as path:
        rows_file.write(reader, numbers[: rows_file.ROWS].tolist(), path)
    if sys.byteorder == "big":
        numbers.byteswap()
    with _new(kept) as path:
        path.write_bytes(numbers.tobytes())
    _make_room(reader.copy)


@contextlib.contextmanager
def _new(path: Path) -> Iterator[Path]:
    """A file to write, which replaces the one at `path`."""
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield new
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def keep_soon(copy: StoredFile, terms: str) -> None:
    """Keeps the order in a thread, unless the table is small or the process is making another one."""
    if copy.rows < KEPT_FROM or _path(copy, terms).exists() or not _turn.acquire(blocking=False):
        return
    try:
        threading.Thread(target=_keep, args=(copy, terms), daemon=True).start()
    except RuntimeError:  # no more threads
        _turn.release()


def _keep(copy: StoredFile, terms: str) -> None:
    try:
        with opened.reader(copy, seconds=SECONDS) as reader:
            keep(reader, terms)
        if not type(copy).objects.filter(pk=copy.pk).exists():  # purged meanwhile
            _remove(_path(copy, terms))
    except (store.CopyLost, opened.Busy, opened.TooSlow, duckdb.Error, OSError) as error:
        logger.warning("The order of copy %s is not kept: %s", copy.pk, error)
    finally:
        _turn.release()
        connections.close_all()


def _path(copy: StoredFile, terms: str) -> Path:
    # The terms name columns by their places, which are those of this copy alone.
    return store.beside(copy, f"order-{hashlib.sha256(terms.encode()).hexdigest()[:16]}")


def _of_first_rows(path: Path) -> Path:
    return path.with_name(path.name.replace(".order-", ".first-"))


def _make_room(copy: StoredFile) -> None:
    found = []
    every = store.beside(copy, "order-*")
    for path in every.parent.glob(every.name):
        with contextlib.suppress(FileNotFoundError):
            found.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(found)[:-KEPT_MAX]:
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _of_first_rows(path).unlink(missing_ok=True)


def _numbers(data: bytes) -> array:
    numbers = array("I", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _column(columns: Sequence[Column], name: str) -> Column:
    found = named(columns, name)
    if not found:
        raise CannotSort(f"There is no column {name}.")
    if len(found) > 1:
        raise CannotSort(f"{len(found):,} columns are named {name}, so the rows can't be sorted by it.")
    return found[0]


def _terms(column: Column, order: str) -> list[str]:
    way = "DESC NULLS LAST" if order == "desc" else "ASC NULLS LAST"
    if column.kind in (Kind.INT, Kind.FLOAT, Kind.NUMBER, Kind.BOOLEAN):
        return [f"{column.value} {way}"]
    text = f"nullif({column.value}, '')"
    if column.kind not in (Kind.DECIMAL, Kind.MIXED):
        return [f"{_collated(text)} {way}"]
    # Doubles first; where they are equal, digits that a double does not hold. NaN is no number, and comes after them.
    number = column.number
    digits = (f"CASE WHEN {number} IS NOT NULL THEN try_cast({column.value} AS DECIMAL(38, {n})) END" for n in (0, 15))
    other = f"CASE WHEN {number} IS NULL THEN {text} END"
    values = (f"{number} IS NULL", number, *digits, _collated(other))
    return [f"{text} IS NULL", *(f"{one} {way}" for one in values)]


def _collated(text: str) -> str:
    return f'({text}) COLLATE "{settings.COPIES_LOCALE}"'
