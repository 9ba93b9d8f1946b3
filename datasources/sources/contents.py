"""The contents of a file for its details page: number of rows, columns and first rows.

They come from the whole-table copy, else from rows in the cache, else from the columns that Claro's details name.
Nothing here calls the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import QueryDict
from django.utils.safestring import SafeString

from datasources.copies import histograms, opened, profile, read
from datasources.copies.query import Query
from datasources.copies.store import CopyLost
from datasources.models import ApiKey, Source, TableCopy
from datasources.rows import cells, heads, pages, reading, tables
from datasources.rows.forms import RowsForm
from datasources.rows.pages import Rows
from datasources.rows.tables import Column

PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 50
# Cached rows of which the share of empty cells is computed.
SAMPLE_ROWS = 200
# Columns that the page lists, and those of them with bars; the table has all.
LISTED, DRAWN = 200, 100
SAMPLE_AT, NOTE_AT = 60, 200
# A page does not wait longer for a copy that is being opened.
SECONDS = 1.0


@dataclass(frozen=True)
class Line:
    """A column as a line of the table of columns; texts are "" where they are unknown."""

    label: str
    kind: str = ""
    empty: str = ""
    sample: str = ""
    # SVG, or "".
    bars: str = ""
    # Further fields of Claro's description.
    notes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    head: SafeString
    body: SafeString
    rows: int
    left_out: int


@dataclass(frozen=True)
class Contents:
    rows: int | None = None
    columns: int | None = None
    lines: Sequence[Line] = ()
    # Rows that the shares of empty cells are of; None where these are of all, or unknown.
    sampled: int | None = None
    preview: Preview | None = None
    # Whether the table was read, and has no rows.
    is_empty: bool = False

    @property
    def unlisted(self) -> int:
        return (self.columns or 0) - len(self.lines)

    @property
    def has_shares(self) -> bool:
        return any(line.empty for line in self.lines)

    @property
    def has_samples(self) -> bool:
        return any(line.sample or line.bars for line in self.lines)


def of(source: Source, copy: TableCopy | None, person: object) -> Contents:
    """The contents as far as they are known."""
    facts = source.facts
    described = columns_in(facts.get("columns"))
    found = (_of_copy(copy, person) if copy else None) or _of_cache(source)
    if found:
        lines = _with_notes(found.lines, described)
        return replace(found, lines=lines, rows=_number(facts, "rowCount") if found.rows is None else found.rows)
    lines = [
        Line(_label(place, one["name"]), heads.short(str(one.get("type", "")), SAMPLE_AT), notes=_notes(one))
        for place, one in enumerate(described[:LISTED], start=1)
    ]
    columns = _number(facts, "columnCount")
    return Contents(_number(facts, "rowCount"), len(described) or None if columns is None else columns, lines)


def can_be_read(source: Source) -> bool:
    """Whether a call may bring the first rows."""
    return not (source.is_processing or source.has_failed or source.key.state == ApiKey.State.INVALID)


def known_columns(sources: Sequence[Source]) -> dict[int, list[str]]:
    """The names of the columns of each source, by its id, where they are known: by Claro's details, else by rows in
    the cache. No call."""
    described = {source.pk: columns_in(source.facts.get("columns")) for source in sources}
    found = {pk: [one["name"] for one in columns] for pk, columns in described.items() if columns}
    return found | pages.cached_columns([source for source in sources if source.pk not in found])


def columns_in(value: object) -> list[dict[str, Any]]:
    """The columns that a field of the API describes: objects with a name, and a type if any; [] for anything else."""
    are_columns = isinstance(value, list) and all(
        isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("type", ""), str)
        for one in value
    )
    return value if are_columns else []


def _of_copy(copy: TableCopy, person: object) -> Contents | None:
    try:
        with opened.reader(copy, person, SECONDS) as reader:
            places = set(range(min(len(reader.columns), LISTED)))
            profiles = {one.column.place: one for one in profile.of(reader, places)}
            page = read.page(reader, Query(), 0, PREVIEW_ROWS, lambda _: places, reading.SHOWN_AT)
            lines = []
            for column in reader.columns[:LISTED]:
                line = Line(_label(column.place + 1, column.name), heads.KINDS[column.kind])
                if one := profiles.get(column.place):
                    bars = heads.chart(one) if column.place < DRAWN else ""
                    empty = histograms.share(one.empty, one.facts.rows)
                    line = Line(line.label, heads.kind(one), empty, bars=SafeString(bars))
                lines.append(replace(line, sample=_sample(page.rows, column.place)))
    except (CopyLost, *reading.UNANSWERED):
        return None
    rows = Rows(page.columns, page.rows, 0, page.total, False)
    return Contents(page.total, len(page.columns), lines, None, _preview(rows), not page.rows)


def _of_cache(source: Source) -> Contents | None:
    found = pages.cached_start(source, SAMPLE_ROWS)
    if found is None:
        return None
    lines = []
    for place, name in enumerate(found.columns[:LISTED]):
        values = [row[place] for row in found.rows]
        empty = histograms.share(sum(value in (None, "") for value in values), len(values)) if values else ""
        lines.append(Line(_label(place + 1, name), _kind(values), empty, _sample(found.rows, place)))
    sampled = len(found.rows) if found.has_next or len(found.rows) < (found.total or 0) else None
    total = len(found.rows) if found.total is None and not found.has_next else found.total
    return Contents(total, len(found.columns), lines, sampled, _preview(found), not found.rows)


def _preview(found: Rows) -> Preview | None:
    if not found.rows:
        return None
    names = found.columns[:PREVIEW_COLUMNS]
    rows = [row[:PREVIEW_COLUMNS] for row in found.rows[:PREVIEW_ROWS]]
    table = tables.table(Rows(names, rows, 0, len(rows), False), RowsForm(QueryDict()).state(), {})
    head = "".join(_head(column, rows) for column in table.shown)
    return Preview(SafeString(head), table.body, len(rows), len(found.columns) - len(table.shown))


def _head(column: Column, rows: Sequence[Sequence[object]]) -> str:
    value = next((row[column.place - 1] for row in rows if row[column.place - 1] is not None), None)
    look = ' class="is-number"' if cells.is_number(value) and not isinstance(value, bool) else ""
    return f'<th scope="col"{look}><bdi>{cells.marked(column.label)}</bdi></th>'


def _label(place: int, name: str) -> str:
    return heads.short(Column(place, name).label, tables.LABEL_AT)


def _sample(rows: Sequence[Sequence[object]], place: int) -> str:
    """The first value that is not empty."""
    value = next((row[place] for row in rows if row[place] not in (None, "")), None)
    return "" if value is None else heads.short(cells.whole(value, is_compact=True), SAMPLE_AT)


def _kind(values: Sequence[object]) -> str:
    """The kind of a column in words, by some of its cells."""
    kinds = {_kind_of(value) for value in values if value is not None}
    if kinds == {"whole number", "number"}:
        return "number"
    return "empty" if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "whole number"
    return "number" if cells.is_number(value) else "text" if isinstance(value, str) else "nested"


def _with_notes(lines: Sequence[Line], described: Sequence[dict[str, Any]]) -> list[Line]:
    """The lines with the notes of Claro's description of columns of these names."""
    notes = {_label(place, one["name"]): _notes(one) for place, one in enumerate(described, start=1)}
    return [replace(line, notes=notes.get(line.label, [])) for line in lines]


def _notes(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    # By name: PostgreSQL keeps no order of them.
    others = ((name, value) for name, value in sorted(one.items()) if name not in ("name", "type"))
    return [(name, heads.short(cells.whole(value, is_compact=True), NOTE_AT)) for name, value in others]


def _number(facts: Mapping[str, object], name: str) -> int | None:
    value = facts.get(name)
    return value if type(value) is int else None
