"""Which columns a row table shows, in which order and how: read from an address, changed, and written into one.

Hiding a few columns names these; else an address names the columns that are shown. Columns of one name go together.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.http import QueryDict

# The parameters of an address that make a choice.
NAMES = ("column", "hide", "columns", "pin", "width", "thousands")
# In the place of a reference: no column at all.
NO_COLUMNS = "none"
WIDTH_MIN, WIDTH_MAX = 40, 1200
PINS_MAX = 8
# A pinned column has a width: the next one begins there.
PIN_WIDTH = 160
_WIDTH = re.compile(r"([1-9][0-9]{1,3})\.(.*)", re.DOTALL)


@dataclass(frozen=True)
class Choice:
    # The columns that are shown, in this order; None: all but `hidden`, in the order of the table.
    columns: tuple[str, ...] | None = None
    hidden: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    # In pixels.
    widths: Mapping[str, int] = field(default_factory=dict)
    # Whether numbers are shown with grouped thousands and aligned decimals.
    is_grouped: bool = False

    def shown(self, every: Sequence[str]) -> list[str]:
        """The names that are shown of a table with these names, the pinned ones first; all if none would be."""
        known = dict.fromkeys(every)
        if self.columns is None:
            hidden = set(self.hidden)
            names = [name for name in known if name not in hidden]
        else:
            names = [name for name in self.columns if name in known]
        if not names and self.columns != ():
            names = list(known)
        kept = set(names)
        pinned = [name for name in self.pins if name in kept]
        return [*pinned, *(name for name in names if name not in set(pinned))]

    def missing(self, every: Sequence[str]) -> list[str]:
        """The columns that the choice shows and the table does not have."""
        known = set(every)
        return [name for name in self.columns or () if name not in known]

    def with_shown(self, names: Sequence[str], every: Sequence[str]) -> "Choice":
        """The choice that shows these columns in this order, in the shorter of its two forms."""
        every, names = list(dict.fromkeys(every)), list(dict.fromkeys(names))
        kept = set(names)
        hidden = [name for name in every if name not in kept]
        is_in_order = names == [name for name in every if name in kept]
        if is_in_order and names and sum(map(len, hidden)) + len(hidden) <= sum(map(len, names)) + len(names):
            return replace(self, columns=None, hidden=tuple(hidden))
        return replace(self, columns=tuple(names), hidden=())

    def with_pin(self, name: str, *, is_pinned: bool) -> "Choice":
        others = tuple(one for one in self.pins if one != name)
        return replace(self, pins=(*others, name)[-PINS_MAX:] if is_pinned else others)

    def with_width(self, name: str, width: int) -> "Choice":
        """0 for the width that the cells need."""
        widths = {one: its for one, its in self.widths.items() if one != name}
        if width:
            widths[name] = min(max(width, WIDTH_MIN), WIDTH_MAX)
        return replace(self, widths=widths)

    def parameters(self) -> dict[str, list[str]]:
        """The choice as parameters of an address; {} for all columns as they are."""
        found: dict[str, list[str]] = {}
        if self.columns == ():
            found["columns"] = [NO_COLUMNS]
        elif self.columns is not None:
            found["column"] = list(self.columns)
        elif self.hidden:
            found["hide"] = list(self.hidden)
        if self.pins:
            found["pin"] = list(self.pins)
        if self.widths:
            found["width"] = [f"{width}.{name}" for name, width in self.widths.items()]
        if self.is_grouped:
            found["thousands"] = ["1"]
        return found


def read(parameters: Mapping[str, Sequence[str]]) -> Choice:
    """The choice of an address without a reference, given as the values of each parameter."""

    def names(of: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(parameters.get(of) or ()))

    columns = () if names("columns") == (NO_COLUMNS,) else names("column") or None
    hidden = () if columns is not None else names("hide")
    pins = names("pin")[:PINS_MAX]
    widths = {}
    for text in parameters.get("width") or ():
        if found := _WIDTH.fullmatch(text):
            widths[found[2]] = min(max(int(found[1]), WIDTH_MIN), WIDTH_MAX)
    return Choice(columns, hidden, pins, widths, names("thousands") == ("1",))


def is_made_by(parameters: QueryDict) -> bool:
    """Whether an address makes a choice."""
    return any(name in parameters for name in NAMES)


def without(parameters: QueryDict) -> QueryDict:
    """The parameters that have nothing to do with columns."""
    rest = parameters.copy()
    for name in (*NAMES, "from_column"):
        rest.pop(name, None)
    return rest


def with_choice(parameters: QueryDict, chosen: Mapping[str, Sequence[str]]) -> QueryDict:
    """The parameters with these for the columns."""
    changed = without(parameters)
    for name, values in chosen.items():
        changed.setlist(name, list(values))
    return changed


def moved(names: Sequence[str], name: str, to: int) -> list[str]:
    """The names with one of them at this place, from 0."""
    others = [one for one in names if one != name]
    to = min(max(to, 0), len(others))
    return [*others[:to], name, *others[to:]]
