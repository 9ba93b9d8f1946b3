"""The columns that two copies have in common, and the SQL that compares their cells."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from datasources.copies.schema import Column

# The SQL types of a column's cells in both files; hashes of equal numbers differ between types.
Types = dict[str, str]


@dataclass(frozen=True)
class Pair:
    """A column of the same name in both copies, at its places from 0."""

    name: str
    before: Column
    now: Column
    # Whether both files store its cells alike, so that they are compared as they are, and not by their texts.
    is_alike: bool

    @property
    def differs(self) -> str:
        """A condition for two rows `a` and `b`: the cells are not the same, null being a value like others."""
        if not self.is_alike:
            return f"{text(self.before, 'a')} IS DISTINCT FROM {text(self.now, 'b')}"
        parts = [f"a.{a} IS DISTINCT FROM b.{b}" for a, b in zip(self.before.stored, self.now.stored, strict=True)]
        return f"({' OR '.join(parts)})"

    @property
    def keys(self) -> list[tuple[str, str]]:
        """The SQL of what is compared of a cell, in the first copy and in the second one."""
        if not self.is_alike:
            return [(self.before.text, self.now.text)]
        return list(zip(self.before.stored, self.now.stored, strict=True))


def pairs(before: Sequence[Column], now: Sequence[Column], a: Types, b: Types) -> list[Pair]:
    """The common columns in the order of `now`; of columns that share a name the first with the first, and so on.

    `a` and `b` are the SQL types of the stored columns.
    """
    by_name = defaultdict(list)
    for column in before:
        by_name[column.name].append(column)
    found = []
    for column in now:
        if by_name[column.name]:
            other = by_name[column.name].pop(0)
            is_alike = other.kind == column.kind and a.get(other.value) == b.get(column.value)
            found.append(Pair(column.name, other, column, is_alike))
    return found


def text(column: Column, table: str) -> str:
    """The SQL of a cell's text, with its table; `c` and a place is the only word of this form in it."""
    return re.sub(r"\bc\d+\b", lambda found: f"{table}.{found[0]}", column.text)
