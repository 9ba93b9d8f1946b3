"""The web server's application: limits on what arrives, the live streams, and Django in a pool of threads."""

import asyncio
import os
import signal
from http import HTTPStatus

from django.core.wsgi import get_wsgi_application

from core import private

private.by_default()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "claro_dashboard.settings")
_django = get_wsgi_application()

from django.conf import settings  # noqa: E402 - these need Django set up

from claro_dashboard import errors  # noqa: E402
from core import heartbeats  # noqa: E402
from core.bodies import App, BodyLimit, Pace, Stream  # noqa: E402
from core.charsets import Utf8Only  # noqa: E402
from core.live import hub  # noqa: E402
from core.pool import Gauge, NoThread, Threads  # noqa: E402
from core.wsgi import BodyInThreads, InThreads  # noqa: E402
from datasources.copies import upkeep  # noqa: E402
from datasources.security import master_key  # noqa: E402
from datasources.views import live  # noqa: E402
from operations import health  # noqa: E402

# How long a request waits for a thread.
PATIENCE_S = 10.0
_pages = InThreads(_django, Threads(health.web_threads), PATIENCE_S)
# Files that users upload, each of which holds its thread until it has arrived. A page never waits for one of these.
_uploads = BodyInThreads(_django, Threads(Gauge(8)), PATIENCE_S)
# 1 GB in one form, over a line of 128 kbit/s or more.
_STREAM = Stream(2**30, Pace(first_s=30, total_s=4 * 3600))
# Refusals and the health of the process are answered also while every other thread is busy.
_aside = Threads(Gauge(4))
_health = InThreads(_django, _aside)


def _refuse(status: HTTPStatus) -> App:
    """Django answers, with its headers and in the look, instead of the view (errors.RefusedMiddleware)."""
    return InThreads(lambda environ, start: _django({**environ, errors.REFUSED: status}, start), _aside)


async def _application(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["path"] == live.PATH:
        await live.application(scope, receive, send)
    elif scope["path"] in health.PATHS:
        await _health(scope, receive, send)
    else:
        try:
            await (_uploads if _is_upload(scope) else _pages)(scope, receive, send)
        except NoThread:
            await _refuse(HTTPStatus.SERVICE_UNAVAILABLE)(scope, _no_body, send)


def _is_upload(scope) -> bool:
    """Whether the body arrives in pieces, as `BodyLimit` decides it."""
    return scope["path"] == settings.UPLOAD_PATH and any(name == b"content-length" for name, _ in scope["headers"])


async def _no_body() -> dict:
    return {"type": "http.request", "body": b"", "more_body": False}


_streams = {settings.UPLOAD_PATH: _STREAM}
application = BodyLimit(Utf8Only(_application, _refuse), settings.BODY_LIMITS, _refuse, streams=_streams)


async def _lifespan(receive, send) -> None:
    """The ASGI lifespan protocol (https://asgi.readthedocs.io/en/latest/specs/lifespan.html)."""
    await receive()
    _end_streams_on_signals()
    await asyncio.to_thread(master_key.check_at_start)
    await asyncio.to_thread(upkeep.begin)
    await send({"type": "lifespan.startup.complete"})
    speaking = asyncio.create_task(_say_that_it_lives())
    await receive()
    speaking.cancel()
    await asyncio.to_thread(upkeep.end)
    await asyncio.to_thread(heartbeats.say_goodbye, [heartbeats.WEB])
    await send({"type": "lifespan.shutdown.complete"})


async def _say_that_it_lives() -> None:
    while True:
        await asyncio.to_thread(heartbeats.say, [heartbeats.WEB], gauge=health.web_threads)
        await asyncio.to_thread(upkeep.tend)
        await asyncio.sleep(heartbeats.SAID_EVERY_S)


def _end_streams_on_signals() -> None:
    """Ends streams on the signal itself, because the server waits for open responses before it shuts down."""
    for number in (signal.SIGTERM, signal.SIGINT):
        _wrap(number)


def _wrap(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def ending(signum, frame) -> None:
        hub.close()
        if callable(before):
            before(signum, frame)

    signal.signal(number, ending)
