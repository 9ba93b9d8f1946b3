"""Limits the size and the time of request bodies in front of an ASGI application, before any code reads them.

Django spools a whole body to disk before its first middleware runs. Here a body is counted while it arrives, and the
application receives it in one piece, from memory. Bodies of uploads are passed on as they arrive, piece by piece.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

App = Callable[[dict, Callable, Callable], Awaitable[None]]


@dataclass(frozen=True)
class Pace:
    """How long a body may take: `first_s`, and a second more for every `bytes_per_s` received, up to `total_s`."""

    first_s: float = 10.0
    bytes_per_s: int = 16 * 1024
    total_s: float = 60.0
    # How long the rest of a refused body is read and dropped. If the connection closes while the client still sends,
    # the client sees a reset instead of the answer.
    linger_s: float = 5.0

    def allowed_s(self, received: int) -> float:
        return min(self.total_s, self.first_s + received / self.bytes_per_s)


@dataclass(frozen=True)
class Stream:
    """The limits of a body that is passed on while it arrives: `stall_s` is the longest pause in it."""

    most_bytes: int
    pace: Pace
    stall_s: float = 30.0


class Refused(Exception):
    """The body is not accepted; the argument is the status of the answer."""


class BodyLimit:
    """Passes on requests whose body is small and quick enough; `refuse(status)` is the application for the others.

    `limits` maps prefixes of paths to bytes; the longest prefix counts. The prefix "/" is required. Bodies to the
    paths in `streams` are passed on piece by piece if they announce their size.
    """

    def __init__(
        self,
        app: App,
        limits: Mapping[str, int],
        refuse: Callable[[HTTPStatus], App],
        pace: Pace = Pace(),
        streams: Mapping[str, Stream] | None = None,
    ):
        self._app, self._refuse, self._pace, self._streams = app, refuse, pace, streams or {}
        self._limits = sorted(limits.items(), key=lambda entry: len(entry[0]), reverse=True)

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stream = self._streams.get(scope["path"])
        try:
            if stream and (announced := _announced(scope)):
                if announced > stream.most_bytes:
                    raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                body = Arriving(receive, stream)
                await self._app(scope, body.receive, self._last_unless(body, receive, send))
                return
            body = await self._body(scope, receive)
        except Refused as error:
            [status] = error.args
            await self._refuse(status)(_without_body(scope), _replay(b"", _never), self._last(receive, send))
        except ConnectionError:
            return  # the client left before the body was complete
        else:
            await self._app(scope, _replay(body, receive), send)

    async def _body(self, scope: dict, receive: Callable) -> bytes:
        """Raises Refused, or ConnectionError if the client disconnects."""
        limit = self._limit_of(scope["path"])
        if _announced(scope) > limit:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body, started = bytearray(), time.monotonic()
        while True:
            left_s = self._pace.allowed_s(len(body)) - (time.monotonic() - started)
            message = await _within(left_s, receive)
            if message["type"] == "http.disconnect":
                raise ConnectionError
            body += message.get("body", b"")
            if len(body) > limit:
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            if not message.get("more_body", False):
                return bytes(body)

    def _limit_of(self, path: str) -> int:
        return next((limit for prefix, limit in self._limits if path.startswith(prefix)), self._limits[-1][1])

    def _last_unless(self, body: "Arriving", receive: Callable, send: Callable) -> Callable:
        """`send` for an answer that may come before its body has arrived."""
        chosen = None

        async def sending(message: dict) -> None:
            nonlocal chosen
            chosen = chosen or (send if body.is_complete else self._last(receive, send))
            await chosen(message)

        return sending

    def _last(self, receive: Callable, send: Callable) -> Callable:
        """`send` for an answer that ends the connection, after the rest of the body was dropped."""

        async def sending(message: dict) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
            elif not message.get("more_body", False):
                await send({**message, "more_body": True})
                await self._drop_rest(receive)
                message = {"type": "http.response.body"}
            await send(message)

        return sending

    async def _drop_rest(self, receive: Callable) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.linger_s):
                while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                    pass


class Arriving:
    """`receive` for a body that is passed on as it arrives. Raises Refused if it is too slow."""

    def __init__(self, receive: Callable, stream: Stream):
        self._receive, self._stream = receive, stream
        self._received, self._started = 0, time.monotonic()
        self.is_complete = False

    async def receive(self) -> dict:
        if self.is_complete:
            return await self._receive()
        left_s = self._stream.pace.allowed_s(self._received) - (time.monotonic() - self._started)
        message = await _within(min(left_s, self._stream.stall_s), self._receive)
        self._received += len(message.get("body", b""))
        self.is_complete = message["type"] == "http.request" and not message.get("more_body", False)
        return message


async def _within(left_s: float, receive: Callable) -> dict:
    if left_s > 0:  # a message that is already there would be returned by a time-out of 0 too
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left_s):
                return await receive()
    raise Refused(HTTPStatus.REQUEST_TIMEOUT)


def _announced(scope: dict) -> int:
    """The size that the client announces; 0 if it announces none. The server has refused what is not a number."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit()), default=0)


def _without_body(scope: dict) -> dict:
    about = {b"content-length", b"content-type", b"transfer-encoding"}
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in about]}


async def _never() -> dict:
    return await asyncio.get_running_loop().create_future()


def _replay(body: bytes, receive: Callable) -> Callable:
    """`receive` for an application: the whole body, then what the server reports."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> dict:
        return pending.pop() if pending else await receive()

    return receiving
