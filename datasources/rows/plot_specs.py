"""Specifications of plots for Vega-Lite, and the filters of a range that is dragged over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.text import visible
from datasources.copies import chips, histograms
from datasources.copies.chips import Chip, Operator
from datasources.copies.plots.asked import Measure, Plot, PlotKind
from datasources.copies.plots.axes import Axis, Group
from datasources.copies.plots.drawn import Drawn, Line
from datasources.rows import heads
from datasources.rows.profiles import plain_number

TITLE_MAX = 60
_OF_OBJECTS = {"__proto__", "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString"}
_OF_OBJECTS |= {"toString", "valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"}
_ZERO_WIDTH = "\u200b"
# Kinds whose ranges have a position; others show the label of each range.
_PLACED = (PlotKind.HISTOGRAM, PlotKind.LINE, PlotKind.SCATTER, PlotKind.HEAT)


def spec(plot: Plot, found: Drawn) -> dict[str, Any]:
    """The specification for Vega-Lite. No name of a column is a field: fields are x, y, g and so on."""
    titles = [_name(title) for title in found.titles]
    labels = [_labels(found, at) for at in range(len(found.axes))]
    values = [datum for datum in (_datum(plot, found, line, labels) for line in found.lines) if datum]
    made = {"data": {"values": values}, **_kinds(plot, found, titles)}
    for layer in made.get("layer", [made]):
        layer["encoding"] |= {"tooltip": {"field": "t"}}
    return made


def unplaced(plot: Plot, found: Drawn) -> int:
    """The rows that the drawing leaves out: empty cells have no place among ranges. The table has them."""
    return sum(line.rows for line in found.lines if not _is_placed(plot, found, line))


def drags(plot: Plot, found: Drawn) -> list[dict[str, Any] | None]:
    """For each axis, how a range on it becomes a filter: the whole groups that it touches, or two numbers."""
    if found.are_points:
        return [{"name": histograms.name(name)} for name in (plot.x, plot.y)]
    return [_groups(axis) if axis.is_ranges else None for axis in found.axes]


@dataclass(frozen=True)
class RangeForm:
    """The same as a drag, by click and by keyboard: each bound with its words; no bounds where any number will do."""

    name: str
    lows: Sequence[tuple[str, str]] = ()
    highs: Sequence[tuple[str, str]] = ()


def range_forms(plot: Plot, found: Drawn) -> list[RangeForm]:
    """For each axis that can be dragged over; see `drags`."""
    if found.are_points:
        return [RangeForm(name) for name in dict.fromkeys((plot.x, plot.y))]
    return [_range_form(axis) for axis in _placed_axes(plot, found) if axis.is_ranges]


def shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else plain_number(value)


def cut(name: str) -> str:
    return heads.short(visible(name), TITLE_MAX)


def _range_form(axis: Axis) -> RangeForm:
    def worded(bound: str) -> tuple[str, str]:
        return bound, bound if axis.are_dates else histograms.shown_number(bound)

    highs = [worded(group.high) if group.high else ("", "the end") for group in axis.groups]
    return RangeForm(axis.column.name, [worded(group.low) for group in axis.groups], highs)


def _placed_axes(plot: Plot, found: Drawn) -> Sequence[Axis]:
    """The axes with positions: the second axis of histograms and lines is a colour."""
    if plot.kind not in _PLACED:
        return ()
    return found.axes if plot.kind in (PlotKind.HEAT, PlotKind.SCATTER) else found.axes[:1]


def _groups(axis: Axis) -> dict[str, Any]:
    """The position of each bound, and the conditions that begin and end there; "" where there is no end."""

    def end(operator: Operator, bound: str) -> str:
        chip = Chip(axis.column.name, operator, (bound,), is_number=axis.column.is_number)
        return chips.text(chips.Group(items=(chip,))) if bound else ""

    return {
        "places": [[_position(axis, group.low), _end(axis, group)] for group in axis.groups],
        "from": [end(Operator.GTE, group.low) for group in axis.groups],
        "to": [end(Operator.LT, group.high) for group in axis.groups],
    }


def _position(axis: Axis, bound: str) -> float:
    """A bound as a number: of dates, milliseconds since 1970."""
    if not axis.are_dates:
        return float(bound)
    moment = datetime.fromisoformat(bound[:16]).replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000


def _end(axis: Axis, group: Group) -> float:
    return _position(axis, group.high or group.low)


def _is_placed(plot: Plot, found: Drawn, line: Line) -> bool:
    if found.are_points:
        return True
    placed = zip(_placed_axes(plot, found), line.places, strict=False)
    return all(place >= 0 for axis, place in placed if axis.is_ranges)


def _datum(plot: Plot, found: Drawn, line: Line, labels: Sequence[dict[int, str]]) -> dict[str, Any] | None:
    """A line as Vega-Lite reads it; None for rows that have no place on an axis of ranges."""
    if not _is_placed(plot, found, line):
        return None
    names = [cut(title) for title in found.titles]
    texts = [*(heads.short(cell, TITLE_MAX) for cell in line.cells), *(shown(value) for value in line.values)]
    datum: dict[str, Any] = {"t": "\n".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True))}
    datum["f"] = line.filter
    if found.are_points:
        datum |= {"x": line.values[0], "y": line.values[1]}
        return datum | ({"g": labels[0][line.places[0]]} if line.cells else {})
    second = "y" if plot.kind in (PlotKind.HEAT, PlotKind.SCATTER) else "g"
    for name, axis, place, named in zip(("x", second), found.axes, line.places, labels, strict=False):
        if axis.is_ranges and name != "g" and plot.kind in _PLACED:
            group = axis.groups[place]
            datum |= {name: _position(axis, group.low), f"{name}2": _end(axis, group)}
        else:
            datum[name] = named[place]
    return datum | {f"v{at}": value for at, value in enumerate(line.values)}


def _name(text: str) -> str:
    """A label or a title. Vega keeps both as names of an object, which has some of its own."""
    shown = heads.short(visible(text), TITLE_MAX)
    return f"{_ZERO_WIDTH}{shown}" if shown in _OF_OBJECTS else shown


def _labels(found: Drawn, at: int) -> dict[int, str]:
    """The label of each group of an axis. Groups of one label, such as texts that are cut, would be drawn as one."""
    cells = {line.places[at]: line.cells[at] for line in found.lines}
    labels: dict[int, str] = {}
    # Null and empty text keep their labels.
    for place in sorted(cells):
        label = name = _name(_label(found.axes[at], place) or cells[place])
        number = 1
        while label in labels.values():
            number += 1
            label = f"{name} ({number})"
        labels[place] = label
    return labels


def _label(axis: Axis, place: int) -> str:
    """The range in a few letters, for an axis of labels; "" for other groups."""
    if not axis.is_ranges or place < 0:
        return ""
    group = axis.groups[place]
    return group.low if axis.are_dates else "–".join(map(histograms.shown_number, (group.low, group.high)))


def _kinds(plot: Plot, found: Drawn, titles: list[str]) -> dict[str, Any]:
    drag = {"name": "drag", "select": {"type": "interval", "encodings": ["x"]}}
    area = drag | {"select": {"type": "interval"}}
    groups = len(found.axes)
    if found.are_points:
        x, y = titles[-2:]
        encoding: dict[str, Any] = {"x": _free("x", x), "y": _free("y", y)}
        if found.axes:
            encoding["color"] = _colour(titles[0])
        return {"mark": {"type": "point", "filled": True, "opacity": 0.6}, "encoding": encoding, "params": [area]}
    if plot.kind in (PlotKind.SCATTER, PlotKind.HEAT):
        encoding = _spans("x", found.axes[0], titles[0]) | _spans("y", found.axes[1], titles[1])
        encoding["color"] = _amount("v0", titles[2], {line.values[0] for line in found.lines})
        # An area of labels is none of ranges.
        draggable = {"params": [area]} if all(axis.is_ranges for axis in found.axes) else {}
        return {"mark": "rect", "encoding": encoding, **draggable}
    if plot.kind is PlotKind.BOX:
        return _box(titles, _name(plot.y))
    is_sum = plot.measure in (Measure.COUNT, Measure.SUM)
    measured: dict[str, Any] = {"field": "v0", "type": "quantitative", "title": titles[groups]}
    if not plot.measured:
        measured["axis"] = {"tickMinStep": 1}
    coloured = {"color": _colour(titles[1])} if groups > 1 else {}
    if plot.kind is PlotKind.BAR:
        beside = {"xOffset": {"field": "g", "sort": None}} if coloured and not is_sum else {}
        return {"mark": "bar", "encoding": {"x": _names("x", titles[0]), "y": measured, **coloured, **beside}}
    if plot.kind is PlotKind.HISTOGRAM:
        stack = {} if is_sum else {"stack": None}
        encoding = _spans("x", found.axes[0], titles[0]) | {"y": measured | stack} | coloured
        return {"mark": {"type": "bar", "opacity": 1 if is_sum else 0.7}, "encoding": encoding, "params": [drag]}
    line = {"mark": {"type": "line", "point": True}}
    if not found.axes[0].is_ranges:  # the rows have one value
        return line | {"encoding": {"x": _names("x", titles[0]), "y": measured, **coloured}}
    kind = "temporal" if found.axes[0].are_dates else "quantitative"
    x_axis = {"field": "x", "type": kind, "title": titles[0], "scale": _scale(found.axes[0])}
    return line | {"encoding": {"x": x_axis, "y": measured, **coloured}, "params": [drag]}


def _box(titles: list[str], measured: str) -> dict[str, Any]:
    """From the smallest to the largest value, a box between the quartiles, and a mark at the median.

    The script makes the boxes narrower where there is no room.
    """
    x = _names("x", titles[0])

    def between(low: str, high: str) -> dict[str, Any]:
        y = {"field": low, "type": "quantitative", "title": measured, "scale": {"zero": False}}
        return {"x": x, "y": y, "y2": {"field": high}}

    median = between("v2", "v2")
    del median["y2"]
    return {
        "layer": [
            {"mark": "rule", "encoding": between("v0", "v4")},
            {"mark": {"type": "bar", "size": 18}, "encoding": between("v1", "v3")},
            {"mark": {"type": "tick", "color": "white", "size": 18, "thickness": 2}, "encoding": median},
        ]
    }


def _names(field: str, title: str) -> dict[str, Any]:
    """An axis of labels in the order of the lines."""
    return {"field": field, "type": "nominal", "title": title, "sort": None}


def _spans(field: str, axis: Axis, title: str) -> dict[str, Any]:
    kind = "temporal" if axis.are_dates else "quantitative"
    if not axis.is_ranges:
        return {field: _names(field, title)}
    first = {"field": field, "bin": "binned", "type": kind, "title": title, "scale": _scale(axis)}
    return {field: first, f"{field}2": {"field": f"{field}2"}}


def _scale(axis: Axis) -> dict[str, Any]:
    return {"type": "utc"} if axis.are_dates else {"zero": False}


def _free(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False}}


def _colour(title: str) -> dict[str, Any]:
    return {"field": "g", "type": "nominal", "title": title, "sort": None}


def _amount(field: str, title: str, values: set[Any]) -> dict[str, Any]:
    # One value has no scale from light to dark: the legend shows it alone, as it is.
    return {"field": field, "type": "quantitative" if len(values) > 1 else "ordinal", "title": title}
