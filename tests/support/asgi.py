"""The web server's ASGI application in a loop of its own, and a browser's end of its `/live/` streams."""

import asyncio
import queue
import threading
from concurrent.futures import Future

from django.conf import settings
from django.test import Client

from claro_dashboard.asgi import application
from core import live

PATIENCE_S = 20


class Stream:
    """One open `/live/`, or the answer that it was refused with. What was sent waits here until it is read."""

    status = 0
    is_complete = False

    def __init__(self, loop: asyncio.AbstractEventLoop, scope: dict):
        self.headers: dict[str, str] = {}
        self.first: dict[str, str] = {}
        self._loop = loop
        self._answered, self._gone, self._reading = threading.Event(), asyncio.Event(), asyncio.Event()
        self._reading.set()
        self._body = [{"type": "http.request", "body": b"", "more_body": False}]
        self._unread: queue.Queue[str | None] = queue.Queue()
        running = application(scope, self._receive, self._send)
        self._running: Future[None] = asyncio.run_coroutine_threadsafe(running, loop)
        self._running.add_done_callback(lambda _: (self._unread.put(None), self._answered.set()))
        assert self._answered.wait(PATIENCE_S), "no answer"

    def block(self) -> dict[str, str]:
        """The next block: its fields by name, a comment under the empty one. Fails when there is none in time."""
        text = self._unread.get(timeout=PATIENCE_S)
        assert text is not None, "the stream has ended"
        return {name: value for name, _, value in (line.partition(": ") for line in text.splitlines())}

    def event(self) -> str:
        """The name of the next event."""
        while not (name := self.block().get("event")):
            pass
        return name

    def events_until(self, last: str) -> list[str]:
        """The names that come before this one."""
        return list(iter(self.event, last))

    def has_ended(self) -> bool:
        """Whether the server ended the stream as it should, once it is over; raises what went wrong there."""
        self._running.result(PATIENCE_S)
        return self.is_complete

    def leave(self) -> None:
        """The browser goes to another page."""
        self._loop.call_soon_threadsafe(self._gone.set)
        self._running.result(PATIENCE_S)

    def stop_reading(self) -> None:
        self._loop.call_soon_threadsafe(self._reading.clear)

    def read_on(self) -> None:
        self._loop.call_soon_threadsafe(self._reading.set)

    async def _receive(self) -> dict:
        if self._body:
            return self._body.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self._answered.set()
            return
        await self._reading.wait()
        for block in message.get("body", b"").decode().split("\n\n")[:-1]:
            self._unread.put(block)
        self.is_complete = not message.get("more_body", False)


class Server:
    """One web process."""

    _listens = False

    def __enter__(self) -> "Server":
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        started.set()
        await self._over.wait()
        # More than once: a task may be in a call that swallows it.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=1)

    def open(self, client: Client, query: str = "", method: str = "GET", last_event_id: str = "") -> Stream:
        """A stream that has begun, its `first` block read; or the answer that it was refused with.

        The first page of a process waits until events come in: it is told to look again then.
        """
        cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
        headers = {
            "host": "testserver",
            "cookie": cookie.output(header="", attrs=[]).strip() if cookie else "",
            "last-event-id": last_event_id,
        }
        scope = {
            "type": "http",
            "method": method,
            "path": "/live/",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
        }
        stream = Stream(self._loop, scope)
        if stream.status == 200:
            stream.first = stream.block()
            if not self._listens:
                assert stream.event() == live.LOOK_AGAIN
                self._listens = True
        return stream
