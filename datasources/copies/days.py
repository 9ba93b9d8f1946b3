"""TODAY() in filters, and days before or after it: `day >= TODAY() - 6`."""

import re
from datetime import date, timedelta

from sqlglot.tokens import Token, TokenType

MOST = 36_500
_TODAY = re.compile(r"\btoday\s*\(", re.IGNORECASE)
_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")
_SIGNS = {TokenType.DASH: -1, TokenType.PLUS: 1}


class TooManyDays(Exception):
    """The number after TODAY() at a position is no number of days up to MOST."""

    def __init__(self, position: int):
        super().__init__()
        self.position = position


def are_in(text: str) -> bool:
    """Whether the filter may find other rows tomorrow."""
    return bool(_TODAY.search(text) and _TODAY.search(_QUOTED.sub(" ", text)))


def dated(tokens: list[Token], today: date | None) -> list[Token]:
    """The tokens with a text in the place of each TODAY() and its days. Raises TooManyDays."""
    if today is None:
        return tokens
    found: list[Token] = []
    left = list(reversed(tokens))
    while left:
        first = last = left.pop()
        kinds = [token.token_type for token in left[:-5:-1]]
        if first.text.upper() != "TODAY" or kinds[:2] != [TokenType.L_PAREN, TokenType.R_PAREN]:
            found.append(first)
            continue
        day = today
        last = [left.pop() for _ in range(2)][-1]
        if len(kinds) == 4 and kinds[2] in _SIGNS and kinds[3] is TokenType.NUMBER:
            left.pop()
            last = left.pop()
            day += timedelta(days=_SIGNS[kinds[2]] * _number(last))
        text = day.isoformat()
        found.append(Token(TokenType.STRING, text, first.line, first.col, first.start, last.end, first.comments))
    return found


def _number(token: Token) -> int:
    if not token.text.isdecimal() or len(token.text) > 6 or int(token.text) > MOST:
        raise TooManyDays(token.start)
    return int(token.text)
