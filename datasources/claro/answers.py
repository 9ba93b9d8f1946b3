"""An answer as it arrived, and the error that it means."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from datasources.claro import bodies, retry
from datasources.claro.errors import (
    BadAnswer,
    ClaroError,
    InvalidParameters,
    RateLimited,
    TooLarge,
    Unreachable,
    error_class,
)
from datasources.claro.types import RateLimit, kept_details

# A gateway in front of the API that reached nobody (docs/claro-api.md, basics).
GATEWAY_STATUSES = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    rate_limit: RateLimit | None
    retry_after_s: float | None
    at: datetime


def is_error(answer: Answer) -> bool:
    """Also a 202 with a code: so the API may say that a source is still processed (docs/claro-api.md, basics)."""
    if answer.status == 202:
        return bool(_words(_error_body(answer.body).get("code")))
    return not 200 <= answer.status < 300


def error_of(answer: Answer) -> ClaroError:
    """The error of an answer other than 2xx: by `code` first, by status if the code is missing or unknown."""
    data = _error_body(answer.body)
    code, text = _words(data.get("code"))[:100], _words(data.get("error"))[:1000]
    kind = RateLimited if answer.status == 429 else error_class(code, answer.status)
    if kind is RateLimited:
        closed_for_s = retry.closed_for_s(answer.retry_after_s, answer.rate_limit)
        return RateLimited(text, retry_at=retry.at(datetime.now(UTC), closed_for_s), status=answer.status)
    if not code and answer.status in GATEWAY_STATUSES:
        return Unreachable(f"A gateway answered {answer.status}: {bodies.start(answer.body)}")
    if 300 <= answer.status < 400:
        return BadAnswer(f"A redirect ({answer.status}), which is not followed.")
    words = text if kind is InvalidParameters and text else None
    if not kind.api_code:
        words = f"Claro answered: {text}" if text else f"Claro answered with an error ({answer.status})."
    return kind(
        text or bodies.start(answer.body),
        code=code,
        status=answer.status,
        details=kept_details(data.get("details")),
        user_message=words,
    )


def _words(value: object) -> str:
    """A text, or the `message` of an object, as many APIs answer; empty for anything that only a program can read."""
    if isinstance(value, dict):
        value = value.get("message")
    return value if isinstance(value, str) else ""


def _error_body(body: bytes) -> dict[str, Any]:
    try:
        data = bodies.read(body)
    except (ValueError, TooLarge):
        return {}
    return data if isinstance(data, dict) else {}
