"""An expression read into chips. Parts that chips can't express stay as they were typed."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from datasources.copies.chips.model import Chip, Group, Kind, Operator
from datasources.copies.schema import folded

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)|(?P<wrong>--|/\*)"""
    r"""|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])|(?P<word>[^\W\d]\w*)"""
    r"""|(?P<sign><=|>=|<>|!=|==|[=<>(),-])|\s+|(?P<other>.)""",
    re.DOTALL,
)
_WORDS = {"AND", "BETWEEN", "ESCAPE", "FALSE", "ILIKE", "IN", "IS", "LIKE", "NOT", "NULL", "OR", "TRUE"}
_SIGNS = {">": Operator.GT, ">=": Operator.GTE, "<": Operator.LT, "<=": Operator.LTE}
Op = Operator


class _Token(NamedTuple):
    # One of text, quoted, number, word, sign; words of the grammar in capitals are signs.
    kind: str
    value: str
    start: int
    end: int


class _Other(Exception):
    """No chip."""


def parse(text: str, names: Sequence[str] | None = None) -> Group | None:
    """The chips of a filter; None where none of it is a chip.

    `names` are those of the table's columns; None if they are not known, so that every name may be one. Parts that are
    no chip have the operator `text`.
    """
    tokens = _tokens(text)
    if tokens is None:
        return None
    if not tokens:
        return Group()
    try:
        group = _Reader(text, names).group(tokens)
    except (_Other, ValueError):
        return None
    return group if any(chip.operator is not Op.TEXT for chip in group.chips) else None


def is_in_brackets(text: str) -> bool:
    """Whether one pair of brackets is around the whole text, also around text that is no chip."""
    depth = 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "wrong" or match[0] in ("'", '"', "`"):
            return False
        if match.lastgroup == "sign":
            depth += (match[0] == "(") - (match[0] == ")")
        if depth <= 0 and match.end() < len(text):
            return False
    return depth == 0 and text.endswith(")")


def _tokens(text: str) -> list[_Token] | None:
    """None for signs that no chip has outside of quotes."""
    found = []
    for match in _TOKEN.finditer(text):
        kind, value = match.lastgroup, match[0]
        if kind in ("wrong", "other"):
            return None
        if kind is None:
            continue
        if kind == "word" and value.upper() in _WORDS:
            kind, value = "sign", value.upper()
        elif kind in ("text", "quoted"):
            value = value[1:-1].replace(value[0] * 2, value[0])
        found.append(_Token(kind, value, match.start(), match.end()))
    return found


class _Reader:
    def __init__(self, text: str, names: Sequence[str] | None):
        self._text = text
        self._names = names

    def group(self, tokens: list[_Token]) -> Group:
        if chip := self._chip(tokens):
            return Group(Kind.ALL, (chip,))
        inner = _inner(tokens)
        if inner is not None:
            return self.group(inner)
        kind, parts = _split(tokens)
        return Group(kind, tuple(self._item(part) for part in parts))

    def _item(self, tokens: list[_Token]) -> Chip | Group:
        if chip := self._chip(tokens):
            return chip
        inner = _inner(tokens)
        if inner is not None:
            try:
                kind, parts = _split(inner)
            except _Other:
                return self._typed(tokens)
            if len(parts) == 1:
                return self._item(inner)
            chips = [self._chip(part) for part in parts]
            if all(chips):
                return Group(kind, tuple(chip for chip in chips if chip))
        return self._typed(tokens)

    def _typed(self, tokens: list[_Token]) -> Chip:
        return Chip("", Op.TEXT, (self._text[tokens[0].start : tokens[-1].end],))

    def _chip(self, tokens: list[_Token]) -> Chip | None:
        try:
            inner = _inner(tokens)
            return self._pair(inner) if inner is not None else self._single(tokens)
        except (_Other, ValueError, IndexError):
            return None

    def _pair(self, tokens: list[_Token]) -> Chip:
        """The chips whose text is two conditions in brackets."""
        kind, parts = _split(tokens)
        if len(parts) != 2:
            raise _Other
        column, rest = self._column(parts[0])
        other, second = self._column(parts[1])
        if column != other:
            raise _Other
        if kind is Kind.ANY and _values(second) == ["IS", "NULL"]:
            return self._empty_or(column, rest)
        is_blank = len(second) == 2 and second[1].kind == "text" and second[1].value == ""
        sign = _values(second[:1])[0] if is_blank else ""
        if (kind, _values(rest), sign) == (Kind.ALL, ["IS", "NOT", "NULL"], "<>"):
            return Chip(column, Op.NOT_EMPTY)
        if (kind, _values(rest), sign) == (Kind.ANY, ["IS", "NULL"], "="):
            return Chip(column, Op.EMPTY)
        if kind is Kind.ALL and _values(rest[:1]) == [">="] and _values(second[:1]) == ["<"]:
            (low, is_number), (high, is_other) = _value(rest[1:]), _value(second[1:])
            if is_number == is_other:
                return Chip(column, Op.FROM_TO, (low, high), is_number=is_number)
        raise _Other

    @staticmethod
    def _empty_or(column: str, rest: list[_Token]) -> Chip:
        match _values(rest[:2]):
            case ["<>" | "!=", _]:
                value, is_number = _value(rest[1:])
                return Chip(column, Op.NOT, (value,), is_exact=True, is_number=is_number)
            case ["NOT", "ILIKE"]:
                value = _pattern(rest[2:])
                if value[0] or value[2]:
                    raise _Other
                return Chip(column, Op.NOT, (value[1],))
            case ["NOT", "IN"]:
                values, is_number = _list(rest[2:])
                return Chip(column, Op.NOT_ONE_OF, values, is_number=is_number)
        raise _Other

    def _single(self, tokens: list[_Token]) -> Chip:
        column, rest = self._column(tokens)
        first, *after = rest
        if first.kind != "sign":
            raise _Other
        if first.value in _SIGNS:
            value, is_number = _value(after)
            return Chip(column, _SIGNS[first.value], (value,), is_number=is_number)
        match first.value:
            case "=" | "==":
                if len(after) == 1 and after[0].kind == "sign" and after[0].value in ("TRUE", "FALSE"):
                    return Chip(column, Op.YES if after[0].value == "TRUE" else Op.NO)
                value, is_number = _value(after)
                return Chip(column, Op.IS, (value,), is_exact=True, is_number=is_number)
            case "LIKE" | "ILIKE":
                return _of_pattern(column, first.value, after)
            case "IN":
                values, is_number = _list(after)
                return Chip(column, Op.ONE_OF, values, is_number=is_number)
            case "IS" if _values(after) == ["NULL"]:
                return Chip(column, Op.NULL)
            case "IS" if _values(after) == ["NOT", "NULL"]:
                return Chip(column, Op.NOT_NULL)
            case "BETWEEN":
                return _between(column, after)
        raise _Other

    def _column(self, tokens: list[_Token]) -> tuple[str, list[_Token]]:
        """The column that a condition begins with, and the rest of the condition."""
        first, *rest = tokens
        if first.kind not in ("word", "quoted"):
            raise _Other
        if self._names is None or first.value in self._names:
            return first.value, rest
        found = {name for name in self._names if folded(name) == folded(first.value)}
        if len(found) != 1:
            raise _Other
        return found.pop(), rest


def _values(tokens: list[_Token]) -> list[str]:
    """The signs; texts and names are no signs, whatever they say."""
    return [token.value if token.kind == "sign" else "" for token in tokens]


def _split(tokens: list[_Token]) -> tuple[Kind, list[list[_Token]]]:
    """The parts that AND or OR joins. Raises _Other where both do, or brackets don't match."""
    parts: list[list[_Token]] = [[]]
    kinds, depth, betweens = set(), 0, 0
    for token in tokens:
        sign = token.value if token.kind == "sign" else ""
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            raise _Other
        betweens += sign == "BETWEEN" and not depth
        if depth or sign not in ("AND", "OR") or (sign == "AND" and betweens):
            betweens -= sign == "AND" and not depth
            parts[-1].append(token)
            continue
        kinds.add(Kind.ALL if sign == "AND" else Kind.ANY)
        parts.append([])
    if depth or len(kinds) > 1 or not all(parts):
        raise _Other
    return (kinds.pop() if kinds else Kind.ALL), parts


def _inner(tokens: list[_Token]) -> list[_Token] | None:
    """The tokens within brackets around all; None without such brackets."""
    depth = 0
    for place, sign in enumerate(_values(tokens)):
        depth += (sign == "(") - (sign == ")")
        if depth <= 0 and (place == 0 or place < len(tokens) - 1):
            return None
    return tokens[1:-1] if len(tokens) > 2 and depth == 0 else None


def _value(tokens: list[_Token]) -> tuple[str, bool]:
    """A value, and whether it is a number without quotes."""
    sign = ""
    if len(tokens) == 2 and _values(tokens[:1]) == ["-"] and tokens[1].kind == "number":
        sign, tokens = "-", tokens[1:]
    [value] = tokens if len(tokens) == 1 else [None]
    if value is None or value.kind not in ("text", "number"):
        raise _Other
    return sign + value.value, value.kind == "number"


def _list(tokens: list[_Token]) -> tuple[tuple[str, ...], bool]:
    inner = _inner(tokens)
    if not inner:
        raise _Other
    found: list[list[_Token]] = [[]]
    for token in inner:
        if token.kind == "sign" and token.value == ",":
            found.append([])
        else:
            found[-1].append(token)
    values = [_value(each) for each in found]
    if len({is_number for _, is_number in values}) > 1:
        raise _Other
    return tuple(value for value, _ in values), values[0][1]


def _between(column: str, tokens: list[_Token]) -> Chip:
    at = _values(tokens).index("AND")
    low, high = tokens[:at], tokens[at + 1 :]
    if _is_today(high):
        if not (_is_today(low[:3]) and _values(low[3:4]) == ["-"] and len(low) == 5 and low[4].kind == "number"):
            raise _Other
        return Chip(column, Op.LAST_DAYS, (str(int(low[4].value) + 1),))
    (first, is_number), (last, is_other) = _value(low), _value(high)
    if is_number != is_other:
        raise _Other
    return Chip(column, Op.BETWEEN, (first, last), is_number=is_number)


def _is_today(tokens: list[_Token]) -> bool:
    return (
        len(tokens) == 3
        and (tokens[0].kind, tokens[0].value.upper()) == ("word", "TODAY")
        and _values(tokens[1:]) == ["(", ")"]
    )


def _of_pattern(column: str, word: str, tokens: list[_Token]) -> Chip:
    before, value, after = _pattern(tokens)
    is_exact = word == "LIKE"
    if after:
        return Chip(column, Op.CONTAINS if before else Op.STARTS, (value,), is_exact)
    if before or is_exact:
        raise _Other
    return Chip(column, Op.IS, (value,))


def _pattern(tokens: list[_Token]) -> tuple[bool, str, bool]:
    """Whether any text may come before, the literal text, and whether any text may come after."""
    if not tokens or tokens[0].kind != "text":
        raise _Other
    escape = ""
    if len(tokens) == 3 and _values(tokens[1:2]) == ["ESCAPE"] and tokens[2].kind == "text":
        escape = tokens[2].value
        if len(escape) != 1:
            raise _Other
    elif len(tokens) != 1:
        raise _Other
    parts = _parts(tokens[0].value, escape)
    after = bool(parts) and parts[-1] == ("%", True)
    parts = parts[:-1] if after else parts
    before = bool(parts) and parts[0] == ("%", True)
    parts = parts[1:] if before else parts
    if any(is_wild for _, is_wild in parts):
        raise _Other
    return before, "".join(sign for sign, _ in parts), after


def _parts(pattern: str, escape: str) -> list[tuple[str, bool]]:
    """Each character, and whether it is a wildcard."""
    parts, signs = [], iter(pattern)
    for sign in signs:
        if sign == escape:
            literal = next(signs, "")
            if not literal:
                raise _Other
            parts.append((literal, False))
        else:
            parts.append((sign, sign in "%_"))
    return parts
