"""The web server's application: limits on what arrives, the live streams, and Django."""

import asyncio
import os
import signal
import warnings
from functools import partial

from django.core.asgi import get_asgi_application

from core import private

private.by_default()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "claro_dashboard.settings")
_django = get_asgi_application()
# WhiteNoise hands its files on in pieces, synchronously; they are small, and compressed beforehand.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

from asgiref.sync import sync_to_async  # noqa: E402 - rooms need Django set up
from django.conf import settings  # noqa: E402

from claro_dashboard import errors  # noqa: E402
from core import heartbeats  # noqa: E402
from core.bodies import BodyLimit  # noqa: E402
from core.charsets import Utf8Only  # noqa: E402
from core.live import hub  # noqa: E402
from core.pool import RequestPool  # noqa: E402
from datasources.security import master_key  # noqa: E402
from datasources.views import live  # noqa: E402
from operations import health  # noqa: E402


async def _refused(status, scope, receive, send) -> None:
    """Django answers, with its headers and in the look, instead of the view (errors.RefusedMiddleware)."""
    await _django({**scope, errors.REFUSED: status}, receive, send)


def _refuse(status):
    return partial(_refused, status)


_pages = RequestPool(_django, health.web_threads, _refuse, exempt=health.PATHS)


async def _application(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == live.PATH:
        await live.application(scope, receive, send)
    else:
        await _pages(scope, receive, send)


application = BodyLimit(Utf8Only(_application, _refuse), settings.BODY_LIMITS, _refuse)


async def _lifespan(receive, send) -> None:
    """The ASGI lifespan protocol (https://asgi.readthedocs.io/en/latest/specs/lifespan.html)."""
    await receive()
    _end_streams_on_signals()
    await sync_to_async(master_key.check_at_start)()
    await send({"type": "lifespan.startup.complete"})
    speaking = asyncio.create_task(_say_that_it_lives())
    await receive()
    speaking.cancel()
    await asyncio.to_thread(heartbeats.say_goodbye, [heartbeats.WEB])
    await send({"type": "lifespan.shutdown.complete"})


async def _say_that_it_lives() -> None:
    while True:
        await asyncio.to_thread(heartbeats.say, [heartbeats.WEB], gauge=health.web_threads)
        await asyncio.sleep(heartbeats.SAID_EVERY_S)


def _end_streams_on_signals() -> None:
    """The server waits for open answers before it tells us to shut down: streams must end with the signal itself."""
    for number in (signal.SIGTERM, signal.SIGINT):
        _wrap(number)


def _wrap(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def ending(signum, frame) -> None:
        hub.close()
        if callable(before):
            before(signum, frame)

    signal.signal(number, ending)
