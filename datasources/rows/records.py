"""A whole row: its fields one below the other, each with its text, the tree of a nested value, and links to filters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from core.text import visible
from datasources.rows import cells, tables
from datasources.rows.tables import Column

# The text of a field, and of all fields of a row: in characters.
FIELD_MAX, RECORD_MAX = 500_000, 3_000_000
# A tree has so many nodes and levels; what lies deeper is text.
NODES_MAX, LEVELS_MAX = 3000, 12
NAME_MAX = 200
# In a longer text, spaces and characters that can't be seen are not marked.
MARKED_MAX = 2000
# A longer value is no condition of a filter: the expression takes 4,000 characters.
VALUE_MAX = 1000
# Parameters of the address that say where in the table the reader is.
PLACES = ("page", "row", "go")

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ONLY, _NOT = "Only these", "Not these"
_GREATER, _LESS = "Greater", "Less"


@dataclass(frozen=True)
class Action:
    """A filter that a field offers, and the query string of the link that adds it."""

    label: str
    query: str


@dataclass(frozen=True)
class Field:
    """A cell with the name of its column. `kind` is the class that cells.py gives it in the table."""

    column: Column
    kind: str
    # Its text content is the value as it is copied, but for `is-null` and `is-empty`.
    html: SafeString
    length: int
    is_cut: bool
    tree: SafeString
    actions: Sequence[Action]


def fields(names: Sequence[str], row: Sequence[object], parameters: Mapping[str, Sequence[str]]) -> list[Field]:
    """The fields of a row in the API's order; `parameters` are those of the address, which filters are added to."""
    base = [(name, value) for name, values in parameters.items() if name not in PLACES for value in values]
    found, left = [], RECORD_MAX
    for column, value in zip(tables.columns(names), row, strict=True):
        text = cells.whole(value, is_compact=True)
        shown = text[: max(min(FIELD_MAX, left), 0)]
        left -= len(shown)
        kind = cells.kind(value)
        is_cut = len(shown) < len(text)
        tree = SafeString(_Tree().of(value)) if kind == "is-json" and not is_cut else SafeString()
        actions = _actions(column, value, text, kind, base)
        found.append(Field(column, kind, _html(shown, kind), len(text), is_cut, tree, actions))
    return found


def _html(text: str, kind: str) -> SafeString:
    if kind in ("is-null", "is-empty"):
        return SafeString(f"<span>{kind.removeprefix('is-')}</span>")
    if kind == "is-link":
        return SafeString(cells.anchor(text))
    if text and cells.is_blank(text):
        return SafeString(f'<span role="img" aria-label="{cells.describe(text)}">{cells.escaped(text)}</span>')
    return SafeString(cells.marked(text) if len(text) <= MARKED_MAX else cells.escaped(text))


def _actions(column: Column, value: object, text: str, kind: str, base: Sequence[tuple[str, str]]) -> list[Action]:
    """The filters that a cell offers, as its menu in the table does (cell-menu.js)."""
    if column.refusal or kind == "is-json" or len(text) > VALUE_MAX:
        return []
    return [
        Action(label, urlencode([*base, ("do", "add"), ("c", column.name), *condition]))
        for label, condition in _conditions(value, text, kind)
    ]


def _conditions(value: object, text: str, kind: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    if kind == "is-null":
        yield _ONLY, [("op", "null")]
        yield _NOT, [("op", "not_null")]
    elif kind == "is-empty":
        yield _ONLY, [("op", "blank_text")]
        yield _NOT, [("op", "not"), ("v", ""), ("exact", "1")]
    elif kind == "is-bool":
        yield _ONLY, [("op", "yes" if value else "no"), ("exact", "1")]
        yield _NOT, [("op", "not"), ("v", text), ("exact", "1")]
    else:
        yield _ONLY, [("op", "is"), ("v", text), ("exact", "1")]
        yield _NOT, [("op", "not"), ("v", text), ("exact", "1")]
        if kind == "is-number" or _DATE.match(text):
            yield _GREATER, [("op", "gt"), ("v", text)]
            yield _LESS, [("op", "lt"), ("v", text)]


class _Tree:
    """A nested value as folded lists: the first level is open. One instance counts the nodes of one value."""

    def __init__(self) -> None:
        self._left = NODES_MAX

    def of(self, value: Any, name: str = "", level: int = 0) -> str:
        self._left -= 1
        label = f"<b><bdi>{escape(visible(tables.short(name, NAME_MAX)))}</bdi></b>: " if name else ""
        if not isinstance(value, dict | list) or not value:
            return f"{label}<bdi>{cells.escaped(_leaf(value))}</bdi>"
        if level >= LEVELS_MAX or self._left <= 0:
            return f"{label}<bdi>{cells.escaped(cells.whole(value, is_compact=True))}</bdi>"
        named = value.items() if isinstance(value, dict) else ((str(place), one) for place, one in enumerate(value))
        count = f"{len(value):,} {'key' if isinstance(value, dict) else 'item'}{'' if len(value) == 1 else 's'}"
        lines = "".join(f"<li>{self.of(one, key or '“”', level + 1)}</li>" for key, one in named)
        is_open = "" if level else " open"
        return f"<details{is_open}><summary>{label}<small>{count}</small></summary><ul>{lines}</ul></details>"


def _leaf(value: object) -> str:
    """A value without values of its own, as JSON writes it."""
    if value is None:
        return "null"
    return cells.whole([value], is_compact=True)[1:-1] if isinstance(value, str) else cells.whole(value)
