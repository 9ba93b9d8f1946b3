"""Filter expressions such as `price > 100 AND brand LIKE 'A%'`, as conditions for the rows of a copy.

sqlglot parses the text into a tree. Only comparisons, AND, OR, NOT, IN, LIKE, ILIKE, IS NULL and BETWEEN of columns and
values are accepted. docs/copies.md has the grammar, and how kinds of columns compare.
"""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from django.utils import timezone
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError
from sqlglot.tokens import Token, TokenType

from datasources.copies import conditions, days
from datasources.copies.conditions import EVERY_ROW, Condition, Operand, Value
from datasources.copies.schema import Column, Kind, named

LENGTH_MAX = 4000
# Brackets and NOTs within each other. The parser uses some twenty of Python's thousand frames for each.
DEPTH_MAX = 30
_GRAMMAR = "columns and values with =, <>, <, <=, >, >=, AND, OR, NOT, IN, LIKE, ILIKE, IS NULL and BETWEEN"
_EXAMPLE = "Compare a column with a value, as in price > 100."
_SIGNS = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
_COMPARISONS = tuple(_SIGNS)
# The whole text before a fault: its length is the position.
_CONTEXT = LENGTH_MAX + 1
# A word, a sign or a quoted text.
_PART = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|\w+|--|/\*|[<>=!]+|\S?""")
# Quoted parts; or the sign of a quote that is not closed; or that of a comment.
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|(?P<quote>['"`])|(?P<comment>--|/\*)""")
# The words of the grammar, and what is in quotes already.
_WORDS = {
    TokenType.AND,
    TokenType.BETWEEN,
    TokenType.ESCAPE,
    TokenType.FALSE,
    TokenType.IDENTIFIER,
    TokenType.ILIKE,
    TokenType.IN,
    TokenType.IS,
    TokenType.LIKE,
    TokenType.NOT,
    TokenType.NULL,
    TokenType.OR,
    TokenType.STRING,
    TokenType.TRUE,
}
# Tokens that end a value.
_VALUES = {TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.R_PAREN, TokenType.STRING, TokenType.VAR}
# Constructs whose name in the tree is no word of the filter.
_NAMES = {
    exp.Array: "[ ]",
    exp.Bracket: "[ ]",
    exp.Cast: "a cast",
    exp.CurrentDate: "CURRENT_DATE",
    exp.JSONExtract: "->",
    exp.JSONExtractScalar: "->>",
    exp.Neg: "a minus sign",
    exp.Placeholder: "a placeholder",
    exp.Struct: "{ }",
    exp.Subquery: "a subquery",
    exp.Tuple: "a list",
    exp.Window: "OVER",
}


class FilterError(Exception):
    """A filter that a copy can't answer, in words for people.

    `position` counts from 0, and is None where the fault has no place. `claro_may_read` is whether the text may be a
    filter in Claro's own grammar, which is not published; False where it is known to be wrong.
    """

    def __init__(self, message: str, position: int | None = None, *, claro_may_read: bool = True):
        super().__init__(message)
        self.message = message
        self.position = position
        self.claro_may_read = claro_may_read


class Excerpt(NamedTuple):
    """The part of a filter around a fault; `at` is the word or sign with the fault, "" at the end of the text."""

    before: str
    at: str
    after: str


def condition(text: str, columns: Sequence[Column], today: date | None = None) -> Condition:
    """The condition that a filter means; every row if it is blank. Raises FilterError.

    `today` is the day that TODAY() means: that of the user's time zone if it is not given.
    """
    return _condition(text, tuple(columns), (today or timezone.localdate()) if days.are_in(text) else None)


@lru_cache(maxsize=256)  # of a filter many pages are read, and parsing takes 3 ms
def _condition(text: str, columns: tuple[Column, ...], today: date | None) -> Condition:
    if len(text) > LENGTH_MAX:
        raise FilterError(f"The filter is longer than {LENGTH_MAX:,} characters. Shorten it.", claro_may_read=False)
    if not text.strip():
        return EVERY_ROW
    try:
        return _Writer(text, columns).condition(_parsed(text, {column.name.lower() for column in columns}, today))
    except RecursionError:
        raise _too_deep() from None


@lru_cache(maxsize=256)
def names(text: str) -> tuple[str, ...]:
    """The columns that a filter compares, as it names them; none for a filter that can't be read."""
    if not text.strip() or len(text) > LENGTH_MAX:
        return ()
    try:
        tree = _parsed(text, set(), date(2000, 1, 1))  # any day has the same names
    except (FilterError, RecursionError):
        return ()
    found = (
        node
        for node in tree.find_all(exp.Column)
        if not isinstance(node.parent, _COMPARISONS) or node.arg_key == "this"
    )
    return tuple(dict.fromkeys(node.name for node in found))


def explain(text: str, error: FilterError, width: int = 40) -> Excerpt | None:
    """The place of the fault within its filter, with up to `width` characters on both sides."""
    if error.position is None:
        return None
    start = min(error.position, len(text))
    found = _PART.match(text, start)
    end = min(found.end() if found else start, start + width)
    before, after = text[:start], text[end:]
    return Excerpt(
        before if len(before) <= width else "…" + before[-width:],
        text[start:end],
        after if len(after) <= width else after[:width] + "…",
    )


class _Dialect(DuckDB):
    """Column names may be in double quotes or in backticks."""

    class Tokenizer(DuckDB.Tokenizer):
        IDENTIFIERS = ['"', "`"]
        # Words such as CALL would make one token of all that follows.
        COMMANDS = set()


def _parsed(text: str, names: set[str], today: date | None) -> exp.Expression:
    tokens = _tokens(text, names, today)
    try:
        parser = _Dialect().parser(error_message_context=_CONTEXT)
        parsed = parser.parse_into(exp.Condition, tokens, text)
    except ParseError as error:
        raise _unreadable(error, tokens) from None
    except RecursionError:
        raise
    except Exception:  # besides its own errors, sqlglot trips over some texts
        raise FilterError(f"The filter can't be read. {_EXAMPLE}") from None
    if len(parsed) != 1 or parsed[0] is None:
        raise FilterError(f"The filter must be a single expression. {_EXAMPLE}")
    return parsed[0]


def _tokens(text: str, names: set[str], today: date | None) -> list[Token]:
    """The words and signs; those that are names of columns are names, whatever they mean in SQL."""
    try:
        tokens = days.dated(_Dialect().tokenize(text), today)
    except days.TooManyDays as error:
        message = f"TODAY() counts whole days, {days.MOST:,} at most."
        raise FilterError(message, error.position, claro_may_read=False) from None
    except Exception:
        if (opened := _first(text, "quote")) is not None:
            raise FilterError("A quote is opened here and not closed.", opened) from None
        raise FilterError(f"The filter can't be read. {_EXAMPLE}") from None
    depth = nots = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before and before.token_type == token.token_type == TokenType.STRING:
            # The parser joins texts, in a time that grows with the square of their number.
            raise FilterError("Two texts follow each other. Put AND, OR or a comma between them.", token.start)
        if token.comments:
            raise FilterError("The filter contains a comment. Remove it.", _first(text, "comment"))
        if token.token_type == TokenType.SEMICOLON:
            raise FilterError("The filter must be a single expression. Remove the semicolon.", token.start)
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        nots = nots + 1 if token.token_type in (TokenType.NOT, TokenType.L_PAREN) else 0
        if max(depth, nots) > DEPTH_MAX:
            raise _too_deep(token.start)
    return [_named(token) if token.text.lower() in names and _may_be_name(token) else token for token in tokens]


def _first(text: str, sign: str) -> int | None:
    return next((found.start() for found in _QUOTED.finditer(text) if found[sign]), None)


def _may_be_name(token: Token) -> bool:
    return token.token_type not in _WORDS and (token.text[0].isalpha() or token.text[0] == "_")


def _named(token: Token) -> Token:
    return Token(TokenType.IDENTIFIER, token.text, token.line, token.col, token.start, token.end, token.comments)


def _too_deep(position: int | None = None) -> FilterError:
    return FilterError("The filter is nested too deeply. Use fewer brackets.", position, claro_may_read=False)


def _unreadable(error: ParseError, tokens: list[Token]) -> FilterError:
    """sqlglot's message in plain words."""
    fault = error.errors[0] if error.errors else {}
    description, at = str(fault.get("description")), str(fault.get("highlight"))[:80]
    start = len(fault.get("start_context") or "")
    if description.startswith("Expecting )"):
        return FilterError("A closing bracket is missing.", start + len(at))
    before = [token for token in tokens if token.end < start] or tokens[:1]
    if "'this' missing" in description:
        # The parser is past the sign already.
        return FilterError(f"A column is missing before {before[-1].text[:80]}.", before[-1].start)
    if "'expression' missing" in description:
        # The place is that of the token after the sign; of the sign at the end of the text.
        if tokens[-1].start == start and tokens[-1].token_type not in _VALUES:
            return FilterError(f"A value is missing after {at}.", start + len(at))
        return FilterError(f"A value is missing after {before[-1].text[:80]}.", start)
    if description.startswith("Invalid expression"):
        return FilterError(f"{at} is not expected here. {_EXAMPLE}", start)
    return FilterError(f"The filter can't be read here. {_EXAMPLE}", start)


class _Writer:
    def __init__(self, text: str, columns: Sequence[Column]):
        self._text = text
        self._columns = columns

    def condition(self, node: exp.Expression) -> Condition:
        match node:
            case exp.Paren():
                return self.condition(node.this)
            case exp.And() | exp.Or():
                word = " AND " if isinstance(node, exp.And) else " OR "
                return Condition.joined(word, [self.condition(part) for part in node.flatten()])
            case exp.Not():
                return Condition.of("(NOT {})", self.condition(node.this))
            case exp.Is(expression=exp.Null()):
                return conditions.is_null(self._operand(node.this))
            case exp.Like() | exp.ILike():
                return self._like(node)
            case exp.Escape(this=exp.Like() | exp.ILike() as like):
                return self._like(like, node.expression)
            case exp.In(expressions=[_, *_]):
                left, *values = operands = self._operands(node.this, *node.expressions)
                return conditions.among(left, values, conditions.are_numbers(operands))
            case exp.Between() if not node.args.get("symmetric"):
                at, low, high = operands = self._operands(node.this, node.args["low"], node.args["high"])
                as_numbers = conditions.are_numbers(operands)
                bounds = [conditions.compared(at, sign, to, as_numbers) for sign, to in ((">=", low), ("<=", high))]
                return Condition.joined(" AND ", bounds)
            case _ if isinstance(node, _COMPARISONS):
                left, right = operands = self._operands(node.this, node.expression)
                return conditions.compared(left, _SIGNS[type(node)], right, conditions.are_numbers(operands))
            case exp.Column(this=exp.Identifier(), table="") | exp.Literal() | exp.Boolean() | exp.Null():
                raise self._alone(node)
        raise self._refused(node)

    def _like(self, node: exp.Expression, escape: exp.Expression | None = None) -> Condition:
        word = ("NOT " if node.args.get("negate") else "") + node.key.upper()
        left, pattern = self._operands(node.this, node.expression)
        if escape is None:
            return Condition.of(f"({{}} {word} {{}})", conditions.text(left), conditions.text(pattern))
        if not (isinstance(escape, exp.Literal) and escape.is_string and len(escape.this) == 1):
            raise FilterError("ESCAPE needs a single character in quotes, as in ESCAPE '!'.", _start(escape))
        if not isinstance(pattern, Value):
            raise FilterError("ESCAPE needs a pattern in quotes, as in LIKE '5!%' ESCAPE '!'.", _start(node.expression))
        escaped = Value(self._escaped(pattern.text, escape.this, _start(node.expression)))
        return Condition.of(f"({{}} {word} {{}} ESCAPE '\\')", conditions.text(left), conditions.text(escaped))

    @staticmethod
    def _escaped(pattern: str, sign: str, position: int | None) -> str:
        """The pattern with a backslash for the sign, as DuckDB takes signs of one byte only."""
        if sign in re.split(re.escape(sign) + "(?s:.)", pattern)[-1]:
            message = f"Nothing follows {sign} at the end of the pattern."
            raise FilterError(message, position, claro_may_read=False)
        parts = re.findall(f"(?s:{re.escape(sign)}(.)|(.))", pattern)
        return "".join(f"\\{literal}" if literal else plain.replace("\\", "\\\\") for literal, plain in parts)

    def _operands(self, *nodes: exp.Expression) -> list[Operand]:
        return [self._operand(node, nodes) for node in nodes]

    def _operand(self, node: exp.Expression, beside: Sequence[exp.Expression] = ()) -> Operand:
        match node:
            case exp.Paren():
                return self._operand(node.this, beside)
            case exp.Column(this=exp.Identifier(), table=""):
                return self._column(node.this, beside)
            case exp.Literal(is_string=True):
                return Value(node.this)
            case exp.Literal():
                return self._number(node, node.this)
            case exp.Neg(this=exp.Literal(is_string=False)):
                return self._number(node.this, f"-{node.this.this}")
            case exp.Boolean():
                return Value("true" if node.this else "false")
            case exp.Null():
                message = "Find empty cells with IS NULL, others with IS NOT NULL."
                raise FilterError(message, claro_may_read=False)
        raise self._refused(node)

    def _number(self, node: exp.Expression, text: str) -> Value:
        value = Value(text, is_number=True)
        if not value.reads_as_number:
            raise FilterError(f"{text[:80]} is not a number.", _start(node))
        return value

    def _column(self, name: exp.Identifier, beside: Sequence[exp.Expression]) -> Column:
        """The column of this name. Case and line breaks count where columns differ in nothing else."""
        found = named(self._columns, name.this)
        if len(found) == 1 or (found and found[0].name == name.this):
            return found[0]
        shown = name.this[:80]
        if found:
            message = f"Several columns are named {shown}. Match their upper and lower case."
            raise FilterError(message, _start(name), claro_may_read=False)
        others = [node for node in beside if isinstance(node, exp.Column) and named(self._columns, node.name)]
        if others:
            hint = f" To look for the text, write {self._source(others[0])} = {_quoted(shown)}."
        else:
            hint = " Put text in 'single quotes'." if name.quoted else ""
        raise FilterError(f"There is no column {shown}.{hint}", _start(name), claro_may_read=False)

    def _alone(self, node: exp.Expression) -> FilterError:
        """The hint for a column or a value without a comparison."""
        position = _start(node)
        if isinstance(node, exp.Column) and named(self._columns, node.name):
            source = self._source(node)
            return FilterError(f"Compare {source} with a value, as in {source} = 'Acme'.", position)
        texts = [column.name for column in self._columns if column.kind is Kind.TEXT]
        name = texts[0] if texts else "brand"
        column = name if name.isidentifier() else f'"{name[:80]}"'
        value = str(node.this).lower() if isinstance(node, exp.Boolean) else node.name or self._source(node)
        message = f"Say which column: {column} = {_quoted(value[:80])}."
        # A text in a grammar of Claro's own does not begin with a name that is no column's.
        return FilterError(message, position, claro_may_read=not isinstance(node, exp.Column))

    def _refused(self, node: exp.Expression) -> FilterError:
        if isinstance(node, exp.Column | exp.Dot) and "*" not in self._source(node):
            hint = f' Put a name with dots in double quotes: "{self._source(node)}".'
        else:
            hint = f" It supports {_GRAMMAR}."
        return FilterError(f"The filter can't use {self._source(node)} here.{hint}", _start(node))

    def _source(self, node: exp.Expression) -> str:
        """The part of the filter's text, or the construct's name where its text has no place."""
        if "start" in node.meta:
            return self._text[node.meta["start"] : node.meta["end"] + 1][:80]
        ends = (node.this, node.expression) if isinstance(node, exp.Binary) else (node,)
        places = [[part.meta for part in end.walk() if "start" in part.meta] for end in ends if end]
        if all(places) and isinstance(node, exp.Binary | exp.Column):
            meta = [at for inner in places for at in inner]
            return self._text[min(at["start"] for at in meta) : max(at["end"] for at in meta) + 1][:80]
        return _NAMES.get(type(node), node.key.upper())


def _start(node: exp.Expression) -> int | None:
    return min((part.meta["start"] for part in node.walk() if "start" in part.meta), default=None)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
