"""Chips and groups of chips, each in one form: two that have one text are equal."""

import re
from dataclasses import dataclass
from enum import StrEnum

# A number that a filter may have without quotes.
NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?", re.ASCII)
DAYS_MAX = 36_500


class Operator(StrEnum):
    CONTAINS = "contains"
    STARTS = "starts"
    IS = "is"
    NOT = "not"
    ONE_OF = "one_of"
    NOT_ONE_OF = "not_one_of"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    # From a value to under another one, as a bar of a histogram.
    FROM_TO = "from_to"
    # Both ends included.
    BETWEEN = "between"
    # Today and the days before it.
    LAST_DAYS = "last_days"
    # Null or empty text.
    EMPTY = "empty"
    NULL = "null"
    BLANK_TEXT = "blank_text"
    NOT_EMPTY = "not_empty"
    NOT_NULL = "not_null"
    YES = "yes"
    NO = "no"
    # A part of an expression that no other operator expresses, as it was typed; without a column.
    TEXT = "text"


class Kind(StrEnum):
    """How the conditions of a group combine."""

    ALL = "all"
    ANY = "any"


Op = Operator
WITHOUT_VALUE = (Op.EMPTY, Op.NULL, Op.BLANK_TEXT, Op.NOT_EMPTY, Op.NOT_NULL, Op.YES, Op.NO)
WITH_TWO = (Op.FROM_TO, Op.BETWEEN)
WITH_LIST = (Op.ONE_OF, Op.NOT_ONE_OF)
# They ignore upper and lower case unless they are exact.
CASED = (Op.CONTAINS, Op.STARTS, Op.IS, Op.NOT)
ORDERING = (Op.GT, Op.GTE, Op.LT, Op.LTE, *WITH_TWO)
# They compare numbers as such.
COMPARING = (Op.IS, Op.NOT, *WITH_LIST, *ORDERING)


@dataclass(frozen=True)
class Chip:
    """A condition on a column. `is_number` writes the values without quotes. Raises ValueError."""

    column: str
    operator: Operator
    values: tuple[str, ...] = ()
    is_exact: bool = False
    is_number: bool = False

    def __post_init__(self) -> None:
        operator, count = Operator(self.operator), len(self.values)
        if operator in WITHOUT_VALUE:
            self._set(values=())
        elif count != (2 if operator in WITH_TWO else max(count, 1) if operator in WITH_LIST else 1):
            raise ValueError("The condition has the wrong number of values.")
        if operator is Op.LAST_DAYS:
            [days] = self.values
            if not re.fullmatch(r"\d{1,6}", days, re.ASCII) or not 1 <= int(days) <= DAYS_MAX:
                raise ValueError(f"Enter a number of days from 1 to {DAYS_MAX:,}.")
            self._set(values=(str(int(days)),))
        is_number = self.is_number and operator in COMPARING and all(map(NUMBER.fullmatch, self.values))
        is_exact = operator in CASED and (self.is_exact or is_number)
        if operator is Op.IS and is_exact and self.values == ("",):
            operator, is_exact = Op.BLANK_TEXT, False
            self._set(values=())
        self._set(operator=operator, is_number=is_number, is_exact=is_exact)

    def _set(self, **fields: object) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Group:
    """Conditions that all hold, or any of them. Groups within it hold chips only. Raises ValueError."""

    kind: Kind = Kind.ALL
    items: "tuple[Chip | Group, ...]" = ()

    def __post_init__(self) -> None:
        items = [_plain(item) for item in self.items]
        kept = tuple(item for item in items if item is not None)
        kind = Kind(self.kind)
        if len(kept) == 1:
            [only] = kept
            kind, kept = (only.kind, only.items) if isinstance(only, Group) else (Kind.ALL, kept)
        elif not kept:
            kind = Kind.ALL
        object.__setattr__(self, "items", kept)
        object.__setattr__(self, "kind", kind)

    @property
    def chips(self) -> list[Chip]:
        """All chips, those of inner groups too."""
        return [chip for item in self.items for chip in (item.chips if isinstance(item, Group) else [item])]


def _plain(item: Chip | Group) -> Chip | Group | None:
    """An item of a group; a group within it that has the text of a chip as that chip."""
    if isinstance(item, Chip):
        return item
    if any(isinstance(inner, Group) for inner in item.items):
        raise ValueError("Conditions can be grouped one level deep.")
    if len(item.items) < 2:
        return item.items[0] if item.items else None
    if len(item.items) > 2:
        return item
    first, second = item.chips
    signs = (item.kind, first.operator, second.operator)
    if first.column != second.column:
        return item
    if signs == (Kind.ANY, Op.NULL, Op.BLANK_TEXT):
        return Chip(first.column, Op.EMPTY)
    if signs == (Kind.ALL, Op.GTE, Op.LT) and first.is_number == second.is_number:
        return Chip(first.column, Op.FROM_TO, first.values + second.values, is_number=first.is_number)
    return item
