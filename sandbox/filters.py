"""Filter expressions such as `price > 100 AND brand LIKE 'A%'`, as a condition for one table.

sqlglot parses the text. The SQL is rebuilt from comparisons, AND, OR, NOT, IN, LIKE, IS NULL and BETWEEN of columns and
values; anything else is refused. Columns get the table's own names and values are bound, so no part of the text reaches
DuckDB as SQL.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokens import TokenType

from sandbox.answers import ApiFault, invalid
from sandbox.tables import Column, Condition

LENGTH_MAX = 4000
_GRAMMAR = "columns and values with =, <>, <, <=, >, >=, AND, OR, NOT, IN, LIKE, IS NULL and BETWEEN"
_SIGNS = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
_COMPARISONS = tuple(_SIGNS)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_BIGINT_MAX = 2**63
_DOUBLE_MAX = 2**53  # beyond, doubles skip whole numbers


class _Dialect(DuckDB):
    """Column names may be in double quotes or in backticks."""

    class Tokenizer(DuckDB.Tokenizer):
        IDENTIFIERS = ['"', "`"]


@dataclass(frozen=True)
class _Value:
    text: str
    is_number: bool = False


def where(text: str, columns: list[Column]) -> Condition:
    """The condition that a filter means. Raises ApiFault (INVALID_PARAMETERS) in words a person understands."""
    if len(text) > LENGTH_MAX:
        raise invalid(f"The filter is longer than {LENGTH_MAX:,} characters. Shorten it.")
    try:
        writer = _Writer(columns)
        return Condition(writer.condition(_parsed(text)), tuple(writer.values))
    except RecursionError:
        raise invalid("The filter is nested too deeply. Use fewer brackets.") from None


def _parsed(text: str) -> exp.Expression:
    try:
        tokens = _Dialect().tokenize(text)
        parsed = _Dialect().parser().parse_into(exp.Condition, tokens, text)
    except RecursionError:
        raise
    except Exception:  # besides its own errors, sqlglot trips over some texts
        raise invalid("The filter can't be read. Compare a column with a value, as in price > 100.") from None
    if any(token.comments for token in tokens):
        raise invalid("The filter contains a comment. Remove it.")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens) or len(parsed) != 1 or parsed[0] is None:
        raise invalid("The filter must be a single expression, such as price > 100.")
    return parsed[0]


class _Writer:
    """Writes SQL; `values` are those of its parameters ($1 …), in their order."""

    def __init__(self, columns: list[Column]):
        self._columns = columns
        self.values: list[str | int | float] = []

    def condition(self, node: exp.Expression) -> str:
        match node:
            case exp.Paren():
                return self.condition(node.this)
            case exp.And() | exp.Or():
                word = " AND " if isinstance(node, exp.And) else " OR "
                return f"({word.join([self.condition(part) for part in node.flatten()])})"
            case exp.Not():
                return f"(NOT {self.condition(node.this)})"
            case exp.Is(expression=exp.Null()):
                return f"({self._operands(node.this)[0]} IS NULL)"
            case exp.Like() | exp.ILike():
                left, right = self._operands(node.this, node.expression, as_text=True)
                word = ("NOT " if node.args.get("negate") else "") + node.key.upper()
                return f"({left} {word} {right})"
            case exp.In(expressions=[_, *_]):
                left, *among = self._operands(node.this, *node.expressions)
                return f"({left} IN ({', '.join(among)}))"
            case exp.Between() if not node.args.get("symmetric"):
                left, low, high = self._operands(node.this, node.args["low"], node.args["high"])
                return f"({left} BETWEEN {low} AND {high})"
            case _ if isinstance(node, _COMPARISONS):
                left, right = self._operands(node.this, node.expression)
                return f"({left} {_SIGNS[type(node)]} {right})"
            case exp.Column() | exp.Literal() | exp.Boolean() | exp.Null():
                raise invalid(self._compare(node))
        raise _refused(node)

    def _compare(self, node: exp.Expression) -> str:
        """The hint for a column or a value alone."""
        if isinstance(node, exp.Column) and self._named(node.name):
            return f"Compare {_shown(node)} with a value, as in {_shown(node)} = 'Acme'."
        texts = [column.name for column in self._columns if column.kind == "text"]
        example = exp.column(texts[0], quoted=not texts[0].isidentifier()) if texts else exp.column("brand")
        return f"Say which column: {_shown(example)} = '{(node.name or _shown(node))[:80]}'."

    def _operands(self, *nodes: exp.Expression, as_text: bool = False) -> list[str]:
        """All as numbers or all as text: a column's type is never a reason for an error."""
        operands = [self._operand(node, nodes) for node in nodes]
        if as_text or not _are_numbers(operands):
            return [self._written(operand, _as_text) for operand in operands]
        as_number = _as_stored if all(map(_compares_as_stored, operands)) else _as_exact
        return [self._written(operand, as_number) for operand in operands]

    def _operand(self, node: exp.Expression, beside: tuple[exp.Expression, ...]) -> Column | _Value:
        match node:
            case exp.Paren():
                return self._operand(node.this, beside)
            case exp.Column(this=exp.Identifier(), table=""):
                return self._column(node.this, beside)
            case exp.Literal():
                return _Value(node.this, not node.is_string)
            case exp.Neg(this=exp.Literal(is_string=False)):
                return _Value(f"-{node.this.this}", is_number=True)
            case exp.Boolean():
                return _Value("true" if node.this else "false")
            case exp.Null():
                raise invalid("Find empty cells with IS NULL, others with IS NOT NULL.")
        raise _refused(node)

    def _named(self, name: str) -> list[Column]:
        return [column for column in self._columns if column.name.lower() == name.lower()]

    def _column(self, name: exp.Identifier, beside: tuple[exp.Expression, ...]) -> Column:
        """The column of this name. Upper and lower case are equal unless columns differ in nothing else."""
        found = self._named(name.this)
        exact = [column for column in found if column.name == name.this]
        if len(found) == 1 or exact:
            return (exact or found)[0]
        if found:
            raise invalid(f"Several columns are named {name.this[:80]}. Match their upper and lower case.")
        others = [node for node in beside if isinstance(node, exp.Column) and self._named(node.name)]
        if others:
            hint = f" To look for the text, write {_shown(others[0])} = '{name.this[:80]}'."
        else:
            hint = " Put text in 'single quotes'." if name.quoted else ""
        raise invalid(f"There is no column {name.this[:80]}.{hint}", column=name.this[:200])

    def _written(self, operand: Column | _Value, as_: Callable[[Column | _Value], Any]) -> str:
        if isinstance(operand, Column):
            return as_(operand)
        self.values.append(as_(operand))
        parameter = f"${len(self.values)}"
        return f"exact({parameter})" if as_ is _as_exact else parameter


def _are_numbers(operands: list[Column | _Value]) -> bool:
    """Numbers meet anything as numbers; columns of numbers meet text that looks like one as numbers, too."""
    values = [operand for operand in operands if isinstance(operand, _Value)]
    if values and all(value.is_number for value in values):
        return True
    of_numbers = all(operand.kind == "number" for operand in operands if isinstance(operand, Column))
    return of_numbers and all(_NUMBER.fullmatch(value.text) for value in values)


def _number(value: _Value) -> int | float:
    if not _NUMBER.fullmatch(value.text):
        raise invalid(f"{value.text[:80]} is not a number.")
    number = float(value.text)
    return int(value.text) if value.text.lstrip("+-").isdigit() and abs(number) < _BIGINT_MAX else number


def _compares_as_stored(operand: Column | _Value) -> bool:
    """Whether DuckDB compares it exactly by its own type: quick, where the exact way casts every cell."""
    if isinstance(operand, Column):
        return operand.kind == "boolean" or (operand.kind == "number" and not operand.exact)
    number = _number(operand)
    return isinstance(number, int) or abs(number) < _DOUBLE_MAX


def _as_stored(operand: Column | _Value) -> str | int | float:
    if isinstance(operand, _Value):
        return _number(operand)
    return f'CAST("{operand.place}" AS DOUBLE)' if operand.kind == "boolean" else f'"{operand.place}"'


def _as_exact(operand: Column | _Value) -> str:
    """Null where a cell is no number (`exact` is a macro of tables.py)."""
    if isinstance(operand, _Value):
        return operand.text
    if operand.kind == "boolean":
        return f'exact(CAST(CAST("{operand.place}" AS TINYINT) AS VARCHAR))'
    return f"exact({_as_text(operand)})"


def _as_text(operand: Column | _Value) -> str:
    """The text of a value; of a cell, what an answer shows."""
    if isinstance(operand, _Value):
        return operand.text
    if operand.kind == "json":
        at = f'"{operand.place}"'
        return f"CASE WHEN {at} LIKE '\"%' THEN json_extract_string({at}, '$') ELSE {at} END"
    return f'"{operand.place}"' if operand.sql_type == "VARCHAR" else f'CAST("{operand.place}" AS VARCHAR)'


def _refused(node: exp.Expression) -> ApiFault:
    return invalid(f"The filter can't use {_shown(node)} here. It supports {_GRAMMAR}.")


def _shown(node: exp.Expression) -> str:
    return node.sql(dialect="duckdb")[:80]
