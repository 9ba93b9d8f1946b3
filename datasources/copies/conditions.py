"""Conditions for rows as SQL with parameters, and how a cell compares with a value or with another cell.

No text of a user is part of the SQL: columns are places, values are parameters.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from datasources.copies.schema import Column, Kind


@dataclass(frozen=True)
class Condition:
    """SQL that is true, false or null for a row, and the values of its placeholders (`?`) in their order."""

    sql: str
    parameters: tuple[str | int | float, ...] = ()

    @classmethod
    def of(cls, template: str, *parts: Self) -> Self:
        """The SQL with the parts in the places of `{}`."""
        parameters = tuple(value for part in parts for value in part.parameters)
        return cls(template.format(*(part.sql for part in parts)), parameters)

    @classmethod
    def joined(cls, word: str, parts: list[Self]) -> Self:
        """All parts with a word such as AND or a comma between them, in brackets."""
        return cls.of(f"({word.join(['{}'] * len(parts))})", *parts)


EVERY_ROW = Condition("true")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:e([+-]?\d+))?", re.IGNORECASE | re.ASCII)
# A day with a time.
_TIME = r"'\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?'"
_WHOLE_MAX = 2**127 - 1
# No number of a column has so many digits before or after the point that more matter.
_EXPONENT_MAX = 5000
_DOUBLES = (Kind.FLOAT, Kind.NUMBER, Kind.BOOLEAN)
# What is left of `column < value` and so on, where the nearest value that the column can hold is below or above it.
_BELOW = {"<": "<=", ">=": ">"}
_ABOVE = {"<=": "<", ">": ">="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Value:
    """A value of a filter: its text, and whether it was written as a number (without quotes)."""

    text: str
    is_number: bool = False

    @property
    def reads_as_number(self) -> bool:
        return bool(_NUMBER.fullmatch(self.text))

    @property
    def exact(self) -> Decimal:
        """The number. Raises ValueError."""
        found = _NUMBER.fullmatch(self.text)
        if not found:
            raise ValueError(self.text)
        exponent = max(-_EXPONENT_MAX, min(int(found[2] or 0), _EXPONENT_MAX))
        return Decimal(f"{found[1]}e{exponent}")

    @property
    def is_day(self) -> bool:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", self.text, re.ASCII):
            return False
        try:
            return bool(date.fromisoformat(self.text))
        except ValueError:
            return False


Operand = Column | Value


def are_numbers(operands: list[Operand]) -> bool:
    """Whether operands compare as numbers: columns with numbers, and number columns with texts that read as numbers."""
    values = [operand for operand in operands if isinstance(operand, Value)]
    if values and all(value.is_number for value in values):
        return True
    of_numbers = all(operand.is_number for operand in operands if isinstance(operand, Column))
    return of_numbers and all(value.reads_as_number for value in values)


def compared(left: Operand, sign: str, right: Operand, as_numbers: bool) -> Condition:
    """`left sign right`; sign is one of = <> < <= > >=."""
    if isinstance(left, Value) and isinstance(right, Column):
        return compared(right, _MIRRORED.get(sign, sign), left, as_numbers)
    if as_numbers:
        return _compared_as_numbers(left, sign, right)
    if isinstance(left, Column) and isinstance(right, Value) and right.is_day and sign in ("=", "<>", "<=", ">"):
        return _compared_with_day(left, sign, right)
    return Condition.of(f"({{}} {sign} {{}})", text(left), text(right))


def among(left: Operand, values: list[Operand], as_numbers: bool) -> Condition:
    """`left IN (values)`."""
    are_plain = isinstance(left, Column) and all(isinstance(value, Value) for value in values)
    if not are_plain or (not as_numbers and any(value.is_day for value in values)):
        return Condition.joined(" OR ", [compared(left, "=", value, as_numbers) for value in values])
    if not as_numbers:
        return Condition.of("({} IN {})", text(left), Condition.joined(", ", [text(value) for value in values]))
    if left.kind is Kind.INT or left.kind in _DOUBLES:
        nearest = [_nearest(left, value.exact) for value in values]
        held = [Condition("?", (near,)) for near, side in nearest if not side]
        return Condition.of("({} IN {})", _number(left), Condition.joined(", ", held)) if held else _never(left)
    # The digits are looked at only where the double is one of those asked for.
    doubles = Condition.joined(", ", [_number(value) for value in values])
    exactly = Condition.joined(", ", [_exactly(value) for value in values])
    template = "(CASE WHEN {} IN {} THEN {} IN {} ELSE {} END)"
    return Condition.of(template, _number(left), doubles, _exactly(left), exactly, _never(left))


def is_null(operand: Operand) -> Condition:
    return Condition.of("({} IS NULL)", Condition(operand.value) if isinstance(operand, Column) else text(operand))


def text(operand: Operand) -> Condition:
    """The text that a page shows of a cell; the text of a value."""
    return Condition(operand.text) if isinstance(operand, Column) else Condition("?", (operand.text,))


def _compared_with_day(column: Column, sign: str, day: Value) -> Condition:
    """A day includes its times: `= '2026-01-05'` is true for 2026-01-05T10:00:00Z."""
    at, limit = text(column), text(day)
    within = Condition.of("(starts_with({}, {}) AND regexp_full_match({}, {}))", at, limit, at, Condition(_TIME))
    found = Condition.of(f"({{}} {'=' if sign in ('=', '<>') else '<='} {{}} OR {{}})", at, limit, within)
    return Condition.of("(NOT {})", found) if sign in ("<>", ">") else found


def _compared_as_numbers(left: Operand, sign: str, right: Operand) -> Condition:
    if isinstance(left, Column):
        if isinstance(right, Value) and (left.kind is Kind.INT or left.kind in _DOUBLES):
            return _compared_with_number(left, sign, right)
        if isinstance(right, Column) and left.is_number and (left.kind, right.kind) in _DIRECT:
            return Condition(f"({left.value} {sign} {right.value})")
    template = f"(CASE WHEN {{}} = {{}} THEN {{}} {sign} {{}} ELSE {{}} {sign} {{}} END)"
    doubles = (_number(left), _number(right))
    return Condition.of(template, *doubles, _exactly(left), _exactly(right), *doubles)


_DIRECT = {(Kind.INT, Kind.INT)} | {(one, other) for one in _DOUBLES for other in _DOUBLES}


def _compared_with_number(column: Column, sign: str, value: Value) -> Condition:
    """Compares with the nearest value of the column's type, so that cells need no conversion and no digit is lost."""
    near, side = _nearest(column, value.exact)
    if side and sign in ("=", "<>"):
        never = _never(column)
        return never if sign == "=" else Condition.of("(NOT {})", never)
    if side:
        sign = (_BELOW if side < 0 else _ABOVE).get(sign, sign)
    return Condition.of(f"({{}} {sign} {{}})", _number(column), Condition("?", (near,)))


def _nearest(column: Column, exact: Decimal) -> tuple[int | float, int]:
    """A value of the column's type with no other one between it and the number: below it (-1), equal or above (1)."""
    if column.kind is Kind.INT:
        if exact.copy_abs() > _WHOLE_MAX:
            return (_WHOLE_MAX, -1) if exact > 0 else (-_WHOLE_MAX - 1, 1)
        whole = int(exact.to_integral_value(rounding="ROUND_FLOOR"))
        return whole, -1 if whole < exact else 0
    near = float(exact)
    # Cells have the value of their shortest text: 0.1, not 0.1000000000000000055.
    held = Decimal(repr(near))
    return near, (held > exact) - (held < exact)


def _never(operand: Operand) -> Condition:
    """False; null where there is no number."""
    return Condition.of("({} <> {})", _number(operand), _number(operand))


def _number(operand: Operand) -> Condition:
    """An operand as a double (whole columns as they are); null where it is no number."""
    if isinstance(operand, Value):
        return Condition("?", (float(operand.exact),))
    if operand.kind is Kind.BOOLEAN:
        return Condition(f"CAST({operand.value} AS DOUBLE)")
    if operand.is_number:
        return Condition(operand.number or "")
    return Condition(f"nullif(TRY_CAST({operand.value} AS DOUBLE), CAST('NaN' AS DOUBLE))")


def _exactly(operand: Operand) -> Condition:
    """The digits of a number, to compare those whose doubles are equal: of any length before the point, 18 after it."""
    if isinstance(operand, Column) and operand.kind is Kind.BOOLEAN:
        digits = Condition(f"CAST(CAST({operand.value} AS TINYINT) AS VARCHAR)")
    else:
        digits = text(operand)
    whole = "coalesce(TRY_CAST({} AS BIGNUM), CAST(TRY_CAST({} AS HUGEINT) AS BIGNUM))"
    return Condition.of(f"row({whole}, TRY_CAST({{}} AS DECIMAL(38, 18)))", digits, digits, digits)
