"""What can go wrong between us and the Claro API.

ClaroError                  message for logs, user_message for people, retryable
├─ ApiError                 code, status, details      an unknown code stays this, code kept
│   ├─ Unauthorized  AccessDenied  DatasourceNotFound  ProcessingInProgress  InvalidParameters
│   └─ RateLimited          also a NotNow
├─ NotNow                   retry_at (aware UTC): when it goes on
├─ Unreachable              no answer: DNS, refused, timeout; a gateway's 502/503/504
└─ BadAnswer                an answer we can't read; the start of the body, secrets removed
    └─ Unreadable           JSON, but not what the contract promises: a fault of this one answer, Claro itself works
        └─ TooLarge         more than was asked for, or than the dashboard can hold

An error can be handed to another process as a dict; it never holds a secret.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Self


class ClaroError(Exception):
    """Something went wrong at or on the way to Claro: `str()` is for logs, `user_message` for people."""

    words: ClassVar[str] = "Claro returned an error."
    retryable: ClassVar[bool] = False

    def __init__(self, message: str = "", *, user_message: str | None = None) -> None:
        super().__init__(message or self.words)
        self.message = message or self.words
        self.user_message = user_message or self.words

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON can hold it."""
        return {"kind": type(self).__name__, "message": self.message, "user_message": self.user_message}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "ClaroError":
        """The error that `to_dict` gave; one of an unknown kind comes back as a plain ClaroError."""
        kind = next((error for error in _tree(ClaroError) if error.__name__ == data.get("kind")), ClaroError)
        return kind._restore(data)

    @classmethod
    def _restore(cls, data: dict[str, Any]) -> Self:
        error = cls.__new__(cls)
        ClaroError.__init__(error, data.get("message", ""), user_message=data.get("user_message"))
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        return ClaroError.from_dict, (self.to_dict(),)


class ApiError(ClaroError):
    """Claro answered with an error."""

    words = "Claro returned an error."
    api_code: ClassVar[str] = ""
    api_status: ClassVar[int] = 0

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        status: int = 0,
        details: dict[str, Any] | None = None,
        user_message: str | None = None,
    ) -> None:
        self.code = code or self.api_code
        self.status = status or self.api_status
        self.details = details or {}
        super().__init__(message, user_message=user_message)

    def __str__(self) -> str:
        return f"{self.code or type(self).__name__} ({self.status}): {self.message}"

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "code": self.code, "status": self.status, "details": self.details}

    @classmethod
    def _restore(cls, data: dict[str, Any]) -> Self:
        error = super()._restore(data)
        error.code, error.status = data.get("code", ""), data.get("status", 0)
        error.details = data.get("details") or {}
        return error


class NotNow(ClaroError):
    """Not at this moment; it goes on at `retry_at` (aware UTC), and nothing is gained by asking before."""

    retryable = True
    retry_at: datetime

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "retry_at": self.retry_at.isoformat()}

    @classmethod
    def _restore(cls, data: dict[str, Any]) -> Self:
        error = super()._restore(data)
        error.retry_at = datetime.fromisoformat(data["retry_at"]) if data.get("retry_at") else datetime.now(UTC)
        return error


class Unauthorized(ApiError):
    """The key is not accepted."""

    words = "Claro refuses this key. It may have been revoked or mistyped."
    api_code, api_status = "UNAUTHORIZED", 401


class AccessDenied(ApiError):
    """The key is known but may not do this; plans below Starter have no API access (docs/claro-api.md, basics)."""

    words = "This key has no permission for that. The plan may not include API access."
    api_code, api_status = "ACCESS_DENIED", 403


class DatasourceNotFound(ApiError):
    """There is no such data source (any more)."""

    words = "This file no longer exists at Claro."
    api_code, api_status = "DATASOURCE_NOT_FOUND", 404


class ProcessingInProgress(ApiError):
    """The data source is still being processed."""

    words = "Claro is still processing this file."
    api_code, api_status = "PROCESSING_IN_PROGRESS", 409


class InvalidParameters(ApiError):
    """Claro can't use what was asked for, such as a filter; `user_message` has its own words."""

    words = "Claro refused the request as invalid."
    api_code, api_status = "INVALID_PARAMETERS", 400


class RateLimited(NotNow, ApiError):
    """The calls of this window are used up; the next may be made at `retry_at` (aware UTC)."""

    words = "Claro's rate limit is reached."
    api_code, api_status = "RATE_LIMITED", 429

    def __init__(self, message: str = "", *, retry_at: datetime, **kwargs: Any) -> None:
        self.retry_at = retry_at
        super().__init__(message, **kwargs)


class Unreachable(ClaroError):
    """No answer: no such host, refused, timed out, or a gateway that reached nobody behind it."""

    words = "Claro can't be reached right now."
    retryable = True


class BadAnswer(ClaroError):
    """An answer that can't be read; the message holds the start of it, secrets removed."""

    words = "Claro sent an answer that the dashboard can't read."
    retryable = True


class Unreadable(BadAnswer):
    """JSON that is not what the contract promises. Other answers of the same API may be fine."""


class TooLarge(Unreadable):
    """An answer that holds more than was asked for, or more than can be kept in memory."""

    words = "Claro's answer is too large for the dashboard."
    retryable = False


def error_class(code: str, status: int) -> type[ApiError]:
    """The class for an API error: by its code, else by its status (docs/claro-api.md, basics)."""
    return _BY_CODE.get(code) or _BY_STATUS.get(status) or ApiError


def _tree(base: type[ClaroError]) -> Iterator[type[ClaroError]]:
    yield base
    for child in base.__subclasses__():
        yield from _tree(child)


_MEANINGS = [error for error in _tree(ApiError) if issubclass(error, ApiError) and error.api_code]
_BY_CODE = {error.api_code: error for error in _MEANINGS}
_BY_STATUS = {error.api_status: error for error in _MEANINGS}
