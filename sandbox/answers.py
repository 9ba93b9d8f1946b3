"""Requests and answers as the sandbox passes them around, and the API's errors (docs/claro-api.md, basics)."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Any
    body: BinaryIO
    length: int

    def json(self) -> Any:
        """The body as JSON; an empty one is an empty object. Raises ApiFault."""
        text = self.body.read(self.length)
        self.length = 0
        try:
            return json.loads(text) if text.strip() else {}
        except (ValueError, RecursionError):
            raise invalid("The body is not JSON.") from None


@dataclass(frozen=True, slots=True)
class Verbatim:
    """JSON text that goes into an answer as it is: numbers with the digits of the file."""

    text: str


@dataclass
class Answer:
    status: int
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)


class ApiFault(Exception):
    """An error answer of the API."""

    def __init__(self, status: int, code: str, text: str, /, **details: Any):
        super().__init__(text)
        self.answer = as_json({"error": text, "code": code, "details": details}, status)


_PLACE = secrets.token_hex(16)  # unguessable, so that no cell can be taken for it


def to_json(data: Any) -> str:
    """Compact JSON. The encoder can't write a number as given, so places are kept for those and then filled."""
    texts: list[str] = []

    def place(value: Verbatim) -> str:
        texts.append(value.text)
        return _PLACE

    encoded = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=place)
    between = encoded.split(f'"{_PLACE}"')
    return "".join(part for pair in zip(between, [*texts, ""], strict=True) for part in pair)


def as_json(data: Any, status: int = 200, **headers: str) -> Answer:
    body = to_json(data).encode(errors="replace")
    return Answer(status, body, {"Content-Type": "application/json; charset=utf-8", **headers})


def invalid(text: str, **details: Any) -> ApiFault:
    return ApiFault(400, "INVALID_PARAMETERS", text, **details)


def not_found() -> ApiFault:
    return ApiFault(404, "DATASOURCE_NOT_FOUND", "This data source does not exist.")
