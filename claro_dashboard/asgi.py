"""The web server's entry: Django, and a clean end for the live streams."""

import asyncio
import os
import signal
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "claro_dashboard.settings")
_django = get_asgi_application()
# WhiteNoise hands its files on in pieces, synchronously; they are small, and compressed beforehand.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

from asgiref.sync import sync_to_async  # noqa: E402 - rooms need Django set up

from datasources import heartbeats, master_key  # noqa: E402
from datasources.live import hub  # noqa: E402
from datasources.views import live  # noqa: E402


async def application(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == live.PATH:
        await live.application(scope, receive, send)
    else:
        await _django(scope, receive, send)


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
        await asyncio.to_thread(heartbeats.say, [heartbeats.WEB])
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
