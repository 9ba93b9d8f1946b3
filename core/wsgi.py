"""Runs Django's WSGI handler in a pool of threads, as an ASGI application.

A request holds a thread while Django works on it, and no longer. The client is sent its answer by the event loop. A
streamed answer is asked for one piece at a time, each in any thread, after the client has taken the piece before. A
slow client therefore holds neither a thread nor a database connection.

a2wsgi 1.10 and the adapter of uvicorn hold a thread until the client has taken the last byte. They ask for the pieces
of a client that has left, pass on headers with underscores, and ignore a body that came in chunks.
"""

import asyncio
import io
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from core import database
from core.pool import Threads

WsgiApp = Callable[[dict[str, Any], Callable], Any]
# An answer that states a length up to this is read at once, also where it is streamed: a static file for one.
AT_ONCE = 2**20


class Cut(Exception):
    """Raised by a streamed answer that ends here, incomplete. The server shows this to the client (protocol.py)."""


class InThreads:
    """The WSGI application `app`. Raises NoThread, before anything is sent, after `patience_s` without a free thread.

    The whole body must arrive in one message, as core/bodies.py sends it.
    """

    def __init__(self, app: WsgiApp, threads: Threads, patience_s: float | None = None):
        self._app, self._threads, self._patience_s = app, threads, patience_s

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        environ = await self._environ(scope, receive)
        answer = await self._threads.run(_Answer, self._app, environ, patience_s=self._patience_s)
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            if answer.body is None:
                await self._stream(answer, receive, send)
            else:
                await send({"type": "http.response.body", "body": answer.body})
        finally:
            if not answer.is_closed:
                await self._threads.run(answer.close)

    async def _environ(self, scope: dict, receive: Callable) -> dict[str, Any]:
        return environ_of(scope, (await receive())["body"])

    async def _stream(self, answer: "_Answer", receive: Callable, send: Callable) -> None:
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            while piece := await self._threads.run(answer.piece):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if leaving.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        except Cut:
            return
        finally:
            leaving.cancel()


class BodyInThreads(InThreads):
    """The same for a body that arrives in pieces: the application reads it while it arrives, and its thread waits.

    The body must announce its size.
    """

    async def _environ(self, scope: dict, receive: Callable) -> dict[str, Any]:
        length = next(value for name, value in scope["headers"] if name == b"content-length")
        body = Body(receive, asyncio.get_running_loop())
        return environ_of(scope, b"") | {"wsgi.input": body, "CONTENT_LENGTH": length.decode("latin-1")}


class Body:
    """A request body that a thread reads while the event loop receives it; at most one message is held."""

    def __init__(self, receive: Callable, loop: asyncio.AbstractEventLoop):
        self._receive, self._loop = receive, loop
        self._rest, self._is_over = b"", False

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, as soon as there are any. Raises OSError if the client leaves or is too slow."""
        if not self._rest:
            self._rest = self._next()
        cut = len(self._rest) if size < 0 else size
        part, self._rest = self._rest[:cut], self._rest[cut:]
        return part

    def readline(self, size: int = -1) -> bytes:
        raise OSError("A body that arrives in pieces is not read by lines.")

    def _next(self) -> bytes:
        database.release()
        while not self._is_over:
            try:
                message = asyncio.run_coroutine_threadsafe(self._receive(), self._loop).result()
            except Exception as error:
                raise OSError(f"The body does not arrive ({type(error).__name__}).") from error
            if message["type"] == "http.disconnect":
                raise OSError("The client left.")
            self._is_over = not message.get("more_body", False)
            if body := message.get("body", b""):
                return body
        return b""


class _Answer:
    """The application's answer. All but the attributes runs in a thread."""

    status: int
    headers: list[tuple[bytes, bytes]]
    # None: the answer is streamed.
    body: bytes | None = None

    def __init__(self, app: WsgiApp, environ: dict[str, Any]):
        self.is_closed = False
        # A piece may still be made while the answer is closed, where the server stops.
        self._turn = threading.RLock()
        self._result = app(environ, self._start)
        pieces = self._result
        if pieces.streaming and environ["REQUEST_METHOD"] == "HEAD":
            pieces = ()  # none would be sent
        elif pieces.streaming and self._length() > AT_ONCE:
            self._pieces: Iterator[bytes] = filter(None, pieces)
            database.release()
            return
        try:
            self.body = b"".join(pieces)
        finally:
            self.close()

    def piece(self) -> bytes:
        """The next piece; empty at the end, after which the answer is closed."""
        with self._turn:
            if self.is_closed:
                raise Cut
            try:
                piece = next(self._pieces, b"")
                database.release()
            except BaseException:
                self.close()
                raise
            if not piece:
                self.close()
            return piece

    def close(self) -> None:
        """Closes the answer, once a piece that is being made for a client that has left is complete."""
        with self._turn:
            if not self.is_closed:
                self.is_closed = True
                self._result.close()

    def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]

    def _length(self) -> float:
        return next((int(value) for name, value in self.headers if name == b"content-length"), float("inf"))


def environ_of(scope: dict, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        # WSGI has the bytes of the path, each as one character.
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    environ["SERVER_NAME"], port = scope["server"] or ("localhost", 80)
    environ["SERVER_PORT"] = str(port)
    if scope["client"]:
        environ["REMOTE_ADDR"] = scope["client"][0]
    for name, value in scope["headers"]:
        # An underscore would pass for a hyphen: X_Forwarded_For for X-Forwarded-For.
        if b"_" not in name:
            key = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    if "HTTP_CONTENT_TYPE" in environ:
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
    # Of the body as it is: a client that sends chunks states no length, and one that was refused another one.
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


async def _until_gone(receive: Callable) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
