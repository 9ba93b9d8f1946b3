"""A page of rows as a table: which columns are shown, their headers and cells, and the bytes of all that.

A page stays small whatever the cells hold: long cells are cut shorter first, then the last columns are left out.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

from django.utils.safestring import SafeString

from core.forms import query_string
from core.text import visible
from datasources.rows import cells
from datasources.rows.choices import PIN_WIDTH, Choice
from datasources.rows.forms import SORT_MAX
from datasources.rows.pages import Rows

COLUMNS_MAX = 2000
# Of the 4 MB of a page: the table. The rest is the page around it, and the names in its panels.
TABLE_BYTES = 3_300_000
HEAD_BYTES = 1_000_000
# Columns that the filter builder list, and the longest names among them.
LISTED, LISTED_NAME = 200, 200
# Where a table is too large, its cells are cut after so many characters, the first that is enough.
CUTS = (cells.CUT_AT, 60, 30, 12)
# No cell takes fewer bytes than `<td class="is-text">` with a character.
CELL_BYTES = 26
LABEL_AT = 100
# Columns that stay in view leave so much of the table's box to the others, whatever their widths.
_ROOM = "100cqw - 6rem"
# A part of a table that a browser lays out at once: so many cells, and rows enough for a screen.
PART_CELLS, PART_ROWS = 2000, 30


@dataclass(frozen=True)
class Column:
    """A column of the page: `place` counts from 1 in all columns of the rows, `namesakes` has those of its name."""

    place: int
    name: str
    namesakes: int = 1

    @property
    def is_blank(self) -> bool:
        return cells.is_blank(self.name)

    @property
    def label(self) -> str:
        """Text that can be seen, and read out."""
        return f"no name, column {self.place}" if self.is_blank else short(visible(self.name), LABEL_AT)

    @property
    def refusal(self) -> str:
        """Why Claro can't sort or filter by this column; "" where it can."""
        if not self.name:
            return "it has no name"
        if self.namesakes > 1:
            return "another column has the same name"
        return "its name is too long" if len(self.name) > SORT_MAX else ""


@dataclass(frozen=True)
class Table:
    head: SafeString
    body: SafeString
    # All columns of the rows, those chosen to be shown, and those of them that are.
    every: list[Column]
    chosen: list[Column]
    shown: list[Column]
    # The place among the chosen ones of the first that is shown, from 1.
    first: int
    # Columns that the address names and the table does not have.
    missing: Sequence[str] = ()
    # How columns are shown: the text of a style sheet.
    style: str = ""

    @property
    def is_chosen(self) -> bool:
        return self.chosen != self.every

    @property
    def last(self) -> int:
        return self.first + len(self.shown) - 1

    @property
    def left_out(self) -> int:
        return len(self.chosen) - len(self.shown)

    @property
    def previous(self) -> int:
        """The first column of as many before those that are shown; 0 where there are none."""
        return max(self.first - len(self.shown), 1) if self.first > 1 else 0

    @property
    def next(self) -> int:
        return self.last + 1 if self.last < len(self.chosen) else 0

    @property
    def listed(self) -> list[Column]:
        """Columns for the filter builder, one of each name: the chosen ones first, in their order."""
        by_name: dict[str, Column] = {}
        for column in [*self.chosen, *self.every]:
            if len(column.name) <= LISTED_NAME:
                by_name.setdefault(column.name, column)
        return list(by_name.values())[:LISTED]

    @property
    def every_name(self) -> list[str]:
        return [column.name for column in self.every]

    @property
    def names(self) -> str:
        """The names of the shown columns as JSON, null for one that can't be sorted or filtered: for scripts."""
        return json.dumps([None if column.refusal else column.name for column in self.shown], ensure_ascii=False)

    @property
    def refused(self) -> list[Column]:
        """Columns that can't be sorted or filtered, one of each name that can be seen."""
        return list({column.label: column for column in self.shown if column.refusal}.values())


def table(page: Rows, state: dict[str, Any], parameters: dict[str, Any], terms: Sequence[str] = ()) -> Table:
    """The table of a page for the state of an address (forms.RowsForm) and its parameters; `terms` are marked."""
    every = columns(page.columns)
    chosen = _chosen(every, state["choice"])
    first = _first(chosen, state)
    candidates = chosen[first - 1 : first - 1 + min(_most(len(page.rows)), COLUMNS_MAX)]
    heads = _fitting([_head(column, page, state, parameters) for column in candidates], HEAD_BYTES)
    listed = Table(SafeString(), SafeString(), every, chosen, [], first).listed
    names_bytes = sum(len(escape(column.name).encode()) + len(escape(column.label).encode()) for column in listed)
    room = TABLE_BYTES - 3 * names_bytes - _bytes("".join(heads))
    is_grouped = state["choice"].is_grouped
    body, width = _body(page, candidates[: len(heads)], room, terms, is_grouped=is_grouped)
    choice, shown = state["choice"], candidates[:width]
    missing = [short(visible(name), LABEL_AT) for name in choice.missing(page.columns)]
    head, style = "".join(heads[:width]), _style(shown, choice)
    return Table(SafeString(head), SafeString(body), every, chosen, shown, first, missing, style)


def _style(shown: list[Column], choice: Choice) -> str:
    """The widths and pins of columns as a style sheet: rows.css keeps what it does not say."""
    rules, left = [], 0
    pinned = sum(choice.widths.get(column.name, PIN_WIDTH) for column in shown if column.name in choice.pins)
    # The first child is the number of the row.
    for child, column in enumerate(shown, start=2):
        cells = f".rows tr > :nth-child({child})"
        is_pinned = column.name in choice.pins
        width = choice.widths.get(column.name, PIN_WIDTH if is_pinned else 0)
        if width:
            clip = "overflow: hidden; text-overflow: ellipsis;"
            rules.append(f"{cells} {{ width: {width}px; min-width: {width}px; max-width: {width}px; {clip} }}")
        if width and child == 2:
            rules.append(f".rows {{ --first-left: min(4.75rem, {_ROOM} - {width}px); }}")
        if is_pinned:
            at = f"min(var(--rows-number) + {left}px, {_ROOM} - {pinned - left}px)"
            rules.append(f"{cells} {{ position: sticky; left: {at}; z-index: 1; }}")
            rules.append(f".rows thead tr > :nth-child({child}) {{ z-index: 3; }}")
            left += width
    return "\n".join(rules)


def shown_places(names: Sequence[str], state: dict[str, Any], rows: int) -> set[int]:
    """The places, from 0, of the columns for which a table of so many rows may have room."""
    chosen = _chosen(columns(names), state["choice"])
    first = _first(chosen, state)
    return {column.place - 1 for column in chosen[first - 1 : first - 1 + _most(rows)]} or {0}


def shown_columns(names: Sequence[str], state: dict[str, Any], most: int) -> list[Column]:
    """At most so many of the columns that the state chooses, from the first that is shown."""
    chosen = _chosen(columns(names), state["choice"])
    first = _first(chosen, state)
    return chosen[first - 1 : first - 1 + most]


def _most(rows: int) -> int:
    """More columns than this have no room in a table of so many rows, whatever they hold."""
    return max(TABLE_BYTES // CELL_BYTES // max(rows, 1), 1)


def short(text: str, at: int) -> str:
    return text if len(text) <= at else text[: at - 1] + "…"


def columns(names: Sequence[str]) -> list[Column]:
    counts = Counter(names)
    return [Column(place, name, counts[name]) for place, name in enumerate(names, start=1)]


def _first(chosen: list[Column], state: dict[str, Any]) -> int:
    """The place among the chosen columns of the first that is shown, from 1."""
    return min(state["from_column"], max(len(chosen), 1))


def _chosen(every: list[Column], choice: Choice) -> list[Column]:
    """The columns that a choice shows, in its order."""
    by_name: dict[str, list[Column]] = {}
    for column in every:
        by_name.setdefault(column.name, []).append(column)
    names = choice.shown(list(by_name))
    if choice.columns is None and not choice.pins:  # columns of one name stay where they are
        kept = set(names)
        return [column for column in every if column.name in kept]
    return [column for name in names for column in by_name[name]]


def _head(column: Column, page: Rows, state: dict[str, Any], parameters: dict[str, Any]) -> str:
    """A header. Its link sorts ascending, then descending, then not at all."""
    index = column.place - 1
    value = next((row[index] for row in page.rows if row[index] is not None), None)
    look = ' class="is-number"' if cells.is_number(value) and not isinstance(value, bool) else ""
    if cells.is_blank(column.name):
        label = f'<span class="no-name">{escape(column.label)}</span>'
    else:
        label = f"<bdi>{cells.marked(column.label)}</bdi>"
    menu = _menu(column)
    if column.refusal:
        named = f' aria-labelledby="name-{column.place}"'
        title = escape(f"{column.label}: can't be sorted, {column.refusal}.")
        start = f'<th scope="col" data-place="{column.place}"{look}{named}>'
        return f'{start}<span id="name-{column.place}" title="{title}">{label}</span>{menu}</th>'
    # A click replaces what the rows are sorted by; with Shift it adds a column (sorting.js).
    direction = state["order"] if state["sort"] == column.name else ""
    following = {"": "asc", "asc": "desc", "desc": ""}[direction]
    words = {"asc": "Sort ascending", "desc": "Sort descending", "": "Remove the sort order"}[following]
    href = escape(query_string(parameters, sort=column.name if following else "", order=following))
    sorted_ = {"": "", "asc": ' aria-sort="ascending"', "desc": ' aria-sort="descending"'}[direction]
    title = f"{escape(column.label)}: {words.lower()}"
    link = f'<a class="sort-link" id="sort-{column.place}" href="{href}" title="{title}">{label}</a>'
    named = f' aria-labelledby="sort-{column.place}"'
    return f'<th scope="col" data-place="{column.place}"{sorted_}{look}{named}>{link}{menu}</th>'


def _menu(column: Column) -> str:
    """The button of a header's menu; it sends the form of the page, so that it leads to a page without scripts."""
    place, name = column.place, escape(column.label)
    look = f'class="head-menu" data-column-menu aria-label="Menu of {name}"'
    return f'<button {look} form="menu" name="place" value="{place}"></button>'


def _body(
    page: Rows, columns: list[Column], limit: int, terms: Sequence[str], *, is_grouped: bool = False
) -> tuple[str, int]:
    """The `<tr>`s, and how many of the columns they hold: within `limit` bytes, one column at least."""
    places = [column.place for column in columns]
    if len(places) * len(page.rows) * CELL_BYTES <= limit:
        for cut_at in CUTS:
            if (lines := _lines(page, places, cut_at, limit, terms, is_grouped=is_grouped)) is not None:
                return _in_parts(lines, len(places)), len(places)
    return _narrowed(page, places, limit)


def _narrowed(page: Rows, places: list[int], limit: int) -> tuple[str, int]:
    """The rows with as many of the columns as there is room for."""
    limit -= sum(_bytes(_row(number, "")) + 1 for number, _ in _numbered(page))
    columns: list[list[str]] = []
    for place in places:
        column = [cells.cell(row[place - 1], CUTS[-1], number, place) for number, row in _numbered(page)]
        limit -= sum(map(_bytes, column))
        if limit < 0 and columns:
            break
        columns.append(column)
    lines = zip(_numbered(page), zip(*columns, strict=True), strict=True)
    return _in_parts([_row(number, "".join(parts)) for (number, _), parts in lines], len(columns)), len(columns)


def _in_parts(lines: list[str], width: int) -> str:
    """The rows as the inside of a `<tbody>`, or of several.

    A browser takes more than half a second to lay out 60,000 cells. It begins with the first part (row-parts.js).
    """
    size = max(PART_CELLS // max(width, 1), PART_ROWS)
    parts = ("\n".join(lines[start : start + size]) for start in range(0, len(lines), size))
    return "</tbody><tbody>".join(parts)


def _lines(
    page: Rows, places: list[int], cut_at: int, limit: int, terms: Sequence[str], *, is_grouped: bool = False
) -> list[str] | None:
    """The rows, cells cut at so many characters; None where they take more than `limit` bytes."""
    lines = []
    plain, other = cells.plain, cells.other
    if terms:
        plain, other = partial(cells.unmarked, terms=terms), partial(cells.other, terms=terms)
    decimals = []
    if is_grouped:
        decimals = [max((cells.decimals(row[place - 1]) for row in page.rows), default=0) for place in places]
    is_whole = places == list(range(1, len(page.columns) + 1))
    for number, row in _numbered(page):
        values = row if is_whole else [row[place - 1] for place in places]
        if is_grouped:
            parts = [
                cells.grouped(value, of, cut_at) or plain(value, cut_at)
                for value, of in zip(values, decimals, strict=True)
            ]
        else:
            parts = [plain(value, cut_at) for value in values]
        if "" in parts:
            for index, part in enumerate(parts):
                if not part:
                    parts[index] = other(values[index], cut_at, number, places[index])
        line = _row(number, "".join(parts))
        lines.append(line)
        limit -= _bytes(line) + 1
        if limit < 0:
            return None
    return lines


def _numbered(page: Rows) -> enumerate:
    return enumerate(page.rows, start=page.first + 1)


def _row(number: int, inner: str) -> str:
    button = f'<button form="record" formaction="{number}/">{number:,}</button>'
    return f'<tr id="row-{number}"><th scope="row">{button}</th>{inner}</tr>'


def _fitting(parts: list[str], limit: int) -> list[str]:
    """The first parts that take no more bytes than `limit`; one at least."""
    for place, part in enumerate(parts):
        limit -= _bytes(part)
        if limit < 0:
            return parts[: max(place, 1)]
    return parts


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
