"""Pages of rows from a copy: any filter, search and order, with the exact count."""

import math
from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from datasources.copies import first_rows, orders
from datasources.copies.conditions import Condition
from datasources.copies.opened import Reader
from datasources.copies.query import Query, where
from datasources.copies.schema import LONG, Column, Kind, Letter

# Cells of these kinds are stored as the API sent them.
_PLAIN = (Kind.TEXT, Kind.INT, Kind.FLOAT, Kind.BOOLEAN, Kind.EMPTY)
# The longest text that pages show as a link.
LINK_BYTES = 2000
# Cells and characters of a page that is kept in memory for a while.
CELLS_KEPT, TEXT_KEPT = 3_000, 100_000


class NestedText(str):
    """The beginning of a nested value's JSON."""

    __slots__ = ()


@dataclass(frozen=True)
class Page:
    """Some consecutive rows; `first` counts from 0, `total` is the number of all rows that the query finds."""

    columns: tuple[str, ...]
    rows: list[list[object]]
    first: int
    total: int


def page(
    reader: Reader,
    query: Query,
    first: int,
    limit: int,
    places: Callable[[int], Collection[int]] | None = None,
    cut_at: int | None = None,
) -> Page:
    """At most `limit` rows from `first` (from 0) on, in the query's order.

    `places` gives the columns to read for so many rows; the cells of others are None. With `cut_at`, a longer cell is a
    text of its first `cut_at + 1` characters, unless it may be a link. Raises FilterError, NotFolded, UnknownCheck,
    CannotSort, and what Reader.run does.
    """
    if query.is_everything:
        numbers, total = _of_all(reader, query, first, limit), reader.rows
    else:
        numbers, total = _found(reader, query, first, limit)
    read = range(len(reader.columns)) if places is None else places(len(numbers))
    columns = [column for column in reader.columns if column.place in read]
    stored = _kept(reader, query, first, numbers, columns, cut_at)
    if stored is None:
        stored = _fetched(reader, numbers, columns, cut_at)
    if reader.copy and query.is_everything and query.sorts:
        # After the page, which it would slow down.
        orders.keep_soon(reader.copy, orders.by(reader.columns, query.sorts))
    names = tuple(column.name for column in reader.columns)
    return Page(names, _cells(stored, columns, len(names), cut_at), first, total)


def _of_all(reader: Reader, query: Query, first: int, limit: int) -> Sequence[int]:
    """The `n` of rows of the whole table."""
    if not query.sorts:
        return range(first + 1, min(first + limit, reader.rows) + 1)
    terms = orders.by(reader.columns, query.sorts)
    if reader.copy and (numbers := orders.kept(reader.copy, terms, first, limit)) is not None:
        return numbers
    sql = f"SELECT n FROM rows ORDER BY {terms} LIMIT {limit} OFFSET {first}"  # noqa: S608 - places and numbers only
    return [n for (n,) in reader.run(sql)]


def _found(reader: Reader, query: Query, first: int, limit: int) -> tuple[Sequence[int], int]:
    """The `n` of rows that meet the query's condition, and how many do.

    Kept for a while: the cells, heads and neighbours of a page ask for its rows again.
    """
    condition, terms = where(reader, query), orders.by(reader.columns, query.sorts)
    needed = ", ".join(orders.needs(reader.columns, query.sorts))
    asked = ("rows", condition, terms, first, limit)
    return reader.lately(asked, lambda: _scanned(reader, condition, needed, terms, first, limit))


def _scanned(
    reader: Reader, condition: Condition, needed: str, terms: str, first: int, limit: int
) -> tuple[Sequence[int], int]:
    """The same in one scan of the table."""
    [(total, numbers)] = reader.run(
        f"""
        WITH found AS MATERIALIZED (SELECT {needed} FROM rows WHERE {condition.sql})
        SELECT (SELECT count(*) FROM found), array(SELECT n FROM found ORDER BY {terms} LIMIT {limit} OFFSET {first})
        """,  # noqa: S608 - the condition has its values as parameters
        condition.parameters,
    )
    return array("Q", numbers or []), total


def _kept(
    reader: Reader, query: Query, first: int, numbers: Sequence[int], columns: list[Column], cut_at: int | None
) -> list[list] | None:
    """`n` and what is stored of the rows with these `n`, where they are kept with their order."""
    if not (reader.copy and query.is_everything and query.sorts):
        return None
    rows = orders.first_rows(reader.copy, orders.by(reader.columns, query.sorts), first, len(numbers))
    if [row[0] for row in rows] != list(numbers):
        return None
    chosen, at = [0], 1
    for column in reader.columns:
        if column in columns:
            chosen += range(at, at + len(column.stored))
        at += len(column.stored)
    return [[_cut(row[place], cut_at) for place in chosen] for row in rows]


def _fetched(reader: Reader, numbers: Sequence[int], columns: list[Column], cut_at: int | None) -> list[tuple]:
    """The same from the copy, in the order of `numbers`."""
    if not numbers:
        return []
    asked = ("cells", bytes(array("Q", numbers)), tuple(columns), cut_at)
    return reader.lately(asked, lambda: _read(reader, numbers, columns, cut_at), _is_small)


def _read(reader: Reader, numbers: Sequence[int], columns: list[Column], cut_at: int | None) -> list[tuple]:
    """The same by a query."""
    longest = reader.once(first_rows.longest)
    # DuckDB plans a query in 2.3 ms with a condition for each of 12 cells, in 0.9 without.
    cuts = (cut_at if longest.get(column.place, math.inf) > (cut_at or 0) else None for column in columns)
    parts = (sql for column, cut in zip(columns, cuts, strict=True) for sql in _stored(column, cut))
    stored = ", ".join(["n", *parts])
    if isinstance(numbers, range):
        sql = f"SELECT {stored} FROM rows WHERE n BETWEEN {numbers[0]} AND {numbers[-1]}"  # noqa: S608 - places only
        found = reader.run(sql)
    else:
        found = first_rows.scattered(reader, numbers, stored)
    by_number = {row[0]: row for row in found}
    return [by_number[n] for n in numbers]


def _is_small(rows: list[tuple]) -> bool:
    """Whether so many cells may stay in memory."""
    cells = len(rows) * len(rows[0])
    return cells <= CELLS_KEPT and sum(len(cell) for row in rows for cell in row if isinstance(cell, str)) <= TEXT_KEPT


def _stored(column: Column, cut_at: int | None) -> tuple[str, ...]:
    """The SQL of what is stored of a cell, the text of a long one cut."""
    value, *letter = column.stored
    if cut_at is None or column.kind not in LONG:
        return column.stored
    may_be_link = f"starts_with({value}, 'http') AND strlen({value}) <= {LINK_BYTES}"
    is_short = f"strlen({value}) <= {cut_at} OR ({may_be_link})"
    return (f"CASE WHEN {is_short} THEN {value} ELSE left({value}, {cut_at + 1}) END", *letter)


def _cut(value: object, cut_at: int | None) -> object:
    """A stored cell as `_stored` cuts it."""
    if cut_at is None or not isinstance(value, str) or len(value) <= cut_at:
        return value
    may_be_link = value.startswith("http") and len(value.encode()) <= LINK_BYTES
    return value if may_be_link else value[: cut_at + 1]


def _cells(rows: Sequence[Sequence], columns: list[Column], width: int, cut_at: int | None) -> list[list[object]]:
    """Rows of `width` cells from `n` and what is stored of some of the columns."""
    if not rows:
        return []
    if len(columns) == width and all(column.kind in _PLAIN for column in columns):
        return [list(row[1:]) for row in rows]
    parts: list[Sequence[object]] = [[None] * len(rows)] * width
    values = list(zip(*rows, strict=True))[1:]
    for column in columns:
        stored, values = values[: len(column.stored)], values[len(column.stored) :]
        parts[column.place] = stored[0] if column.kind in _PLAIN else _converted(column, stored, cut_at)
    return [list(row) for row in zip(*parts, strict=True)]


def _converted(column: Column, stored: list[tuple], cut_at: int | None) -> list[object]:
    cells = []
    for value, *letter in zip(*stored, strict=True):
        if cut_at is None or not isinstance(value, str) or len(value) <= cut_at:
            cells.append(column.cell(value, *letter))
        else:
            is_nested = column.kind == Kind.NESTED or letter == [Letter.NESTED]
            cells.append(NestedText(value) if is_nested else value)
    return cells
