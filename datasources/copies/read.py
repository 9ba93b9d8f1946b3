"""Pages of rows from a copy: any filter, search and order, with the exact count."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from datasources.copies import orders
from datasources.copies.opened import Reader
from datasources.copies.query import Query, where
from datasources.copies.schema import Column, Kind, Letter

# Cells of these kinds are stored as the API sent them.
_PLAIN = (Kind.TEXT, Kind.INT, Kind.FLOAT, Kind.BOOLEAN, Kind.EMPTY)
# Cells of these kinds may be of any length.
_LONG = (Kind.TEXT, Kind.NESTED, Kind.DECIMAL, Kind.MIXED)
# The longest text that pages show as a link.
LINK_BYTES = 2000


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
    return Page(tuple(column.name for column in reader.columns), _rows(reader, numbers, columns, cut_at), first, total)


def _of_all(reader: Reader, query: Query, first: int, limit: int) -> Sequence[int]:
    """The `n` of rows of the whole table."""
    if not query.sorts:
        return range(first + 1, min(first + limit, reader.rows) + 1)
    terms = orders.by(reader.columns, query.sorts)
    if reader.copy and (numbers := orders.kept(reader.copy, terms, first, limit)) is not None:
        return numbers
    if reader.copy:
        orders.keep_soon(reader.copy, terms)
    sql = f"SELECT n FROM rows ORDER BY {terms} LIMIT {limit} OFFSET {first}"  # noqa: S608 - places and numbers only
    return [n for (n,) in reader.run(sql)]


def _found(reader: Reader, query: Query, first: int, limit: int) -> tuple[Sequence[int], int]:
    """The `n` of rows that meet the query's condition, and how many do: in one scan of the table."""
    condition = where(reader, query)
    needed = ", ".join(orders.needs(reader.columns, query.sorts))
    terms = orders.by(reader.columns, query.sorts)
    [(total, numbers)] = reader.run(
        f"""
        WITH found AS MATERIALIZED (SELECT {needed} FROM rows WHERE {condition.sql})
        SELECT (SELECT count(*) FROM found), array(SELECT n FROM found ORDER BY {terms} LIMIT {limit} OFFSET {first})
        """,  # noqa: S608 - the condition has its values as parameters
        condition.parameters,
    )
    return numbers or [], total


def _rows(reader: Reader, numbers: Sequence[int], columns: list[Column], cut_at: int | None) -> list[list[object]]:
    """The rows with these `n`, in this order, with a cell for each column of the copy."""
    if not numbers:
        return []
    stored = ", ".join(["n", *(sql for column in columns for sql in _stored(column, cut_at))])
    if isinstance(numbers, range):
        sql = f"SELECT {stored} FROM rows WHERE n BETWEEN {numbers[0]} AND {numbers[-1]}"  # noqa: S608 - places only
        found = reader.run(sql)
    else:
        # A join reads scattered rows six times as fast as IN (…).
        sql = f"SELECT {stored} FROM (SELECT unnest(?) AS wanted) JOIN rows ON n = wanted"  # noqa: S608 - places only
        found = reader.run(sql, (list(numbers),))
    by_number = {row[0]: row for row in found}
    ordered = [by_number[n] for n in numbers]
    if len(columns) == len(reader.columns) and all(column.kind in _PLAIN for column in columns):
        return [list(row[1:]) for row in ordered]
    return _cells(ordered, columns, len(reader.columns), cut_at)


def _stored(column: Column, cut_at: int | None) -> tuple[str, ...]:
    """The SQL of what is stored of a cell, the text of a long one cut."""
    value, *letter = column.stored
    if cut_at is None or column.kind not in _LONG:
        return column.stored
    may_be_link = f"starts_with({value}, 'http') AND strlen({value}) <= {LINK_BYTES}"
    is_short = f"strlen({value}) <= {cut_at} OR ({may_be_link})"
    return (f"CASE WHEN {is_short} THEN {value} ELSE left({value}, {cut_at + 1}) END", *letter)


def _cells(rows: list[tuple], columns: list[Column], width: int, cut_at: int | None) -> list[list[object]]:
    """Rows of `width` cells from what is stored of some of the columns."""
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
