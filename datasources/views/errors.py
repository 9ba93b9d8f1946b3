"""The one place that turns what went wrong at Claro or with Redis into a status and words a person can read."""

import logging
from datetime import datetime

import redis
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.quotas import QuotaReached
from core.vault import SecretUnreadable
from datasources.claro import (
    ClaroError,
    DatasourceNotFound,
    InvalidParameters,
    NotNow,
    ProcessingInProgress,
    RateLimited,
    Unreachable,
)
from datasources.gateway import Crowded, RefusalInDoubt
from datasources.gateway.breaker import CircuitOpen
from datasources.sources.lookups import StillAsking, TooManyLookups
from datasources.views.pages import render_problem

STATUS: dict[type[ClaroError], int] = {
    DatasourceNotFound: 404,
    InvalidParameters: 422,
    ProcessingInProgress: 409,
    RateLimited: 429,
    Unreachable: 503,
    CircuitOpen: 503,
    Crowded: 503,
    RefusalInDoubt: 503,
    StillAsking: 503,
    TooManyLookups: 429,
}

UNREADABLE = (
    "The dashboard's master key has changed, so your app and recovery codes don't work. A passkey still works. "
    "Ask the administrator to restore the old master key or to remove your second factors."
)

logger = logging.getLogger(__name__)


class ClaroErrorMiddleware:
    """Answers errors that a view lets through; views catch only those that change what they show."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, ClaroError):
            logger.warning("Claro: %s", error)
            return claro_problem(request, error)
        if isinstance(error, QuotaReached):
            return render_problem(request, 422, "Limit reached", str(error))
        if isinstance(error, redis.RedisError):
            logger.error("Redis: %s", error)
            return render_problem(
                request,
                503,
                "Not available right now",
                "Redis does not answer. Try again in a minute.",
            )
        if isinstance(error, SecretUnreadable):
            logger.error("%s", error)
            return render_problem(request, 503, "A second factor can't be read", UNREADABLE)
        return None


def status_of(error: ClaroError) -> int:
    """The HTTP status a page has that shows this error; 502 when it is Claro's own."""
    return STATUS.get(type(error), 502)


def claro_problem(request: HttpRequest, error: ClaroError) -> HttpResponse:
    title, text = "Claro returned an error", error.user_message
    if isinstance(error, NotNow):
        title, text = "Not available right now", f"{text} Try again in {seconds_until(error.retry_at)} s."
    response = render_problem(request, status_of(error), title, text)
    return say_when(response, error)


def say_when(response: HttpResponse, error: ClaroError | None) -> HttpResponse:
    """The response, with the time at which it is worth asking again where the error knows it."""
    if isinstance(error, NotNow):
        response["Retry-After"] = str(seconds_until(error.retry_at))
    return response


def seconds_until(at: datetime) -> int:
    return max(1, round((at - timezone.now()).total_seconds()))
