"""Shows times in the reader's zone, which the browser tells by a cookie (static/js/timezone.js)."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "timezone"


class TimeZoneMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(reader_zone(request.COOKIES.get(COOKIE, ""))):
            return self.get_response(request)


def reader_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """The zone of that name, None (the server's) for anything else: the cookie is as hostile as any input."""
    try:
        return zoneinfo.ZoneInfo(name) if name and len(name) < 64 else None
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return None
