"""Kinds and measures of plots, and the plots that fit the columns of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from datasources.copies.profile import ColumnProfile

# Bars of this many values at most; the others are one bar.
VALUES_MAX = 25


class PlotKind(StrEnum):
    BAR = "bar"
    HISTOGRAM = "histogram"
    LINE = "line"
    SCATTER = "scatter"
    BOX = "box"
    HEAT = "heat"


class Measure(StrEnum):
    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"


MEASURES = {
    Measure.COUNT: "Row count",
    Measure.SUM: "Sum",
    Measure.MEAN: "Mean",
    Measure.MEDIAN: "Median",
    Measure.MIN: "Smallest",
    Measure.MAX: "Largest",
    Measure.DISTINCT: "Different values",
}


@dataclass(frozen=True)
class Plot:
    """The columns by their names. `y` is measured by bars, histograms and lines; `group` is measured by heat maps."""

    kind: PlotKind
    x: str
    y: str = ""
    measure: Measure = Measure.COUNT
    group: str = ""

    @property
    def measured(self) -> str:
        """The column of the measure; "" for rows that are counted."""
        if self.measure is Measure.COUNT or self.kind in (PlotKind.SCATTER, PlotKind.BOX):
            return ""
        return self.group if self.kind is PlotKind.HEAT else self.y


class CannotPlot(Exception):
    """The columns don't fit the kind; the message is a sentence for people."""


def is_number(one: ColumnProfile) -> bool:
    return one.column.is_number


def is_range(one: ColumnProfile) -> bool:
    """Whether the column is cut into ranges: numbers and dates."""
    return bool(one.facts.bounds)


def is_category(one: ColumnProfile) -> bool:
    return bool(one.facts.tops) and 1 < one.facts.distinct <= VALUES_MAX


def suggested(profiles: Sequence[ColumnProfile]) -> list[Plot]:
    """Up to three plots that fit the columns, each of another kind."""
    usable = [one for one in profiles if one.has_filters and one.filled]
    dates = [one.column.name for one in usable if one.facts.are_dates and is_range(one)]
    numbers = [one.column.name for one in usable if is_number(one) and is_range(one) and not one.is_key]
    groups = [one.column.name for one in usable if is_category(one) and not one.facts.are_dates]
    found = []
    if dates:
        found.append(Plot(PlotKind.LINE, dates[0]))
    if groups:
        measured = [name for name in numbers if name != groups[0]]
        found.append(
            Plot(PlotKind.BAR, groups[0], measured[0], Measure.MEAN) if measured else Plot(PlotKind.BAR, groups[0])
        )
    if numbers:
        found.append(Plot(PlotKind.HISTOGRAM, numbers[0]))
    if len(numbers) > 1:
        found.append(Plot(PlotKind.SCATTER, numbers[0], numbers[1]))
    if len(groups) > 1:
        found.append(Plot(PlotKind.HEAT, groups[0], groups[1]))
    rest = [one.column.name for one in usable if one.column.name not in groups]
    found += [Plot(PlotKind.BAR, name) for name in rest]
    return found[:3]
