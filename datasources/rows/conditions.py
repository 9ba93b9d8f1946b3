"""The condition that a form or a link describes, as a chip for a column of a table."""

import re
from decimal import Decimal

from datasources.copies import chips
from datasources.copies.chips import Chip, Operator
from datasources.copies.chips.model import COMPARING, NUMBER, ORDERING, WITH_LIST, WITH_TWO
from datasources.copies.schema import Column, Kind

_ENDS = {Operator.BETWEEN: (Operator.GTE, Operator.LTE), Operator.FROM_TO: (Operator.GTE, Operator.LT)}
# A comparison typed in the field of an end, such as "> 500" in the first.
_SIGNED = re.compile(r"\s*(>=|<=|[<>≤≥])(.*)", re.DOTALL)
_OPEN = {(0, ">"): Operator.GT, (0, "≥"): Operator.GTE, (1, "<"): Operator.LT, (1, "≤"): Operator.LTE}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NEEDED = (Operator.CONTAINS, Operator.STARTS, Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)


def chip(name: str, operator: Operator, values: list[str], *, is_exact: bool, column: Column | None) -> Chip:
    """`column` is None for a table without a copy. Raises ValueError and CannotSay, both with a sentence."""
    if not name:
        raise ValueError("Choose a column.")
    if operator not in (*WITH_TWO, *WITH_LIST):
        values = values[:1]  # the form has a second field for ranges
    if operator in _ENDS and column and column.is_number:
        operator, values = _compared(operator, values)
    if operator in _ENDS and len(values) == 2 and "" in values:
        # One end alone.
        operator, values = _ENDS[operator][values[0] == ""], [value for value in values if value][:1]
    if operator in _ENDS and len(values) == 2:
        values = _in_order(*values)
    if not values and operator in (Operator.ONE_OF, Operator.NOT_ONE_OF):
        raise ValueError("Tick a value.")
    if operator in (*_NEEDED, *_ENDS) and not all(values or [""]):
        raise ValueError("Enter a value.")
    if operator in (Operator.YES, Operator.NO) and column and column.kind is not Kind.BOOLEAN:
        operator, values = Operator.IS, ["true" if operator is Operator.YES else "false"]
    is_number = bool(column and column.is_number and operator in COMPARING)
    if is_number:
        values = [_number(value) for value in values]
    elif column is None and operator in ORDERING:
        # The one example of Claro's documentation, `price > 100`, compares numbers without quotes.
        values = [value.strip() for value in values] if all(NUMBER.fullmatch(one.strip()) for one in values) else values
        is_number = True  # where they all are numbers (chips/model.py)
    made = Chip(name, operator, tuple(values), is_exact, is_number)
    if column is None:
        made = chips.for_claro(made)
    chips.text(chips.Group(items=(made,)))  # says what no text can express
    return made


def _compared(operator: Operator, values: list[str]) -> tuple[Operator, list[str]]:
    """The ends of a range, or the one comparison that is typed with a sign in one of their fields."""
    signed = [(at, found) for at, value in enumerate(values) if (found := _SIGNED.fullmatch(value))]
    if not signed:
        return operator, values
    [(at, found), *more] = signed
    sign = found[1].replace(">=", "≥").replace("<=", "≤")
    if more or any(value.strip() for value in values[:at] + values[at + 1 :]):
        raise ValueError("Enter a value with < or > in one field, and leave the other empty.")
    if not (wanted := _OPEN.get((at, sign))):
        raise ValueError("Enter > in the first field or < in the second.")
    return wanted, [found[2]]


def _in_order(first: str, last: str) -> list[str]:
    """The ends of a range of numbers or of days from the least: turned round, it would find nothing."""
    ends = [first, last]
    if all(NUMBER.fullmatch(end.strip()) for end in ends):
        return sorted(ends, key=lambda end: Decimal(end.strip()))
    return sorted(ends) if all(_DAY.match(end) for end in ends) else ends


def _number(value: str) -> str:
    """A number as it was typed, in the form that filters have for it."""
    text = value.strip().removeprefix("+").removesuffix(".")
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    text = sign + ("0" + digits if digits.startswith(".") else digits)
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{value[:80] or 'Nothing'} is not a number.")
    return text
