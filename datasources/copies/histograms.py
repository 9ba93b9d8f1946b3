"""Bars of a column: ranges with round bounds or single values, each with the filter that finds its rows.

A range holds its lower bound and not its upper one. Rows are counted by the same comparison as the filter makes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from math import floor

from sqlglot.dialects.duckdb import DuckDB

from datasources.copies import conditions
from datasources.copies.conditions import Condition
from datasources.copies.schema import Column, Kind

BINS_MAX = 20
# Longer texts are not compared in a filter: they make the address too long.
VALUE_MAX = 1000
# DuckDB's widest whole number.
_INT_MAX = 2**127 - 1
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Also the first words of those in two words (ORDER BY).
_WORDS = frozenset(word.split()[0] for word in DuckDB.Tokenizer.KEYWORDS if word)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Range:
    """The cells from `low` to under `high`, which is "" where there is no end."""

    column: Column
    low: str
    high: str

    @property
    def label(self) -> str:
        if self.column.kind is Kind.TEXT:
            return f"{self.low} to before {self.high}" if self.high else f"from {self.low}"
        low = shown_number(self.low)
        return low if self._is_one else f"{low} to under {shown_number(self.high)}"

    @property
    def filter(self) -> str:
        called = name(self.column.name)
        low, high = (quoted(self.low), quoted(self.high)) if self.column.kind is Kind.TEXT else (self.low, self.high)
        if self._is_one:
            return f"{called} = {low}"
        return f"({called} >= {low} AND {called} < {high})" if self.high else f"{called} >= {low}"

    @property
    def condition(self) -> Condition:
        ends = [(">=", self.low), ("<", self.high)] if self.high else [(">=", self.low)]
        return Condition.joined(" AND ", [_compared(self.column, sign, end) for sign, end in ends])

    @property
    def below(self) -> Condition:
        return _compared(self.column, "<", self.low)

    @property
    def _is_one(self) -> bool:
        return self.column.kind is Kind.INT and int(self.high) - int(self.low) == 1


@dataclass(frozen=True, slots=True)
class Same:
    """The cells that a page shows as one text or number."""

    column: Column
    text: str

    @property
    def label(self) -> str:
        return self.text

    @property
    def filter(self) -> str:
        """ "" for a text that is too long for an address, or that no address can hold."""
        if len(self.text) > VALUE_MAX or "\0" in self.text:
            return ""
        return f"{name(self.column.name)} = {self.text if self._is_bare else quoted(self.text)}"

    @property
    def condition(self) -> Condition:
        return _compared(self.column, "=", self.text)

    @property
    def _is_bare(self) -> bool:
        return self.column.kind is Kind.BOOLEAN or _is_number(self.column, self.text)


Bar = Range | Same


def _compared(column: Column, sign: str, text: str) -> Condition:
    """As a filter compares."""
    value = conditions.Value(text, is_number=_is_number(column, text))
    return conditions.compared(column, sign, value, conditions.are_numbers([column, value]))


def _is_number(column: Column, text: str) -> bool:
    return column.is_number and bool(_NUMBER.fullmatch(text))


def name(text: str) -> str:
    """The name of a column in a filter."""
    return text if _PLAIN.fullmatch(text) and text.upper() not in _WORDS else quoted(text, '"')


def quoted(text: str, mark: str = "'") -> str:
    return mark + text.replace(mark, mark * 2) + mark


def number_bounds(low: Decimal, high: Decimal, *, is_whole: bool, most: int = BINS_MAX) -> list[str]:
    """The bounds of `most` ranges at most that hold all numbers from `low` to `high`; [] where there are none."""
    if low >= high:
        return []
    # Digits for any two doubles.
    with localcontext(prec=700, Emax=10**6, Emin=-(10**6)):
        for step in _steps((high - low) / most):
            first, last = floor(low / step), floor(high / step)
            if last - first < most and not (is_whole and step < 1):
                break
        bounds = [(step * place).normalize() for place in range(first, last + 2)]
        texts = [f"{bound:f}" if -7 < bound.adjusted() < 40 else str(bound) for bound in bounds]
    if is_whole:
        return texts if all(abs(bound) <= _INT_MAX for bound in bounds) else []
    floats = [float(text) for text in texts]
    return texts if all(one < other for one, other in pairwise(floats)) else []


def _steps(least: Decimal) -> Iterator[Decimal]:
    """1, 2 and 5 with zeros, upwards from the first one that is not below `least`."""
    exponent = least.adjusted()
    while True:
        for digit in (1, 2, 5):
            step = Decimal(digit).scaleb(exponent)
            if step >= least:
                yield step
        exponent += 1


def date_bounds(low: datetime, high: datetime, separator: str, most: int = BINS_MAX) -> list[str]:
    """The same for texts that begin with an ISO date; `separator` precedes the time, "" where there is none.

    Bounds compare as text and as dates. The last one is "" where no date lies above.
    """
    if low >= high:
        return []
    for scale in _SCALES[0 if separator else 1 :]:
        for size in scale.sizes:
            first, last = scale.index(low) // size, scale.index(high) // size
            if last - first < most:
                return [scale.bound(place * size, separator) for place in range(first, last + 2)]
    return []


@dataclass(frozen=True)
class _Scale:
    """A unit of time, how many of it make a range, and the number of the unit that a moment lies in."""

    sizes: Sequence[int]
    index: Callable[[datetime], int]
    moment: Callable[[int], datetime]
    has_time: bool = False

    def bound(self, index: int, separator: str) -> str:
        try:
            moment = self.moment(index)
        except (OverflowError, ValueError):
            return "0001-01-01" if index < 12 else ""
        return moment.isoformat(separator, "minutes") if self.has_time else moment.isoformat()[:10]


_MINUTE, _START = timedelta(minutes=1), datetime(1, 1, 1)  # noqa: DTZ001
_SCALES = (
    _Scale(
        (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720),
        lambda moment: (moment - _START) // _MINUTE,
        lambda index: _START + index * _MINUTE,
        has_time=True,
    ),
    # Of seven days: from Monday.
    _Scale((1, 2, 7), lambda moment: moment.toordinal() - 1, lambda index: datetime.fromordinal(index + 1)),
    _Scale(
        (1, 2, 3, 6, *(12 * years for years in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))),
        lambda moment: moment.year * 12 + moment.month - 1,
        lambda index: datetime(index // 12, index % 12 + 1, 1),  # noqa: DTZ001
    ),
)


def shown_number(text: str) -> str:
    """A number as people read it: digits in groups."""
    whole, point, rest = text.partition(".")
    is_plain = re.fullmatch(r"-?\d{1,60}", whole, re.ASCII) and rest.isdigit() == bool(point)
    return f"{int(whole):,}{point}{rest}" if is_plain else text


def share(count: int, of: int) -> str:
    """A percentage that is 0 or 100 only if it is so exactly."""
    percent = 100 * count / of if of else 0
    if 0 < percent < 1:
        return "<1%" if percent < 0.1 else f"{percent:.1f}%"
    return ">99%" if 99 < percent < 100 else f"{percent:.0f}%"
