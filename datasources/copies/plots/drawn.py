"""The lines of a plot: what it draws, and its table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from datasources.copies import histograms, measures
from datasources.copies.conditions import Condition
from datasources.copies.opened import Reader
from datasources.copies.plots import axes
from datasources.copies.plots.asked import (
    MEASURES,
    VALUES_MAX,
    CannotPlot,
    Measure,
    Plot,
    PlotKind,
    is_number,
    is_range,
)
from datasources.copies.plots.axes import Axis
from datasources.copies.profile import ColumnProfile
from datasources.copies.schema import Kind

# A scatter plot shows so many points; more are counted in a grid.
POINTS_MAX = 5000
GRID, BINS, MOMENTS, HEAT_BINS = 40, 30, 100, 20
# With the other values, null and empty text: as many as there are colours that differ.
COLOURS_MAX = 7


@dataclass(frozen=True)
class Line:
    """A bar, point or cell of the plot: its groups, its numbers, and how many rows `filter` finds."""

    cells: tuple[str, ...]
    values: tuple[Any, ...]
    rows: int
    filter: str
    places: tuple[int, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """The lines; `titles` are those of their groups, then of their values."""

    titles: tuple[str, ...]
    lines: list[Line]
    axes: list[Axis] = field(default_factory=list)
    # Each line is a point: its values are two numbers.
    are_points: bool = False


def draw(reader: Reader, plot: Plot, profiles: Sequence[ColumnProfile], within: Condition) -> Drawn:
    """The lines of a plot of the rows that meet a condition. Raises CannotPlot, TooSlow and CopyLost."""
    named = {one.column.name: one for one in profiles if one.has_filters}
    x = _column(named, plot.x, "the horizontal axis")
    group = _column(named, plot.group, "the colour") if plot.group else None

    def axis(one: ColumnProfile, most: int, *, as_values: bool = True, values: int = VALUES_MAX) -> Axis:
        return axes.axis(reader, one, within, most=most, as_values=as_values, values=values)

    match plot.kind:
        case PlotKind.BAR | PlotKind.HISTOGRAM | PlotKind.LINE:
            is_bar = plot.kind is PlotKind.BAR
            if not is_bar and not is_range(x):
                raise CannotPlot(
                    f"{x.column.name} has no range of numbers or dates. Choose another column, or draw bars."
                )
            of = [axis(x, MOMENTS if plot.kind is PlotKind.LINE else BINS, as_values=is_bar)]
            of += [axis(group, COLOURS_MAX, values=COLOURS_MAX)] if group else []
            return _grouped(reader, plot, named, within, of)
        case PlotKind.HEAT:
            y = _column(named, plot.y, _VERTICAL)
            return _grouped(reader, plot, named, within, [axis(x, HEAT_BINS), axis(y, HEAT_BINS)])
        case PlotKind.BOX:
            return _boxes(reader, plot, x, _numbers(named, plot.y, _VERTICAL), within)
    across = _numbers(named, plot.x, "the horizontal axis")
    return _scattered(reader, across, _numbers(named, plot.y, _VERTICAL), group, within)


def _column(named: dict[str, ColumnProfile], name: str, called: str) -> ColumnProfile:
    if name in named:
        return named[name]
    if not name:
        raise CannotPlot(f"Choose a column for {called}.")
    raise CannotPlot(f"There is no column {name[:80]}, or several columns have this name.")


def _numbers(named: dict[str, ColumnProfile], name: str, called: str) -> ColumnProfile:
    one = _column(named, name, called)
    if not is_number(one):
        raise CannotPlot(f"{one.column.name} is no column of numbers. Choose another column for {called}.")
    return one


def _grouped(
    reader: Reader, plot: Plot, named: dict[str, ColumnProfile], within: Condition, of: Sequence[Axis]
) -> Drawn:
    """Rows by one or two columns, and the measure of each group."""
    value, title = "count(*)", "Rows"
    if plot.measure is not Measure.COUNT:
        one = _column(named, plot.measured, "the measure")
        value, title = _measure(plot.measure, one), f"{MEASURES[plot.measure]} of {one.column.name}"
    found = {row[: len(of)]: row[len(of) :] for row in _aggregated(reader, of, within, [value])}
    if plot.kind is PlotKind.LINE and of[0].is_ranges:
        found = _with_gaps(found, 0 if plot.measure in _ADDED else None)
    lines = [_line(of, places, (_plain(value),), rows) for places, (rows, value) in found.items()]
    titles = (*(axis.column.name for axis in of), title)
    return Drawn(titles, lines, list(of))


def _with_gaps(found: dict[tuple[int, ...], Any], value: int | None) -> dict[tuple[int, ...], Any]:
    """Also the ranges without rows, from the first to the last one with rows: no line leads past them."""
    places = [one[0] for one in found if one[0] >= 0]
    if not places:
        return found
    groups = list(dict.fromkeys(one[1:] for one in found if one[0] >= 0))
    every = {(at, *group): (0, value) for at in range(min(places), max(places) + 1) for group in groups}
    return every | found


# No rows add up to 0, and have no mean.
_ADDED = (Measure.COUNT, Measure.SUM, Measure.DISTINCT)
_VERTICAL = "the vertical axis"


def _measure(measure: Measure, one: ColumnProfile) -> str:
    column = one.column
    if measure is Measure.DISTINCT:
        # As the profile counts them: numbers by value, without empty text.
        value = column.number if column.is_number else column.text
        return f"count(DISTINCT {value}) FILTER ({measures.filled_cell(column)} IS NOT NULL)"
    if not is_number(one):
        raise CannotPlot(
            f"{column.name} is no column of numbers. Count its different values, or choose another column."
        )
    number = f"CAST({column.number} AS DOUBLE)"
    if column.kind is Kind.INT and measure in (Measure.MIN, Measure.MAX):
        return f"{measure}({column.number})"  # all digits
    if column.kind is Kind.INT and measure is Measure.SUM and _is_short(one):
        return f"sum(CAST({column.number} AS BIGINT))"
    name = {Measure.MEAN: "avg"}.get(measure, measure.value)
    return f"{name}({number}) FILTER (isfinite({number}))"


def _is_short(one: ColumnProfile) -> bool:
    """Whether all cells are numbers of 64 bits, of which any number adds up exactly."""
    return all(-(2**63) <= int(text) < 2**63 for text in (one.facts.least, one.facts.most) if text)


def _aggregated(reader: Reader, of: Sequence[Axis], within: Condition, values: Sequence[str]) -> list[tuple[Any, ...]]:
    """The places of each group, its rows and values; in the order of the groups, what is in none of them last."""
    places = [axis.place for axis in of]
    names = [f"p{at}" for at in range(len(of))]
    selected = ", ".join([f"{place.sql} AS {name}" for place, name in zip(places, names, strict=True)])
    order = ", ".join(f"{name} < 0, abs({name})" for name in names)
    sql = f"""
        SELECT {selected}, count(*), {", ".join(values)} FROM rows WHERE {within.sql}
        GROUP BY {", ".join(names)} ORDER BY {order}
    """  # noqa: S608 - values are parameters
    return reader.run(sql, (*(value for place in places for value in place.parameters), *within.parameters))


def _line(of: Sequence[Axis], places: Sequence[int], values: tuple[Any, ...], rows: int, rest: str = "") -> Line:
    groups = [axis.group(place) for axis, place in zip(of, places, strict=True)]
    filters = [group.filter for group in groups]
    found = " AND ".join([*dict.fromkeys(filters), *([rest] if rest else [])]) if all(filters) else ""
    return Line(tuple(group.label for group in groups), values, rows, found, tuple(places))


def _boxes(reader: Reader, plot: Plot, x: ColumnProfile, y: ColumnProfile, within: Condition) -> Drawn:
    of = [axes.axis(reader, x, within, most=VALUES_MAX, as_values=True)]
    number = f"CAST({y.column.number} AS DOUBLE)"
    finite = f"FILTER (isfinite({number}))"
    values = [f"quantile_cont({number}, [0, 0.25, 0.5, 0.75, 1]) {finite}"]
    filled = Condition.of(f"({{}} AND {y.column.value} IS NOT NULL)", within)
    rest = f"{histograms.name(y.column.name)} IS NOT NULL"
    lines = [
        _line(of, (place,), tuple(map(_plain, quartiles)), rows, rest)
        for place, rows, quartiles in _aggregated(reader, of, filled, values)
        if quartiles
    ]
    ends = ("Smallest", "Lower quartile", "Median", "Upper quartile", "Largest")
    return Drawn((x.column.name, *(f"{end} of {plot.y}" for end in ends)), lines, of)


def _scattered(
    reader: Reader, x: ColumnProfile, y: ColumnProfile, group: ColumnProfile | None, within: Condition
) -> Drawn:
    numbers = [f"CAST({one.column.number} AS DOUBLE)" for one in (x, y)]
    finite = " AND ".join(f"coalesce(isfinite({number}), false)" for number in numbers)
    both = Condition.of(f"({{}} AND {finite})", within)
    [(rows,)] = reader.run(f"SELECT count(*) FROM rows WHERE {both.sql}", both.parameters)  # noqa: S608
    if rows > POINTS_MAX:
        of = [axes.axis(reader, one, both, most=GRID, as_values=False) for one in (x, y)]
        counted = _aggregated(reader, of, both, ["1"])
        return Drawn(
            (x.column.name, y.column.name, "Rows"), [_line(of, row[:2], (row[2],), row[2]) for row in counted], of
        )
    coloured = [axes.axis(reader, group, both, most=COLOURS_MAX, as_values=True, values=COLOURS_MAX)] if group else []
    place = coloured[0].place if coloured else Condition("0")
    keys = [axes.key_of(one.column) for one in (x, y)]
    sql = f"""
        SELECT min({x.column.text}), min({y.column.text}), {place.sql} AS place, count(*) FROM rows
        WHERE {both.sql} GROUP BY {", ".join(keys)}, place ORDER BY min(n)
    """  # noqa: S608 - values are parameters
    lines = []
    for one, other, at, count in reader.run(sql, (*place.parameters, *both.parameters)):
        groups = [coloured[0].group(at)] if coloured else []
        filters = [axes.filter_of(x.column, one), axes.filter_of(y.column, other), *(group.filter for group in groups)]
        found = " AND ".join(dict.fromkeys(filters)) if all(filters) else ""
        labels = tuple(group.label for group in groups)
        lines.append(Line(labels, (_number(one), _number(other)), count, found, (at,) if coloured else ()))
    titles = (*(axis.column.name for axis in coloured), x.column.name, y.column.name)
    return Drawn(titles, lines, coloured, are_points=True)


def _number(text: str) -> Any:
    """Whole numbers with all digits."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
