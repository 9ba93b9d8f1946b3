"""The profile of each column, computed when a copy is made and stored in its file; and its part among some rows.

profile(place INTEGER, facts VARCHAR)   facts: measures.Facts as JSON
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from datasources.copies import duck, histograms, measures
from datasources.copies.conditions import Condition
from datasources.copies.histograms import Bar, Same
from datasources.copies.measures import Facts
from datasources.copies.opened import Reader
from datasources.copies.schema import Column, Kind

# Grouping the values of a column takes most; what does not fit goes to the folder of the file.
_MEMORY = "512MB"
# A profile that was written another way is not read.
FORMAT = 1
# A header shows so many of the frequent values.
BARS = 12
# The longest name of a column in a filter.
NAME_MAX = 1000


@dataclass(frozen=True)
class Part:
    """A column among some rows: how many these are, its empty cells, and the rows of each bar and frequent value."""

    rows: int
    nulls: int
    blanks: int
    bars: Sequence[int]
    tops: Sequence[int]


@dataclass(frozen=True)
class ColumnProfile:
    column: Column
    facts: Facts
    # Whether filters can name it: it has a name of its own.
    has_filters: bool

    @property
    def empty(self) -> int:
        return self.facts.nulls + self.facts.blanks

    @property
    def filled(self) -> int:
        return self.facts.rows - self.empty

    @property
    def is_constant(self) -> bool:
        return self.facts.distinct == 1 and self.filled > 1 and self.facts.is_exact

    @property
    def is_key(self) -> bool:
        """Whether each row has a value of its own, as keys do: short texts and whole numbers, but no dates."""
        is_fit = self.column.kind is Kind.INT or (
            self.column.kind is Kind.TEXT
            and not self.facts.are_dates
            and self.facts.lengths[1:2] <= [measures.KEY_LENGTH]
        )
        return is_fit and self.facts.is_exact and self.facts.distinct == self.facts.rows > 1

    @property
    def nulls_filter(self) -> str:
        return f"{histograms.name(self.column.name)} IS NULL"

    @property
    def blanks_filter(self) -> str:
        return f"{histograms.name(self.column.name)} = ''"

    @cached_property
    def tops(self) -> list[Bar]:
        """The frequent values."""
        return [Same(self.column, text) for text, _ in self.facts.tops]

    @cached_property
    def bars(self) -> list[Bar]:
        """Ranges, or the most frequent values where a histogram has no sense."""
        return measures.ranges(self.column, self.facts.bounds) or self.tops[:BARS]

    @property
    def counts(self) -> list[int]:
        """The rows of each bar."""
        return self.facts.counts or [count for _, count in self.facts.tops[:BARS]]


def write(path: Path) -> None:
    """Computes the profile of a finished file, and stores it there."""
    with duck.connect(_MEMORY, path.parent) as database:
        database.execute(f"ATTACH {duck.quoted(path)} AS copy; USE copy")

        def run(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
            return database.execute(sql, list(parameters)).fetchall()

        found = run("SELECT place, name, kind FROM columns ORDER BY place", ())
        columns = [Column(place, name, Kind(kind)) for place, name, kind in found]
        database.execute("CREATE OR REPLACE TABLE profile(place INTEGER, facts VARCHAR)")
        rows = [(column.place, json.dumps(asdict(measures.measured(run, column)))) for column in columns]
        with database.appender("profile") as appender:
            appender.append_rows(rows)
        database.execute("DELETE FROM meta WHERE name = 'profile'")
        database.execute("INSERT INTO meta VALUES ('profile', ?)", [str(FORMAT)])
        database.execute("CHECKPOINT copy")


def of(reader: Reader, places: Collection[int] | None = None) -> list[ColumnProfile]:
    """The stored profiles of all columns or of those at some places (from 0), in the copy's order; [] without one."""
    every, chosen = reader.once(_every), None if places is None else {*places}
    return every if chosen is None else [one for one in every if one.column.place in chosen]


def _every(reader: Reader) -> list[ColumnProfile]:
    if reader.meta("profile") != str(FORMAT):
        return []
    names = Counter(column.name for column in reader.columns)
    found = reader.run("SELECT place, facts FROM profile ORDER BY place")
    return [
        ColumnProfile(column, _facts(text), names[column.name] == 1 and _is_nameable(column.name))
        for column, text in ((reader.columns[place], text) for place, text in found)
    ]


def part(reader: Reader, condition: Condition, profiles: Sequence[ColumnProfile], *, tops: bool = False) -> list[Part]:
    """The part of each column among the rows of a condition, in one pass; of its frequent values too where asked."""
    columns = [one.column for one in profiles]
    bars = [profile.bars for profile in profiles] + [profile.tops if tops else [] for profile in profiles]
    empties = [sql for column in columns for sql in (column.value, measures.filled_cell(column))]
    counted = measures.counted(reader.run, bars, condition)
    sql = f"SELECT count(*), {', '.join(f'count({one})' for one in empties)} FROM rows WHERE {condition.sql}"  # noqa: S608
    [(rows, *present)] = reader.run(sql, condition.parameters)
    return [
        Part(
            rows, rows - present[2 * at], present[2 * at] - present[2 * at + 1], counted[at], counted[len(columns) + at]
        )
        for at in range(len(columns))
    ]


_FIELDS = {field.name for field in fields(Facts)}


def _facts(text: str) -> Facts:
    return Facts(**{name: value for name, value in json.loads(text).items() if name in _FIELDS})


def _is_nameable(name: str) -> bool:
    return bool(name) and len(name) <= NAME_MAX and "\0" not in name
