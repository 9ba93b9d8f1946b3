"""The facts of a column, computed over all its cells when a copy is made."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from datasources.copies import checks, histograms
from datasources.copies.conditions import EVERY_ROW, Condition
from datasources.copies.histograms import VALUE_MAX, Bar, Range, Same
from datasources.copies.schema import Column, Kind

# Runs SQL with parameters, over the tables of schema.py.
Run = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

# Columns of more different values have an estimate of their number, and their frequent values only where those are
# more than half as many as the cells: grouping all would take memory by the cell.
EXACT_MAX = 50_000
TOPS = 20
# A column is a likely key, or nearly one with duplicates, where this share of its cells occurs once.
KEY_SHARE = 0.8
KEY_LENGTH = 200
# The least and the largest text are cut after so many characters.
SHOWN_MAX = 200
DAY_LENGTH = 10
# Numbers and dates among texts are suspicious from this share on; from half of all cells on, the others are.
RARE, MOST = 0.05, 0.5


@dataclass(frozen=True)
class Facts:
    """The profile of a column without its name and kind. `distinct`, `least` and so on leave empty cells apart."""

    rows: int
    nulls: int
    blanks: int = 0
    distinct: int = 0
    is_exact: bool = True
    # Texts as a page shows them; of numbers or texts.
    least: str = ""
    most: str = ""
    mean: float | None = None
    quartiles: list[float] = field(default_factory=list)
    # Characters of the texts: the fewest, the most and the mean.
    lengths: list[float] = field(default_factory=list)
    # Frequent values with their counts, the most frequent first.
    tops: list[tuple[str, int]] = field(default_factory=list)
    # Of a histogram: one bound more than counts.
    bounds: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    # Suspicious cells by check.
    findings: dict[str, int] = field(default_factory=dict)
    # Whether all texts are dates, or numbers.
    are_dates: bool = False
    are_numbers: bool = False


def measured(run: Run, column: Column) -> Facts:
    """Some passes over one column."""
    known = _known(run, column)
    present, filled = known["present"], known["filled"]
    facts: dict[str, Any] = {"rows": known["rows"], "nulls": known["rows"] - present, "blanks": present - filled}
    if not filled:
        return Facts(**facts)
    repeats = _repeats(run, column, known)
    tops, distinct = _tops(run, column, known)
    if repeats:
        distinct = filled - repeats.rows + repeats.values
    are_dates = known.get("iso", 0) == filled and _are_all_dates(run, column)
    bounds = _bounds(column, known, are_dates=are_dates)
    return Facts(
        **facts,
        **_spread(column, known),
        distinct=min(known["about"], filled) if distinct is None else distinct,
        is_exact=distinct is not None,
        tops=tops,
        bounds=bounds,
        counts=counted(run, [ranges(column, bounds)])[0],
        findings=_findings(known, filled, repeats),
        are_dates=are_dates,
        are_numbers=known.get("numbers", 0) == filled,
    )


def ranges(column: Column, bounds: Sequence[str]) -> list[Bar]:
    return [Range(column, low, high) for low, high in pairwise(bounds)]


def counted(run: Run, groups: Sequence[Sequence[Bar]], within: Condition = EVERY_ROW) -> list[list[int]]:
    """The rows of each bar that meet a condition, in one pass."""
    filled = [group for group in groups if group]
    if not filled:
        return [[] for _ in groups]
    each = Condition.joined(", ", [_counts(group) for group in filled])
    sql = f"SELECT {each.sql[1:-1]} FROM rows WHERE {within.sql}"  # noqa: S608 - values are parameters
    found = iter(run(sql, (*each.parameters, *within.parameters))[0])
    return [_listed(next(found), len(group)) if group else [] for group in groups]


def _listed(counts: dict[int, int] | None, length: int) -> list[int]:
    return [(counts or {}).get(place, 0) for place in range(length)]


def _counts(bars: Sequence[Bar]) -> Condition:
    """The rows of each bar, by its place."""
    # Bars of one column are all ranges, or all values.
    if ranges := [bar for bar in bars if isinstance(bar, Range)]:
        whole = replace(ranges[0], high=ranges[-1].high)
        return Condition.of("histogram(CASE WHEN {} THEN {} END)", whole.condition, place_of(ranges))
    each = [Condition.of(f"{place}: count(*) FILTER ({{}})", bar.condition) for place, bar in enumerate(bars)]
    joined = Condition.joined(", ", each)
    return Condition(f"MAP {{{joined.sql[1:-1]}}}", joined.parameters)


def place_of(ranges: Sequence[Range], first: int = 0) -> Condition:
    """The place of the range that holds a cell of one of them: by halves, as each comparison takes time."""
    if len(ranges) == 1:
        return Condition(str(first))
    half = len(ranges) // 2
    below, above = place_of(ranges[:half], first), place_of(ranges[half:], first + half)
    return Condition.of("CASE WHEN {} THEN {} ELSE {} END", ranges[half].below, below, above)


def filled_cell(column: Column) -> str:
    """The SQL of a cell, null where it is an empty text."""
    return f"nullif({column.value}, '')" if column.kind in (Kind.TEXT, Kind.MIXED) else column.value


def _known(run: Run, column: Column) -> dict[str, Any]:
    """All that one pass over a column finds; counts of checks by their names."""
    cell = filled_cell(column)
    wanted = {"rows": "count(*)", "present": f"count({column.value})", "filled": f"count({cell})"}
    wanted["about"] = f"approx_count_distinct({cell})"
    if column.is_number:
        number = f"CAST({column.number} AS DOUBLE)"
        finite = f"FILTER (isfinite({number}))"
        wanted |= {"low": f"min({column.number}) {finite}", "high": f"max({column.number}) {finite}"}
        wanted |= {
            "mean": f"avg({number}) {finite}",
            "quartiles": f"quantile_cont({number}, [0.25, 0.5, 0.75]) {finite}",
        }
        if column.kind is Kind.DECIMAL:
            wanted["least"] = f"arg_min({column.value}, {column.number}) {finite}"
            wanted["most"] = f"arg_max({column.value}, {column.number}) {finite}"
    elif column.kind is not Kind.BOOLEAN:
        wanted |= {"least": f"left(min({cell}), {SHOWN_MAX})", "most": f"left(max({cell}), {SHOWN_MAX})"}
        wanted |= {
            "shortest": f"min(length({cell}))",
            "longest": f"max(length({cell}))",
            "length": f"avg(length({cell}))",
        }
    known = _selected(run, wanted, "rows")
    return known | _checked(run, column, is_many=known["about"] > EXACT_MAX)


def _checked(run: Run, column: Column, *, is_many: bool) -> dict[str, int]:
    """The rows that each check finds, by its name; those of texts that are ISO dates as "iso"."""
    found = {name: check.sql(column) for name, check in checks.of(column).items() if name != "duplicates"}
    if not found:
        return {}
    if column.kind is Kind.TEXT:
        found["iso"] = checks.text_matches(column, checks.ISO_DATE)
    # A value that many rows have is looked at once.
    each = f"SELECT {', '.join(column.stored)}, count(*) AS times FROM rows GROUP BY ALL"  # noqa: S608 - SQL of places
    counts = {
        name: f"count(*) FILTER ({sql})" if is_many else f"coalesce(sum(times) FILTER ({sql}), 0)::BIGINT"
        for name, sql in found.items()
    }
    return _selected(run, counts, "rows" if is_many else f"({each})")


def _selected(run: Run, wanted: dict[str, str], table: str) -> dict[str, Any]:
    [row] = run(f"SELECT {', '.join(wanted.values())} FROM {table}", ())  # noqa: S608 - SQL of places
    return dict(zip(wanted, row, strict=True))


def _spread(column: Column, known: dict[str, Any]) -> dict[str, Any]:
    """The smallest and largest value, mean, quartiles, lengths."""
    found: dict[str, Any] = {}
    if known.get("low") is not None:
        found = {"least": str(column.cell(known["low"])), "most": str(column.cell(known["high"]))}
        if math.isfinite(known["mean"]):
            found |= {"mean": known["mean"], "quartiles": known["quartiles"]}
    if known.get("least") is not None:
        found |= {"least": known["least"], "most": known["most"]}
    if "longest" in known:
        found["lengths"] = [known["shortest"], known["longest"], known["length"]]
    return found


@dataclass(frozen=True)
class _Repeats:
    """Values that occur more than once, and the rows that have them."""

    values: int
    rows: int


def _repeats(run: Run, column: Column, known: dict[str, Any]) -> _Repeats | None:
    """None for a column that is no likely key."""
    is_short = known.get("longest", 0) <= KEY_LENGTH
    if "duplicates" not in checks.of(column) or not is_short or known["about"] < known["filled"] * KEY_SHARE / 2:
        return None
    groups = checks.repeated(column, "count(*) AS times")
    [found] = run(f"SELECT count(*), coalesce(sum(times), 0)::BIGINT FROM ({groups})", ())  # noqa: S608
    return _Repeats(*found)


def _tops(run: Run, column: Column, known: dict[str, Any]) -> tuple[list[tuple[str, int]], int | None]:
    """The frequent values with their rows, and the number of all values; None where they are too many to count."""
    is_many = known["about"] > EXACT_MAX
    if is_many and (known["about"] * 2 > known["filled"] or known.get("longest", 0) > KEY_LENGTH):
        return [], None
    value = column.number if column.is_number else column.text
    is_plain = column.is_number and column.kind is not Kind.DECIMAL
    shown = value if is_plain else f"min(left({column.text}, {VALUE_MAX + 1}))"
    sql = f"""
        SELECT {shown}, count(*), count(*) OVER () FROM rows
        WHERE {filled_cell(column)} IS NOT NULL AND {value} IS NOT NULL
        GROUP BY {value} ORDER BY 2 DESC, 1 LIMIT {TOPS}
    """  # noqa: S608 - SQL of places
    found = run(sql, ())
    if not found:
        return [], None
    distinct = found[0][2]
    if found[0][1] == 1 and distinct > TOPS:
        return [], distinct
    tops = [(str(column.cell(text)) if is_plain else text, count) for text, count, _ in found]
    return _as_filters_count(run, column, known, tops), distinct


def _as_filters_count(
    run: Run, column: Column, known: dict[str, Any], tops: list[tuple[str, int]]
) -> list[tuple[str, int]]:
    """The same where a filter would find other rows: its day has times, its numbers all their digits."""
    may_differ = column.kind is Kind.DECIMAL or (known.get("dates") and known["longest"] > DAY_LENGTH)
    if not may_differ:
        return tops
    bars = [Same(column, text) for text, _ in tops]
    counts = counted(run, [bars])[0]
    return sorted(((bar.text, count) for bar, count in zip(bars, counts, strict=True)), key=lambda top: -top[1])


def _are_all_dates(run: Run, column: Column) -> bool:
    """Whether no day such as 30 February is among them."""
    no_date = f"{filled_cell(column)} IS NOT NULL AND try_cast({column.value} AS TIMESTAMP) IS NULL"
    return run(f"SELECT count(*) FROM rows WHERE {no_date}", ()) == [(0,)]  # noqa: S608


def _bounds(column: Column, known: dict[str, Any], *, are_dates: bool) -> list[str]:
    if known.get("low") is not None:
        low, high = (Decimal(repr(known[end])) for end in ("low", "high"))
        return histograms.number_bounds(low, high, is_whole=column.kind is Kind.INT)
    if not are_dates:
        return []
    least, most = known["least"], known["most"]
    return histograms.date_bounds(datetime.fromisoformat(least[:16]), datetime.fromisoformat(most[:16]), least[10:11])


def _findings(known: dict[str, Any], filled: int, repeats: _Repeats | None) -> dict[str, int]:
    """The checks that are worth a word, with their rows."""
    found = {name: known[name] for name in checks.CHECKS if known.get(name)}
    numbers = known.get("numbers", 0) + known.get("leading-zeros", 0)
    for name, others, count in (("numbers", "not-numbers", numbers), ("dates", "not-dates", known.get("dates", 0))):
        if count < filled * RARE:
            found.pop(name, None)
        if count < filled * MOST:
            found.pop(others, None)
    if repeats and 0 < repeats.rows <= filled * (1 - KEY_SHARE):
        found["duplicates"] = repeats.rows
    return found
