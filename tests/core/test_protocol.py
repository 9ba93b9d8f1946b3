"""The time limits for the head of a request and for a client that stops reading, with a server made for the test."""

import asyncio
import contextlib
import selectors
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from core.protocol import TimedProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER = b"HTTP/1.1 200"
PATIENCE_S = 20
# On its way from one end of a connection to the other for less than this.
QUIET_S = 0.05


class Impatient(TimedProtocol):
    head_s = 0.1
    stall_s = 0.1
    newest: TimedProtocol


class IdleSelector(selectors.DefaultSelector):
    """Finds what there is to read; where nothing is, time passes at once. A pause of the machine takes none."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list:
        found = super().select(0 if timeout == 0 else QUIET_S)
        if not found and timeout:
            self.now_s += timeout
        return found


class IdleLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._idle = IdleSelector()
        super().__init__(self._idle)

    def time(self) -> float:
        return self._idle.now_s


def run(work: Coroutine) -> Any:
    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        return runner.run(work)


async def slow_application(scope, receive, send) -> None:
    await asyncio.sleep(3 * Impatient.head_s)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def served(application: Callable = slow_application) -> AsyncIterator[tuple[str, int]]:
    """The address of a server of this application."""
    # Without the limit for heads, nothing closes the connection in time.
    config = uvicorn.Config(application, log_level="critical", timeout_keep_alive=2 * PATIENCE_S)
    state = ServerState()

    def connection() -> TimedProtocol:
        Impatient.newest = Impatient(config, state, {})
        return Impatient.newest

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S):
        yield server.sockets[0].getsockname()
    server.close()


def received(*parts: bytes) -> bytes:
    """What the server sends until it closes the connection: each part is sent once the one before is answered."""

    async def exchange() -> bytes:
        async with served() as address:
            reader, writer = await asyncio.open_connection(*address)
            answers = b""
            for number, part in enumerate(parts):
                if number:
                    answers += await reader.readuntil(b"ok")
                writer.write(part)
            answers += await reader.read()
            writer.close()
            return answers

    return run(exchange())


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_connection_whose_head_is_never_complete_is_closed(start):
    assert received(start) == b""


def test_the_head_of_a_further_request_has_a_limit_too_and_answers_may_take_longer():
    assert received(REQUEST, b"GET / HT").count(ANSWER) == 1
    assert received(REQUEST, REQUEST, b"GET / HT").count(ANSWER) == 2


# --- Clients that stop reading, answers that end early ---------------------------------------------------------------
PIECE, PIECES = b"x" * 200_000, 50


class Streaming:
    """An application that streams more than the buffers of a connection hold; `sent` are the pieces that were taken."""

    def __init__(self, cut_at: int = PIECES, error: Exception | None = None):
        self.sent, self.has_ended = 0, asyncio.Event()
        # The most that the server held when the next piece was made.
        self.held = 0
        self._cut_at, self._error = cut_at, error

    async def __call__(self, scope, receive, send) -> None:
        await receive()
        leaving = asyncio.create_task(receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while self.sent < self._cut_at and not leaving.done():
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.sent += not leaving.done()
            self.held = max(self.held, Impatient.newest.transport.get_write_buffer_size())
        if self._error:
            raise self._error
        if self.sent == PIECES:
            await send({"type": "http.response.body", "body": b""})
        leaving.cancel()
        self.has_ended.set()


async def client_of(address: tuple[str, int], request: bytes = REQUEST) -> socket.socket:
    """A connection with a small buffer, on which the request was sent."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, address)
    await loop.sock_sendall(client, request)
    return client


async def rest(client: socket.socket) -> None:
    """Reads until the server closes the connection; raises ConnectionResetError if it resets it."""
    while await asyncio.get_running_loop().sock_recv(client, 500_000):
        pass


def test_a_client_that_takes_nothing_more_is_cut_off_and_sees_it():
    async def main() -> None:
        application = Streaming()
        async with served(application) as address:
            client = await client_of(address)
            await application.has_ended.wait()
            assert 0 < application.sent < PIECES
            with pytest.raises(ConnectionResetError):
                await rest(client)
            client.close()

    run(main())


def test_a_client_that_reads_slowly_gets_all():
    async def main() -> None:
        application = Streaming()
        async with served(application) as address:
            client = await client_of(address)
            loop, data = asyncio.get_running_loop(), b""
            began = loop.time()
            while not data.endswith(b"\r\n0\r\n\r\n"):
                data += await loop.sock_recv(client, 2_000_000)
                await asyncio.sleep(0.02 if loop.time() - began < 5 * Impatient.stall_s else 0)
            assert data.count(b"x") == PIECES * len(PIECE)
            client.close()
        # A piece is made once the client has taken the one before.
        assert application.held < len(PIECE)

    run(main())


@pytest.mark.parametrize("request_head", [REQUEST, b"GET / HTTP/1.0\r\n\r\n"])
@pytest.mark.parametrize("error", [None, ValueError("broken")])
def test_an_answer_that_ends_early_resets_the_connection(request_head, error):
    async def main() -> None:
        async with served(Streaming(cut_at=3, error=error)) as address:
            client = await client_of(address, request_head)
            with pytest.raises(ConnectionResetError):
                await rest(client)
            client.close()

    run(main())


def test_a_client_that_leaves_ends_the_answer():
    async def main() -> None:
        application = Streaming()
        async with served(application) as address:
            client = await client_of(address)
            await asyncio.get_running_loop().sock_recv(client, 1000)
            client.close()
            await application.has_ended.wait()

    run(main())
