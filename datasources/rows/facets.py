"""Filters by a click: an address of the rows page with the condition of a bar added to its filter, or taken out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote_plus

from core.forms import query_string
from datasources.copies import chips
from datasources.copies.chips import CannotSay, Group, Kind

# The longest filter in an address (forms.RowsForm).
FILTER_MAX = 4000
_MARK = "\x00"


def conditions(text: str) -> list[str]:
    """The conditions that a filter joins by AND, as chips write them; the whole in brackets where it joins by OR."""
    try:
        group = chips.read(text)
        if group.kind is Kind.ANY:
            return [f"({chips.text(group)})"]
        parts = [(chips.text(Group(items=(item,))), isinstance(item, Group)) for item in group.items]
    except CannotSay:  # a column without a name
        return [f"({text.strip()})"]
    return [f"({part})" if is_group else part for part, is_group in parts]


@dataclass(frozen=True)
class Facet:
    """The bars of one column as filters: `active` is the one that the address has, `base` the filter without it."""

    base: str
    active: str

    def filter_of(self, bar: str) -> str:
        """The filter after a click on a bar: with it in the place of another one, or without it if it was active."""
        return self.base if bar == self.active else " AND ".join(filter(None, [self.base, bar]))


class Links:
    """Links from the rows page of an address, given by its parameters, to other rows of the same table."""

    def __init__(self, parameters: dict[str, Any], path: str = ""):
        self._parameters, self._path = parameters, path
        [self._filter] = parameters.get("filter", [""])[-1:]

    def facet(self, bars: Sequence[str]) -> Facet:
        """The change that a click on one of these bars of a column makes."""
        for bar in bars if self._present else ():
            if bar in self._present:
                return Facet(" AND ".join(one for one in self._present if one != bar), bar)
        return Facet(" AND ".join(self._present), "")

    def to(self, text: str) -> str:
        """The address of the rows that a filter finds; "" where it is too long for one."""
        if len(text) > FILTER_MAX:
            return ""
        if not text:
            return self._without
        before, after = self._around
        return f"{before}{quote_plus(text)}{after}"

    def to_check(self, check: str) -> str:
        """The address of all rows that a check finds, whatever else is asked for."""
        return self._path + query_string(self._parameters, check=check, filter="", q="")

    @cached_property
    def _present(self) -> list[str]:
        return conditions(self._filter)

    @cached_property
    def _around(self) -> list[str]:
        """The address on both sides of its filter; made once, as a page has hundreds."""
        return (self._path + query_string(self._parameters, filter=_MARK)).split(quote_plus(_MARK), 1)

    @cached_property
    def _without(self) -> str:
        return self._path + query_string(self._parameters, filter="")
