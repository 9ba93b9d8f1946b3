"""Logs: one line an event, with the ids of the request or task it belongs to, and without secrets."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from celery import current_task
from django.http import HttpRequest, HttpResponse
from django.views.debug import SafeExceptionReporterFilter
from pythonjsonlogger.json import JsonFormatter as PythonJsonFormatter

from core import live

HEADER = "X-Request-ID"
_GOOD_ID = re.compile(r"[\w-]{8,64}")
_request_id: ContextVar[str] = ContextVar("request_id", default="")

# What looks like a secret, wherever it comes from: our own code never logs one, libraries might.
_SECRETS = (
    (re.compile(r"(/(?:hooks|invitations|d)/)[\w.-]{8,}"), r"\1…"),
    (re.compile(r"(/(?:password/reset/key|confirm-email)/)[\w:-]+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",]+"), r"\1 …"),
    (re.compile(r"(?i)(https?://[^\s?'\"]*)\?[^\s'\"]+"), r"\1?…"),
    (re.compile(r"(?i)\b((?:x-amz-)?signature|sig|token|secret|password|api[_-]?key)=[^\s&'\"]+"), r"\1=…"),
    (re.compile(r"(?i)(\w+://[^\s:/@]*):[^\s/]+@"), r"\1:…@"),
    (re.compile(r"\bclaro_[A-Za-z]+_[\w-]{8,}"), "claro_…"),
    (re.compile(r"\bcd_[\w-]{8,}"), "cd_…"),
)

# What would start a line of its own, or steer the terminal of whoever reads.
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029) if code != 9}

logger = logging.getLogger(__name__)


def redacted(text: str) -> str:
    """The text without what looks like a key, a signature or a password."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class IdsFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        task = current_task
        record.request_id = _request_id.get()
        record.task_id = task.request.id if task and task.request.id else ""
        return True


class SecretsFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a library's mistake, which must not become the caller's
            message = str(record.msg)
        record.msg, record.args = redacted(message), ()
        # Django adds the request, which would be written with its whole address.
        record.__dict__.pop("request", None)
        return True


class _RedactedTracebacks:
    def formatException(self, ei) -> str:
        return redacted(super().formatException(ei))


class TextFormatter(_RedactedTracebacks, logging.Formatter):
    """For a person at a terminal: one line an event, whatever its text is, and the traceback below."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return super().formatMessage(record).translate(_CONTROLS)


class JsonFormatter(_RedactedTracebacks, PythonJsonFormatter):
    """For a log store."""


class RequestIdMiddleware:
    """Gives each request an id, which its log lines and its answer carry, and writes one line about it.

    `request.began_ms` is when it came: what happens from then on may be missing in its answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request.id = given if _GOOD_ID.fullmatch(given) else uuid.uuid4().hex
        request.began_ms = live.now_ms()
        token = _request_id.set(request.id)
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            took_ms = (time.perf_counter() - started) * 1000
            # The route, not the address: that may hold filters, names and tokens.
            route = request.resolver_match.route if request.resolver_match else "(no route)"
            logger.info("%s /%s %s in %.0f ms", request.method, route, response.status_code, took_ms)
        finally:
            _request_id.reset(token)
        response[HEADER] = request.id
        return response


class NoVariablesFilter(SafeExceptionReporterFilter):
    """Error reports show where it went wrong, never what was in the variables there."""

    def is_active(self, request) -> bool:
        return True

    def get_traceback_frame_variables(self, request, tb_frame) -> list:
        return []

    def get_post_parameters(self, request) -> dict:
        return {}

    def get_safe_cookies(self, request) -> dict:
        return {}
