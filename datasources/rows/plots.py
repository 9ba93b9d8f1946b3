"""The page of a plot: its address, what Vega-Lite draws, and the table below it with links to the rows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from core.forms import QueryForm, query_string
from core.text import no_formula, visible
from datasources.copies import opened, profile
from datasources.copies.plots import asked, drawn
from datasources.copies.plots.asked import MEASURES, Measure, Plot, PlotKind
from datasources.copies.plots.drawn import Drawn, Line
from datasources.copies.query import Query, where
from datasources.models import TableCopy
from datasources.rows import heads, plot_specs
from datasources.rows.facets import Links
from datasources.rows.plot_specs import cut, shown

# Lines of the table on the page; the CSV has all.
LINES_MAX = 500
# Of more columns, one is searched by its name rather than picked in a list.
PICKED_MAX = 100
# What of the address is the plot; the rest selects rows.
PLOTTED = ("x", "y", "group")
OWN = ("kind", *PLOTTED, "measure", "format")
KINDS = {
    PlotKind.BAR: "Bars",
    PlotKind.HISTOGRAM: "Histogram",
    PlotKind.LINE: "Line over time",
    PlotKind.SCATTER: "Scatter plot",
    PlotKind.BOX: "Box plot",
    PlotKind.HEAT: "Heat map",
}


class PlotForm(QueryForm):
    """A plot and the rows of which it is; `key` and `team` are read elsewhere."""

    kind = forms.ChoiceField(required=False, choices=list(KINDS.items()))
    # Names of columns go to the copy as they were typed.
    x = forms.CharField(required=False, max_length=profile.NAME_MAX, strip=False)
    y = forms.CharField(required=False, max_length=profile.NAME_MAX, strip=False)
    measure = forms.ChoiceField(required=False, choices=list(MEASURES.items()))
    group = forms.CharField(required=False, max_length=profile.NAME_MAX, strip=False)
    filter = forms.CharField(required=False, max_length=4000, strip=False)
    q = forms.CharField(required=False, max_length=400)
    check = forms.CharField(required=False, max_length=100)

    def plot(self) -> Plot | None:
        """None where the address names no kind or no column."""
        state = self.state()
        if not state["kind"] or not state["x"]:
            return None
        measure = Measure(state["measure"] or Measure.COUNT)
        return Plot(PlotKind(state["kind"]), state["x"], state["y"], measure, state["group"])


@dataclass(frozen=True)
class Suggestion:
    words: str
    href: str


@dataclass(frozen=True)
class TableLine:
    cells: Sequence[str]
    numbers: Sequence[str]
    href: str


@dataclass(frozen=True)
class Page:
    """`problem` is set where the columns don't fit; then nothing is drawn, as where no rows match."""

    columns: Sequence[str]
    plot: Plot | None
    suggestions: Sequence[Suggestion]
    title: str = ""
    heads: Sequence[str] = ()
    number_heads: Sequence[str] = ()
    lines: Sequence[TableLine] = ()
    count: int = 0
    drawing: dict[str, Any] | None = None
    # Rows that only the table has, and whether points are counted in a grid.
    unplaced: int = 0
    ranges: Sequence[plot_specs.RangeForm] = ()
    is_grid: bool = False
    problem: str = ""

    @property
    def has_many(self) -> bool:
        return len(self.columns) > PICKED_MAX


def read(copy: TableCopy, person: object, form: PlotForm, parameters: dict[str, Any], path: str, rows: str) -> Page:
    """The plot that the form asks for, else the first one suggested. `rows` is the path of the rows.

    Raises CopyLost, Busy, TooSlow, FilterError, UnknownCheck and NotFolded.
    """
    with opened.reader(copy, person) as reader:
        every = profile.of(reader)
        plots = asked.suggested(every)
        plot = form.plot() or (plots[0] if plots else None)
        found, problem = None, ""
        if plot:
            try:
                found = drawn.draw(reader, plot, every, where(reader, _query(form.state())))
            except asked.CannotPlot as error:
                problem = str(error)
    columns = [one.column.name for one in every if one.has_filters]
    suggestions = [Suggestion(words(one), path + query_string(parameters, **address(one))) for one in plots]
    if not (plot and found):
        return Page(columns, plot, suggestions, problem=problem)
    kept = {name: value for name, value in parameters.items() if name not in OWN}
    to = Links(kept, rows)
    base = to.facet([]).base
    lines = [_table_line(plot, found, line, to, base) for line in found.lines[:LINES_MAX]]
    names, numbers = _heads(plot, found)
    spec = plot_specs.spec(plot, found)
    drawing = {
        "spec": spec,
        "rows": rows + query_string(kept, filter=""),
        "plot": path + query_string({**parameters, **address(plot)}, filter="", format=""),
        "filter": base,
        "drag": plot_specs.drags(plot, found),
    }
    return Page(
        columns=columns,
        plot=plot,
        suggestions=suggestions,
        title=words(plot),
        heads=names,
        number_heads=numbers,
        lines=lines,
        count=len(found.lines),
        drawing=drawing if spec["data"]["values"] else None,
        unplaced=plot_specs.unplaced(plot, found),
        ranges=plot_specs.range_forms(plot, found) if found.lines else (),
        is_grid=plot.kind is PlotKind.SCATTER and not found.are_points,
    )


@dataclass(frozen=True)
class CsvFile:
    """The whole table of a plot; `words` name the plot."""

    words: str
    columns: Sequence[str]
    rows: int
    text: str


def csv_file(copy: TableCopy, person: object, form: PlotForm) -> CsvFile:
    """Raises CannotPlot and what `read` does."""
    plot = form.plot()
    if not plot:
        raise asked.CannotPlot("The address names no plot. Choose a kind and a column.")
    with opened.reader(copy, person) as reader:
        found = drawn.draw(reader, plot, profile.of(reader), where(reader, _query(form.state())))
    names, numbers = _heads(plot, found)
    columns = [*names, *numbers]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([no_formula(visible(name)) for name in columns])
    for line in found.lines:
        writer.writerow([*(no_formula(visible(cell)) for cell in line.cells), *_numbers(plot, found, line)])
    return CsvFile(words(plot), columns, len(found.lines), text.getvalue())


def words(plot: Plot) -> str:
    """A plot in words, such as "Mean of price by brand"."""
    x, y, group = (cut(name) for name in (plot.x, plot.y, plot.group))
    match plot.kind:
        case PlotKind.SCATTER:
            text = f"{y} against {x}"
        case PlotKind.BOX:
            text = f"Spread of {y} by {x}"
        case PlotKind.HEAT:
            text = f"{_measured(plot)} by {x} and {y}"
        case _:
            text = f"{_measured(plot)} by {x}"
    return f"{text} and {group}" if group and plot.kind is not PlotKind.HEAT else text


def _measured(plot: Plot) -> str:
    return f"{MEASURES[plot.measure]} of {cut(plot.measured)}" if plot.measured else "Rows"


def _query(state: dict[str, Any]) -> Query:
    return Query(filter=state["filter"], words=state["q"], check=state["check"])


def address(plot: Plot) -> dict[str, str]:
    """Every parameter of the plot, empty ones too, so that no other one stays."""
    measure = "" if plot.measure is Measure.COUNT else plot.measure.value
    return {"kind": plot.kind.value, "x": plot.x, "y": plot.y, "measure": measure, "group": plot.group}


def _heads(plot: Plot, found: Drawn) -> tuple[Sequence[str], Sequence[str]]:
    groups = len(found.axes)
    values = [] if _is_count(plot, found) else found.titles[groups:]
    return found.titles[:groups], [*values, "Rows"]


def _is_count(plot: Plot, found: Drawn) -> bool:
    """Whether the value of a line is the number of its rows."""
    return not found.are_points and (plot.kind is PlotKind.SCATTER or not (plot.measured or plot.kind is PlotKind.BOX))


def _numbers(plot: Plot, found: Drawn, line: Line) -> list[Any]:
    return [*([] if _is_count(plot, found) else line.values), line.rows]


def _table_line(plot: Plot, found: Drawn, line: Line, to: Links, base: str) -> TableLine:
    href = to.to(" AND ".join(filter(None, [base, line.filter]))) if line.filter and line.rows else ""
    numbers = [shown(value) for value in _numbers(plot, found, line)]
    return TableLine([heads.short(cell, 200) for cell in line.cells], numbers, href)
