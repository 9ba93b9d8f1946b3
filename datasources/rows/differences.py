"""The table of differences of a comparison (copies/compare/match.py), as safe HTML: old → new in one cell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from datasources.copies.compare import match
from datasources.copies.compare.summary import Compared
from datasources.copies.histograms import name as quoted
from datasources.rows import cells

# Columns beside each other: those with most changes come first where there are more.
COLUMNS_MAX = 60
_CELL = re.compile(r"<td(?: class=\"([^\"]*)\")?>(.*)</td>", re.DOTALL)
_WORDS = {match.ADDED: ("+", "added"), match.REMOVED: ("−", "removed"), match.CHANGED: ("~", "changed")}


@dataclass(frozen=True)
class Place:
    """The places of a compared column in the table: its cell before and now (the same for a key) and its flag."""

    column: Compared
    before: int
    now: int
    flag: int | None


def places(columns: Sequence[Compared], has_key: bool) -> list[Place]:
    """In the order of the table of now. Without a key, there is one place for each column."""
    found, at = [], match.ROW_NOW + 1
    doubled = [has_key and not column.is_key for column in columns]
    flag = at + sum(2 if is_double else 1 for is_double in doubled)
    for column, is_double in zip(columns, doubled, strict=True):
        if is_double:
            found.append(Place(column, at, at + 1, flag))
            at, flag = at + 2, flag + 1
        else:
            found.append(Place(column, at, at, None))
            at += 1
    return found


def shown(every: Sequence[Place]) -> list[Place]:
    """Those that a page has room for: keys, then those with the most changes, in the order of the table."""
    best = sorted(every, key=lambda place: (not place.column.is_key, -place.column.changed))[:COLUMNS_MAX]
    return [place for place in every if place in best]


def expression(change: str, column: Place | None, names: Sequence[str]) -> str:
    """The filter of the rows of one kind, and of those in which a column changed."""
    parts = [f"Change = '{change}'"] if change else []
    if column and column.flag is not None:
        parts.append(f"{quoted(names[column.flag])} = TRUE")
    return " AND ".join(parts)


def body(rows: Sequence[Sequence[object]], columns: Sequence[Place]) -> SafeString:
    """The rows of the table body."""
    return SafeString("".join(_row(row, columns) for row in rows))


def _row(row: Sequence[object], columns: Sequence[Place]) -> str:
    change = str(row[match.CHANGE])
    sign, word = _WORDS[change]
    numbers = (f"{row[at]:,}" if row[at] is not None else "" for at in (match.ROW_BEFORE, match.ROW_NOW))
    places = "".join(f'<td class="is-number">{number}</td>' for number in numbers)
    drawn = "".join(_cell(row, column, change) for column in columns)
    head = f'<th scope="row"><span aria-hidden="true">{sign}</span> {word}</th>'
    return f'<tr class="is-{change}">{head}{places}{drawn}</tr>'


def _cell(row: Sequence[object], column: Place, change: str) -> str:
    if column.flag is not None and change == match.CHANGED and row[column.flag]:
        old, new = _inner(row[column.before]), _inner(row[column.now])
        return f'<td class="is-changed"><del>{old}</del> <span class="arrow">→</span> <ins>{new}</ins></td>'
    at = column.before if change == match.REMOVED else column.now
    return _linkless(row[at])


def _inner(value: object) -> str:
    found = _CELL.fullmatch(_linkless(value))
    return found[2] if found else ""


def _linkless(value: object) -> str:
    """The cell, cut where it is long; there is no page of whole cells of a comparison."""
    if isinstance(value, str) and len(value) > cells.CUT_AT:
        value = value[: cells.CUT_AT - 1] + "…"
    cell = cells.cell(value)
    return re.sub(r"</?(?:a|button)\b[^>]*>", "", cell)
