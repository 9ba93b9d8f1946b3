"""The text of chips as a filter expression (docs/copies.md); which of them Claro can read."""

import re
from dataclasses import replace

from datasources.copies.chips.model import CASED, Chip, Group, Kind, Operator
from datasources.copies.histograms import name, quoted

_SIGNS = {Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<", Operator.LTE: "<="}
_PLAIN = {
    Operator.EMPTY: "({0} IS NULL OR {0} = '')",
    Operator.NULL: "{0} IS NULL",
    Operator.BLANK_TEXT: "{0} = ''",
    Operator.NOT_EMPTY: "({0} IS NOT NULL AND {0} <> '')",
    Operator.NOT_NULL: "{0} IS NOT NULL",
    Operator.YES: "{0} = true",
    Operator.NO: "{0} = false",
}
_COPY = "A whole-table copy can."
ESCAPE = "!"


class CannotSay(Exception):
    """No expression has this meaning; the message is a sentence for people."""


def text(group: Group) -> str:
    """The expression; "" for no condition. Raises CannotSay."""
    parts = [f"({text(item)})" if isinstance(item, Group) else _of_chip(item) for item in group.items]
    return (" AND " if group.kind is Kind.ALL else " OR ").join(parts)


def for_claro(chip: Chip) -> Chip:
    """The same condition where Claro's grammar is known to express it. Raises CannotSay."""
    if chip.operator in (Operator.CONTAINS, Operator.STARTS):
        found = [sign for sign in "%_" if sign in chip.values[0]]
        if found:
            raise CannotSay(f"Claro's filters can't look for the character {found[0]}. {_COPY}")
    if chip.operator is Operator.LAST_DAYS:
        raise CannotSay(f"Claro's filters can't count days back from today. Choose dates instead. {_COPY}")
    if chip.operator not in CASED or chip.is_exact:
        return chip
    if any(value.lower() != value.upper() for value in chip.values):
        raise CannotSay(f"Claro's filters can't ignore upper and lower case. Match case instead. {_COPY}")
    return replace(chip, is_exact=True)


def _of_chip(chip: Chip) -> str:
    if chip.operator is Operator.TEXT:
        return chip.values[0]
    if not chip.column:
        raise CannotSay("A column without a name can't be filtered.")
    if "\0" in "".join((chip.column, *chip.values)):
        raise CannotSay("The address can't hold a null character.")
    return _written(chip)


def _written(chip: Chip) -> str:
    called = name(chip.column)
    values = list(chip.values) if chip.is_number else [quoted(value) for value in chip.values]
    match chip.operator:
        case Operator.CONTAINS | Operator.STARTS:
            before = "%" if chip.operator is Operator.CONTAINS else ""
            return f"{called} {_like(chip)} {_pattern(before, chip.values[0], '%')}"
        case Operator.IS if chip.is_exact:
            return f"{called} = {values[0]}"
        case Operator.IS:
            return f"{called} ILIKE {_pattern('', chip.values[0], '')}"
        case Operator.NOT:
            differs = f"<> {values[0]}" if chip.is_exact else f"NOT ILIKE {_pattern('', chip.values[0], '')}"
            return f"({called} {differs} OR {called} IS NULL)"
        case Operator.ONE_OF:
            return f"{called} IN ({', '.join(values)})"
        case Operator.NOT_ONE_OF:
            return f"({called} NOT IN ({', '.join(values)}) OR {called} IS NULL)"
        case Operator.FROM_TO:
            return f"({called} >= {values[0]} AND {called} < {values[1]})"
        case Operator.BETWEEN:
            return f"{called} BETWEEN {values[0]} AND {values[1]}"
        case Operator.LAST_DAYS:
            return f"{called} BETWEEN TODAY() - {int(chip.values[0]) - 1} AND TODAY()"
    if chip.operator in _SIGNS:
        return f"{called} {_SIGNS[chip.operator]} {values[0]}"
    return _PLAIN[chip.operator].format(called)


def _like(chip: Chip) -> str:
    return "LIKE" if chip.is_exact else "ILIKE"


def _pattern(before: str, value: str, after: str) -> str:
    """The pattern in quotes. Signs with a meaning in patterns are escaped."""
    if "%" not in value and "_" not in value:
        return quoted(before + value + after)
    literal = re.sub(f"[{ESCAPE}%_]", rf"{ESCAPE}\g<0>", value)
    return f"{quoted(before + literal + after)} ESCAPE '{ESCAPE}'"
