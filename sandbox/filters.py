"""Filter expressions such as `price > 100 AND brand LIKE 'A%'`, as SQL for one table.

Parsed by sqlglot and walked with an allow-list: what isn't a comparison, AND, OR, NOT, IN, LIKE, IS NULL or BETWEEN of
columns and literals is refused. Columns are replaced by the table's own names, so nothing of the text reaches DuckDB
but literals that sqlglot has quoted.
"""

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError

from sandbox.answers import invalid
from sandbox.tables import Column

LENGTH_MAX = 4000
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_ALLOWED = (
    *_COMPARISONS,
    *(exp.And, exp.Or, exp.Not, exp.Paren, exp.In, exp.Like, exp.ILike, exp.Is, exp.Between),
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Neg, exp.Boolean),
)


class _Dialect(DuckDB):
    """Column names may stand in double quotes or in backticks."""

    class Tokenizer(DuckDB.Tokenizer):
        IDENTIFIERS = ['"', "`"]


def where(text: str, columns: list[Column]) -> str:
    """The condition in DuckDB's SQL. Raises ApiFault (INVALID_PARAMETERS) in words a person understands."""
    if len(text) > LENGTH_MAX:
        raise invalid(f"The filter is longer than {LENGTH_MAX} characters.")
    try:
        parsed = _Dialect().parse(text)
    except (SqlglotError, RecursionError, ValueError):
        raise invalid("The filter can't be read. It compares columns with values, as in price > 100.") from None
    if len(parsed) != 1 or parsed[0] is None:
        raise invalid("The filter must be one expression, such as price > 100.")
    tree = parsed[0]
    for node in tree.walk():
        if not isinstance(node, _ALLOWED) or type(node).__name__ in ("Dot", "Star") or node.comments:
            raise invalid(f"The filter may not use {type(node).__name__}.", near=node.sql()[:80])
    if not isinstance(
        tree.unnest(), (*_COMPARISONS, exp.And, exp.Or, exp.Not, exp.In, exp.Like, exp.ILike, exp.Is, exp.Between)
    ):
        raise invalid("The filter must compare something, such as price > 100.")
    by_name = _names(columns)
    condition = tree.transform(lambda node: _column(node, by_name) if isinstance(node, exp.Column) else node)
    for node in list(condition.find_all(*_COMPARISONS, exp.In, exp.Between, exp.Like, exp.ILike)):
        _agree(node, {column.place: column for column in columns})
    return condition.sql(dialect="duckdb")


def _names(columns: list[Column]) -> dict[str, list[Column]]:
    by_name: dict[str, list[Column]] = {}
    for column in columns:
        by_name.setdefault(column.name.lower(), []).append(column)
    return by_name


def _column(node: exp.Column, by_name: dict[str, list[Column]]) -> exp.Expression:
    if node.table or not isinstance(node.this, exp.Identifier):
        raise invalid(f"There is no column {node.sql()[:80]}.")
    found = by_name.get(node.name.lower(), [])
    exact = [column for column in found if column.name == node.name]
    if not found or (len(found) > 1 and not exact):
        raise invalid(f"There is no column {node.name[:80]!r}.", column=node.name[:200])
    return exp.column((exact or found)[0].place, quoted=True)


def _agree(node: exp.Expression, columns: dict[str, Column]) -> None:
    """Compares as numbers where one side is a number, else as text: never an error because of a column's type."""
    sides = [
        side
        for name in ("this", "expression", "low", "high")
        if isinstance(side := node.args.get(name), exp.Expression)
    ]
    sides += node.args.get("expressions") or []
    literals = [side for side in sides if not isinstance(side, exp.Column)]
    are_numbers = bool(literals) and all(_is_number(side) for side in literals)
    if not literals:
        are_numbers = all(columns[side.name].kind == "number" for side in sides if isinstance(side, exp.Column))
    if isinstance(node, exp.Like | exp.ILike):
        are_numbers = False
    for side in sides:
        if isinstance(side, exp.Column):
            side.replace(_cast(side.copy(), columns[side.name].kind, are_numbers))
        elif not are_numbers and not isinstance(side, exp.Null) and _is_number(side):
            side.replace(exp.Literal.string(side.sql()))


def _cast(column: exp.Expression, kind: str, as_number: bool) -> exp.Expression:
    if kind == "json":
        column = exp.Anonymous(this="json_extract_string", expressions=[column, exp.Literal.string("$")])
    if as_number and kind != "number":
        return exp.TryCast(this=column, to=exp.DataType.build("DOUBLE"))
    if not as_number and kind in ("number", "boolean"):
        return exp.Cast(this=column, to=exp.DataType.build("VARCHAR"))
    return column


def _is_number(node: exp.Expression) -> bool:
    node = node.unnest()
    node = node.this if isinstance(node, exp.Neg) else node
    return isinstance(node, exp.Literal) and not node.is_string
