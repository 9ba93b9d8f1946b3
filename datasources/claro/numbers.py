"""JSON that keeps the digits of numbers: `1.10` stays 1.10, in the answer of the API and in our cache.

`json.loads` makes a float of every number with a point or an exponent, and rounds: 0.1234567890123456789 becomes
0.12345678901234568. A number whose float does not read like the answer is kept as NumberText instead.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from datasources.claro import bodies

# Python reads no longer whole number (https://docs.python.org/3/library/stdtypes.html#int-max-str-digits).
_INT_DIGITS = 4300
_MINUS_ZERO = re.compile(r"-0(?![.\deE])")
# The key of an object that stands for a NumberText in the cache. NUL is in no text of the API (bodies.storable).
_MARK = "\x00"
# The same in the database, which holds no NUL.
_STORED = "\ue000"


@dataclass(frozen=True, slots=True)
class NumberText:
    """A number that int and float would change, by the text that the answer had for it."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __float__(self) -> float:
        return float(self.text)


def loads(text: str) -> Any:
    """The value of a JSON text; numbers are int, float or NumberText. Raises ValueError, RecursionError."""
    if _MINUS_ZERO.search(text):
        return json.loads(text, parse_int=_int, **_LOADS)
    try:
        return json.loads(text, **_LOADS)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a whole number of too many digits
        return json.loads(text, parse_int=_int, **_LOADS)


def pack(value: object) -> str:
    """The value, a NumberText somewhere in it perhaps, as JSON that `unpack` reads."""
    return json.dumps(value, separators=(",", ":"), default=_marked)


def unpack(text: bytes) -> Any:
    """The value that `pack` wrote. Raises ValueError."""
    return json.loads(text, object_hook=_unmarked)


def stored(value: Any) -> Any:
    """The value as plain JSON for a database; `restored` gives it back."""
    if isinstance(value, NumberText):
        return {_STORED: value.text}
    if isinstance(value, dict):
        return {name: stored(inner) for name, inner in value.items()}
    return [stored(inner) for inner in value] if isinstance(value, list) else value


def restored(value: Any, levels: int = bodies.DEPTH_MAX + 1) -> Any:
    """The value that `stored` was given, as a copy; what lies deeper than answers are kept is replaced."""
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return bodies.TOO_DEEP
    if isinstance(value, list):
        return [restored(inner, levels - 1) for inner in value]
    text = value.get(_STORED) if len(value) == 1 else None
    if isinstance(text, str):
        return NumberText(text)
    return {name: restored(inner, levels - 1) for name, inner in value.items()}


def shown(value: object, indent: int | None = None) -> str:
    """A nested value as JSON for people, its numbers with their own digits."""
    found: list[str] = []

    def place(number: object) -> str:
        found.append(_text(number))
        return f"{_MARK}{len(found) - 1}"

    text = json.dumps(value, ensure_ascii=False, indent=indent, default=place)
    return re.sub(r'"\\u0000(\d+)"', lambda match: found[int(match[1])], text) if found else text


def _float(text: str) -> float | NumberText:
    number = float(text)
    return number if repr(number) == text else NumberText(text)


# NaN and Infinity are no JSON, but are sent.
_LOADS: dict[str, Any] = {"strict": False, "parse_float": _float, "parse_constant": NumberText}


def _int(text: str) -> int | NumberText:
    if len(text) > _INT_DIGITS or text == "-0":
        return NumberText(text)
    return int(text)


def _text(number: object) -> str:
    if isinstance(number, NumberText):
        return number.text
    raise TypeError(f"{type(number).__name__} is no JSON value.")


def _marked(number: object) -> dict[str, str]:
    return {_MARK: _text(number)}


def _unmarked(value: dict[str, Any]) -> Any:
    return NumberText(value[_MARK]) if value.keys() == {_MARK} else value
