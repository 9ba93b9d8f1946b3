"""Why no rows match a filter of a copy: values near to those that were asked for, and the condition to loosen."""

import re
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from datasources.copies import chips, filters, opened, profile, search
from datasources.copies.chips import CannotSay, Chip, Group, Operator
from datasources.copies.filters import FilterError
from datasources.copies.opened import Busy, Reader, TooSlow
from datasources.copies.query import Query, where
from datasources.copies.schema import Column
from datasources.copies.store import CopyLost
from datasources.models import TableCopy

# Values that are offered for a condition, and conditions that are looked at.
OFFERED, CONDITIONS = 5, 8
# Different values that are compared with the one asked for: those with its letters first.
COMPARED = 2000
LONGEST = 200
# How alike two texts are, of 1.
ALIKE = 0.55
# Half of what a page may take: the empty page has taken its part.
SECONDS = 1.0
_OF_VALUES = (Operator.CONTAINS, Operator.STARTS, Operator.IS, Operator.ONE_OF)


@dataclass(frozen=True)
class Nearest:
    """A value of the table, its rows, and the filter that finds it in place of the condition."""

    column: str
    asked: str
    value: str
    rows: int
    filter: str


@dataclass(frozen=True)
class Looser:
    """The condition without which there are rows; `words` say what takes its place, "" for nothing."""

    condition: str
    words: str
    rows: int
    filter: str


@dataclass(frozen=True)
class Suggestions:
    nearest: list[Nearest]
    looser: list[Looser]


def of(copy: TableCopy, person: object, query: Query) -> Suggestions | None:
    """Suggestions for a query that finds no rows; None where the copy can't be asked, or has none in time."""
    found = Suggestions([], [])
    try:
        with opened.reader(copy, person, SECONDS) as reader:
            group = chips.read(query.filter, [column.name for column in reader.columns])
            _loosen(reader, query, group, found.looser)
            _find(reader, group, found.nearest)
    except (TooSlow, Busy):
        pass  # what is found so far
    except (CopyLost, FilterError, search.NotFolded, CannotSay):
        return None
    return found if found.nearest or found.looser else None


def _loosen(reader: Reader, query: Query, group: Group, found: list[Looser]) -> None:
    """Finds the conditions without which there are rows, or several together where that is no single one."""
    for at, chip in chips.listed(group)[:CONDITIONS]:
        without = chips.with_removed(group, at)
        is_one_of_several = chips.beside(group, at).kind is chips.Kind.ANY  # without it, the others still find nothing
        rows = 0 if is_one_of_several else _count(reader, query, without)
        if not rows and not is_one_of_several:
            continue
        looser = chips.loosened(chip)
        while looser:
            changed = chips.with_replaced(group, at, looser)
            if some := _count(reader, query, changed):
                found.append(Looser(chips.words(chip), chips.words(looser), some, chips.text(changed)))
                break
            looser = chips.loosened(looser)
        else:
            if rows:
                found.append(Looser(chips.words(chip), "", rows, chips.text(without)))
    if not found:
        _remove_several(reader, query, group, found)


def _remove_several(reader: Reader, query: Query, group: Group, found: list[Looser]) -> None:
    """Finds the conditions that leave no rows beside those before them."""
    items = group.items if group.kind is chips.Kind.ALL else (group,)
    kept: tuple[Chip | Group, ...] = ()
    gone = []
    for item in items[:CONDITIONS]:
        if _count(reader, query, Group(items=(*kept, item))):
            kept += (item,)
        else:
            gone.append(item)
    rest = Group(items=kept + items[CONDITIONS:])
    if gone and (rows := _count(reader, query, rest)):
        found.append(Looser(chips.sentence(Group(items=tuple(gone))), "", rows, chips.text(rest)))


def _count(reader: Reader, query: Query, group: Group) -> int:
    condition = where(reader, replace(query, filter=chips.text(group)))
    [(rows,)] = reader.run(f"SELECT count(*) FROM rows WHERE {condition.sql}", condition.parameters)  # noqa: S608
    return rows


def _find(reader: Reader, group: Group, found: list[Nearest]) -> None:
    by_name = {column.name: column for column in reversed(reader.columns)}
    for at, chip in chips.listed(group)[:CONDITIONS]:
        column = by_name.get(chip.column)
        if not column or chip.operator not in _OF_VALUES or chip.is_number:
            continue
        if _has_rows(reader, chip):
            continue
        for asked in chip.values[:2]:
            for value, rows in nearest(reader, column, asked):
                if any((one.column, one.value) == (chip.column, value) for one in found):
                    continue  # of another condition on the column
                changed = chips.with_replaced(group, at, Chip(chip.column, Operator.ONE_OF, (value,)))
                found.append(Nearest(chip.column, asked, value, rows, chips.text(changed)))


def _has_rows(reader: Reader, chip: Chip) -> bool:
    condition = filters.condition(chips.text(Group(items=(chip,))), reader.columns)
    return bool(reader.run(f"SELECT 1 FROM rows WHERE {condition.sql} LIMIT 1", condition.parameters))  # noqa: S608


def nearest(reader: Reader, column: Column, asked: str) -> list[tuple[str, int]]:
    """The values of a column that look most like a text, with their rows, the nearest first."""
    wanted = search.fold_text(asked.strip())
    if not wanted or len(wanted) > LONGEST:
        return []
    known = [(text, rows) for one in profile.of(reader, [column.place]) for text, rows in one.facts.tops]
    start = re.split(r"\s+", wanted)[0][:3]
    # Values that hold its first letters, then those of about its length.
    text = column.text
    sql = f"""
        SELECT {text}, count(*) FROM rows WHERE length({text}) BETWEEN 1 AND {LONGEST} GROUP BY {text}
        ORDER BY contains(lower({text}), ?) DESC, abs(length({text}) - ?), 2 DESC LIMIT {COMPARED}
    """  # noqa: S608 - SQL of places
    known += reader.run(sql, (start, len(wanted)))
    ranked = sorted(
        ((_likeness(wanted, search.fold_text(value)), rows, value) for value, rows in dict(known).items()), reverse=True
    )
    return [(value, rows) for likeness, rows, value in ranked[:OFFERED] if likeness >= ALIKE]


def _likeness(wanted: str, value: str) -> float:
    """1 for the same letters, over 0.9 for a value that begins with or holds the text, else by common parts."""
    if wanted == value.strip():
        return 1.0
    if value.startswith(wanted):
        return 0.95
    if wanted in value:
        return 0.92
    matcher = SequenceMatcher(None, wanted, value, autojunk=False)
    return matcher.ratio() * 0.9 if matcher.real_quick_ratio() >= ALIKE else 0.0
