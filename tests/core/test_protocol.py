"""The time limit for the head of a request, with a server made for the test."""

import asyncio
import selectors

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


async def slow_application(scope, receive, send) -> None:
    await asyncio.sleep(3 * Impatient.head_s)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def received(*parts: bytes) -> bytes:
    """What the server sends until it closes the connection: each part is sent once the one before is answered."""

    async def exchange() -> bytes:
        # Without the limit for heads, nothing closes the connection in time.
        config = uvicorn.Config(slow_application, log_level="critical", timeout_keep_alive=2 * PATIENCE_S)
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Impatient(config, state, {}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        answers = b""
        async with asyncio.timeout(PATIENCE_S):
            for number, part in enumerate(parts):
                if number:
                    answers += await reader.readuntil(b"ok")
                writer.write(part)
            answers += await reader.read()
        writer.close()
        server.close()
        return answers

    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        return runner.run(exchange())


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_connection_whose_head_is_never_complete_is_closed(start):
    assert received(start) == b""


def test_the_head_of_a_further_request_has_a_limit_too_and_answers_may_take_longer():
    assert received(REQUEST, b"GET / HT").count(ANSWER) == 1
    assert received(REQUEST, REQUEST, b"GET / HT").count(ANSWER) == 2
