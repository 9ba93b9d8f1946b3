"""Filters as chips: a model of conditions that converts to the text of an expression and back (docs/copies.md)."""

from datasources.copies.chips.changes import (
    beside,
    chip_at,
    listed,
    loosened,
    read,
    with_added,
    with_kind,
    with_removed,
    with_replaced,
)
from datasources.copies.chips.model import Chip, Group, Kind, Operator
from datasources.copies.chips.parsing import parse
from datasources.copies.chips.words import sentence, words
from datasources.copies.chips.writing import CannotSay, for_claro, text

__all__ = [
    "CannotSay",
    "Chip",
    "Group",
    "Kind",
    "Operator",
    "beside",
    "chip_at",
    "for_claro",
    "listed",
    "loosened",
    "parse",
    "read",
    "sentence",
    "text",
    "with_added",
    "with_kind",
    "with_removed",
    "with_replaced",
    "words",
]
