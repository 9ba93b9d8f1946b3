"""Whether the dashboard is set up for the proxy in front of it.

Without BEHIND_PROXY the forwarded headers of a request are not used. That one arrived is noted, without its value, for
the Operations page: then a proxy is there that the settings don't mention.
"""

import contextlib
import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.redis import connection

HEADERS = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded")
REMEMBERED_S = 24 * 3600
# A process notes it no more often: anybody can send these headers.
NOTED_EVERY_S = 60.0
NAME = "claro:forwarded"


class ForwardedMiddleware:
    """Notes forwarded headers that nobody expects."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response
        self._next_at = 0.0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.BEHIND_PROXY and time.monotonic() >= self._next_at:
            self._note(request)
        return self.get_response(request)

    def _note(self, request: HttpRequest) -> None:
        if not (found := next((name for name in HEADERS if name in request.headers), None)):
            return
        self._next_at = time.monotonic() + NOTED_EVERY_S
        with contextlib.suppress(redis.RedisError):
            connection().set(NAME, found, ex=REMEMBERED_S)


def unexpected_header() -> str:
    """The name of such a header that arrived within a day, or "". Raises RedisError."""
    name = (connection().get(NAME) or b"").decode()
    return name if name in HEADERS else ""
