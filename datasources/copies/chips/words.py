"""Chips in words for people."""

from datasources.copies.chips.model import Chip, Group, Kind, Operator
from datasources.copies.histograms import shown_number

# Values that a chip names; others are counted.
NAMED = 2
_SIGNS = {Operator.GT: ">", Operator.GTE: "≥", Operator.LT: "<", Operator.LTE: "≤"}
_PLAIN = {
    Operator.EMPTY: "is empty",
    Operator.NULL: "is null",
    Operator.BLANK_TEXT: "is empty text",
    Operator.NOT_EMPTY: "is not empty",
    Operator.NOT_NULL: "is not null",
    Operator.YES: "is true",
    Operator.NO: "is false",
}
_VERBS = {
    Operator.CONTAINS: "contains",
    Operator.STARTS: "starts with",
    Operator.IS: "is",
    Operator.NOT: "is not",
}


def words(chip: Chip) -> str:
    """Such as "price > 500"."""
    values = [shown_number(value) if chip.is_number else value for value in chip.values]
    match chip.operator:
        case Operator.TEXT:
            return values[0]
        case Operator.ONE_OF:
            return f"{chip.column} is {_listed(values)}"
        case Operator.NOT_ONE_OF:
            return f"{chip.column} is not {_listed(values)}"
        case Operator.FROM_TO:
            return f"{chip.column} from {values[0]} to under {values[1]}"
        case Operator.BETWEEN:
            return f"{chip.column} from {values[0]} to {values[1]}"
        case Operator.LAST_DAYS:
            return f"{chip.column} is today" if values == ["1"] else f"{chip.column} in the last {values[0]} days"
    if chip.operator in _PLAIN:
        return f"{chip.column} {_PLAIN[chip.operator]}"
    if chip.operator in _SIGNS:
        return f"{chip.column} {_SIGNS[chip.operator]} {values[0]}"
    if chip.is_number:
        return f"{chip.column} {'=' if chip.operator is Operator.IS else '≠'} {values[0]}"
    has_case = chip.values[0].lower() != chip.values[0].upper()
    exactly = " exactly" if chip.is_exact and has_case else ""
    return f"{chip.column} {_VERBS[chip.operator]}{exactly} {values[0] or 'empty text'}"


def sentence(group: Group) -> str:
    """Such as "price > 500 and (brand is Acme or brand is empty)"."""
    parts = [f"({sentence(item)})" if isinstance(item, Group) else words(item) for item in group.items]
    return (" or " if group.kind is Kind.ANY else " and ").join(parts)


def _listed(values: list[str]) -> str:
    shown = [value or "empty text" for value in values]
    if len(shown) > NAMED + 1:
        shown = [*shown[:NAMED], f"{len(shown) - NAMED} more"]
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
