"""The groups that a column puts rows into: ranges of numbers and dates, or frequent values, and its empty cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from datasources.copies import chips, conditions, histograms, measures
from datasources.copies.chips import Chip, Operator
from datasources.copies.conditions import Condition
from datasources.copies.histograms import VALUE_MAX, Range, Same, quoted
from datasources.copies.opened import Reader
from datasources.copies.plots.asked import VALUES_MAX, is_range
from datasources.copies.profile import ColumnProfile
from datasources.copies.schema import Column, Kind

# Places of the rows that are in no range and have no frequent value.
NULL, BLANK, OTHER = -1, -2, -3


@dataclass(frozen=True)
class Group:
    """`filter` finds the rows of the group; "" where no filter can. `low` and `high` are the bounds of a range."""

    label: str
    filter: str
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Axis:
    """`place` is the SQL of a row's group: its place in `groups`, or NULL, BLANK or OTHER."""

    column: Column
    place: Condition
    groups: Sequence[Group]
    is_ranges: bool
    are_dates: bool
    rest: dict[int, Group]

    def group(self, place: int) -> Group:
        return self.groups[place] if place >= 0 else self.rest[place]


def axis(
    reader: Reader, one: ColumnProfile, within: Condition, *, most: int, as_values: bool, values: int = VALUES_MAX
) -> Axis:
    """The groups of a column among the rows that meet a condition: ranges, or values where asked or nothing else fits.

    There are `most` ranges, or `values` at most. Numbers and dates of few different values are values, too, where
    `as_values` is set.
    """
    if is_range(one) and not (as_values and one.facts.distinct <= values):
        bounds = _bounds(reader, one, within, most)
        if bounds:
            return _of_ranges(one, bounds)
    return _of_values(reader, one, within, values)


def _bounds(reader: Reader, one: ColumnProfile, within: Condition, most: int) -> list[str]:
    # Of the rows that meet the condition, so that a filter shows more detail.
    column = one.column
    if column.is_number:
        number = f"{column.number}"
        finite = f"FILTER (isfinite(CAST({number} AS DOUBLE)))"
        sql = f"SELECT min({number}) {finite}, max({number}) {finite} FROM rows WHERE {within.sql}"  # noqa: S608
        [(low, high)] = reader.run(sql, within.parameters)
        if low is None:
            return []
        ends = Decimal(repr(low)), Decimal(repr(high))
        return histograms.number_bounds(*ends, is_whole=column.kind is Kind.INT, most=most)
    cell = measures.filled_cell(column)
    sql = f"SELECT min({cell}), max({cell}) FROM rows WHERE {within.sql}"  # noqa: S608 - SQL of places
    [(first, last)] = reader.run(sql, within.parameters)
    if first is None:
        return []
    moments = datetime.fromisoformat(first[:16]), datetime.fromisoformat(last[:16])
    return histograms.date_bounds(*moments, first[10:11], most)


def _of_ranges(one: ColumnProfile, bounds: Sequence[str]) -> Axis:
    column = one.column
    ranges = [bar for bar in measures.ranges(column, bounds) if isinstance(bar, Range)]
    whole = Range(column, ranges[0].low, ranges[-1].high)
    empty = f"WHEN {column.value} IS NULL THEN {NULL}"
    if column.kind is Kind.TEXT:
        empty += f" WHEN {column.value} = '' THEN {BLANK}"
    place = Condition.of(
        f"CASE {empty} WHEN {{}} THEN {{}} ELSE {OTHER} END", whole.condition, measures.place_of(ranges)
    )
    groups = [Group(bar.label, bar.filter, bar.low, bar.high) for bar in ranges]
    rest = _empties(one) | {OTHER: Group("(no number)", "")}
    return Axis(column, place, groups, is_ranges=True, are_dates=one.facts.are_dates, rest=rest)


def _of_values(reader: Reader, one: ColumnProfile, within: Condition, values: int) -> Axis:
    column = one.column
    key = key_of(column)
    has_blanks = column.kind in (Kind.TEXT, Kind.MIXED)
    # Longer values are among the others: no address can hold them.
    short = f" AND length({key}) <= {VALUE_MAX}" if key == column.text else ""
    filled = f"{key} <> ''" if has_blanks else f"{key} IS NOT NULL"
    sql = f"""
        SELECT {key}, min({column.text}) FROM rows WHERE ({within.sql}) AND {filled}{short}
        GROUP BY {key} ORDER BY count(*) DESC, {key} LIMIT {values}
    """  # noqa: S608 - SQL of places
    found = reader.run(sql, within.parameters)
    whens = [f"WHEN {key} IS NULL THEN {NULL}", f"WHEN {key} = '' THEN {BLANK}" if has_blanks else ""]
    whens += [f"WHEN {key} = ? THEN {place}" for place in range(len(found))]
    place = Condition(f"CASE {' '.join(whens)} ELSE {OTHER} END", tuple(value for value, _ in found))
    groups = [Group(text, filter_of(column, text)) for _, text in found]
    rest = _empties(one) | {OTHER: Group("(other values)", _others(one, groups, has_blanks=has_blanks))}
    return Axis(column, place, groups, is_ranges=False, are_dates=False, rest=rest)


def key_of(column: Column) -> str:
    """The SQL by which cells are equal: texts as a page shows them, numbers and booleans by value."""
    is_plain = column.kind in (Kind.INT, Kind.FLOAT, Kind.NUMBER, Kind.BOOLEAN)
    return column.value if is_plain else column.text


def filter_of(column: Column, text: str) -> str:
    """Exactly the cells of this text: `=` compares days with their times, and 1.10 with 1.1, where LIKE does not."""
    if column.kind is Kind.DECIMAL or conditions.Value(text).is_day:
        return f"{histograms.name(column.name)} LIKE {quoted(text)}"
    return Same(column, text).filter


def _others(one: ColumnProfile, groups: Sequence[Group], *, has_blanks: bool) -> str:
    each = [group.filter for group in groups]
    if not all(each) or not each:
        return ""
    column = one.column
    if column.kind is Kind.TEXT and each == [Same(column, group.label).filter for group in groups]:
        others = Chip(column.name, Operator.NOT_ONE_OF, tuple(group.label for group in groups))
        return chips.text(chips.Group(items=(others, Chip(column.name, Operator.NOT_EMPTY))))
    rest = f" AND {histograms.name(column.name)} <> ''" if has_blanks else ""
    return f"NOT ({' OR '.join(each)}){rest}"


def _empties(one: ColumnProfile) -> dict[int, Group]:
    return {NULL: Group("(null)", one.nulls_filter), BLANK: Group("(empty text)", one.blanks_filter)}
