"""Reads the JSON of an answer into values that a database, a cache and a page can hold, within bounded memory.

One unusual value costs that value only: text is made encodable, deep nesting is cut, numbers beyond Python's limits
become text. Limits: docs/claro-client.md.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from datasources.claro.errors import TooLarge

# Values nested deeper are replaced: code after the parser walks values recursively, and Python stops at about 1,000.
DEPTH_MAX = 100
TOO_DEEP = "[nested too deep to read]"
TOO_LONG = "[a number too long to read]"
# What one answer may take while it is read (measured with bench/answers.py): a web process stays under 400 MB.
MEMORY_MAX = 80 * 2**20
# Upper bounds in bytes of what each of these characters costs once it is parsed.
_COSTS = {b"{": 130, b"[": 90, b",": 75, b":": 55}
# Text takes 1, 2 or 4 bytes a character by its widest one, and is there twice: as a whole, and in parts.
_WIDTHS = ((re.compile(rb"[\x00\xf0-\xff]"), 9), (re.compile(rb"[\xc4-\xef]"), 5))
# JSON can hold what databases or UTF-8 cannot: NUL, half a surrogate pair, infinite numbers.
# The pattern begins with one set of bytes, which makes the search three times as fast: 1 ms for 1,000 rows.
UNSTORABLE = re.compile(
    rb"[\x00\\eENI](?:(?<=\x00)|(?<=\\)u(?:0000|[dD][89a-fA-F])|(?<=\d[eE])\+?\d{3}|(?<=N)aN|(?<=I)nfinity)"
)
# Possessive, and content with a text that never ends: otherwise a hostile body costs quadratic time.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[\[\]{}]', re.DOTALL)


def loads(text: str) -> Any:
    """The value of a JSON text. Raises ValueError, RecursionError."""
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python converts no more than some 4,300 digits
        return json.loads(text, strict=False, parse_int=_whole)


def read(body: bytes, loads: Callable[[str], Any] = loads) -> Any:
    """The value of a JSON body, by this parser. Raises ValueError for anything else, TooLarge beyond MEMORY_MAX."""
    if memory_of(body) > MEMORY_MAX:
        raise TooLarge(f"An answer of {len(body)} bytes that would take too much memory.")
    encoding = json.detect_encoding(body)
    text = body.decode(encoding, "replace")
    try:
        data = loads(text)
    except RecursionError:
        data = loads(shallow(text))
    is_plain = encoding.startswith("utf-8") and not UNSTORABLE.search(body) and not _is_deep(data)
    return data if is_plain else storable(data)


def start(body: bytes) -> str:
    """The start of a body for the log. An answer never holds our key, but may hold signed URLs: no query strings."""
    text = body[:300].decode(errors="replace").replace("\x00", "").split("?")[0]
    return " ".join(text.split())[:120]


def memory_of(body: bytes) -> int:
    """An upper bound of the bytes that the value of a JSON body takes, from the characters that begin values."""
    is_narrow = body.isascii() and b"\x00" not in body  # mostly so, and known at once
    width = 3 if is_narrow else next((width for wide, width in _WIDTHS if wide.search(body)), 3)
    return width * len(body) + sum(body.count(sign) * cost for sign, cost in _COSTS.items())


def storable(value: Any) -> Any:
    """The JSON value without anything that databases or UTF-8 cannot hold, at most DEPTH_MAX deep.

    Lists and dicts are changed in place: a copy would take the memory of another one.
    """
    root = [value]
    level: list[Any] = [root]
    for depth in range(DEPTH_MAX + 1):
        level = [inner for outer in level for inner in _cleaned(outer, is_last=depth == DEPTH_MAX)]
    return root[0]


def shallow(text: str) -> str:
    """JSON text whose values deeper than DEPTH_MAX are replaced before it is parsed, for parsers that recurse."""
    pieces, depth, start = [], 0, 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
            if depth == DEPTH_MAX + 1:
                pieces.append(text[start : token.start()])
        elif sign in "]}":
            if depth == DEPTH_MAX + 1:
                pieces.append(json.dumps(TOO_DEEP))
                start = token.end()
            depth -= 1
    return "".join([*pieces, text[start:]]) if depth <= DEPTH_MAX else ""


def _whole(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return TOO_LONG


def _is_deep(value: Any) -> bool:
    """True for a value nested deeper than DEPTH_MAX. Goes level by level, so that depth costs no stack."""
    level = [value] if type(value) in (dict, list) else []
    for _ in range(DEPTH_MAX):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in (dict, list)
        ]
    return bool(level)


def _cleaned(outer: Any, *, is_last: bool) -> Iterator[Any]:
    """Replaces what can't be stored among the values in a list or dict; gives those that hold more of them."""
    if isinstance(outer, dict) and not all(name == _encodable(name) for name in outer):
        renamed = {_encodable(name): value for name, value in outer.items()}
        outer.clear()
        outer.update(renamed)
    for place, inner in outer.items() if isinstance(outer, dict) else enumerate(outer):
        if isinstance(inner, str):
            outer[place] = _encodable(inner)
        elif isinstance(inner, float) and not math.isfinite(inner):
            outer[place] = str(inner)
        elif isinstance(inner, dict | list):
            if is_last:
                outer[place] = TOO_DEEP
            else:
                yield inner


def _encodable(text: str) -> str:
    if text.isascii():
        return text.replace("\x00", "\ufffd")
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
