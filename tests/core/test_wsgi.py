"""Answers of a WSGI application, as a client gets them one message after the other."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, transaction
from django.http import HttpResponse, StreamingHttpResponse

from core.pool import Gauge, NoThread, Threads
from core.wsgi import AT_ONCE, Cut, InThreads, environ_of

SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "query_string": b"",
    "headers": [],
    "server": ("127.0.0.1", 8000),
    "client": ("192.0.2.7", 5000),
}


class Client:
    """Sends requests to an application that answers with `response`, and takes so many messages of its answers."""

    def __init__(self, response: Callable[[dict], HttpResponse] | HttpResponse, takes: int = 1000, threads: int = 1):
        self.gauge = Gauge(threads)
        self.sent: list[dict] = []
        self.takes, self.leaves = asyncio.Semaphore(takes), asyncio.Event()
        # Raised instead of waiting for the client to take a message.
        self.send_error: Exception | None = None
        self.environ: dict = {}
        self._response = response
        self.app = InThreads(self._answer, Threads(self.gauge), patience_s=0.05)

    def ask(self, body: bytes = b"", **scope: object) -> asyncio.Task:
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict:
            if messages:
                return messages.pop()
            await self.leaves.wait()
            return {"type": "http.disconnect"}

        return asyncio.create_task(self.app({**SCOPE, **scope}, receive, self._send))

    @property
    def pieces(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]

    def _answer(self, environ: dict, start_response: Callable) -> HttpResponse:
        self.environ = environ
        response = self._response(environ) if callable(self._response) else self._response
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return response

    async def _send(self, message: dict) -> None:
        if self.send_error and self.takes.locked():
            raise self.send_error
        await self.takes.acquire()
        self.sent.append(message)


class Pieces:
    """A generator of pieces that can be watched."""

    def __init__(self, count: int, before: Callable[[int], None] = lambda number: None):
        self.made, self.is_closed = 0, False
        self._count, self._before = count, before

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self._count):
            self._before(number)
            self.made += 1
            yield b"%d" % number

    def close(self) -> None:
        self.is_closed = True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def test_an_answer_is_sent_in_one_piece_once_its_thread_is_free_again():
    async def main() -> None:
        client = Client(HttpResponse(b"hello", status=201, headers={"X-A": " b"}), takes=0)
        asking = client.ask()
        await until(lambda: client.environ != {})
        await until(lambda: client.gauge.busy == 0)
        assert client.sent == []
        client.takes.release()
        client.takes.release()
        await asking
        head, body = client.sent
        assert (head["status"], dict(head["headers"])[b"x-a"]) == (201, b"b")
        assert body == {"type": "http.response.body", "body": b"hello"}

    asyncio.run(main())


def test_a_streamed_answer_holds_no_thread_between_two_pieces():
    async def main() -> None:
        pieces = Pieces(3)
        client = Client(StreamingHttpResponse(pieces), takes=0)
        asking = client.ask()
        for taken in range(4):
            await until(lambda taken=taken: len(client.sent) == taken and client.environ and client.gauge.busy == 0)
            await asyncio.sleep(0.01)
            assert (pieces.made, client.gauge.busy) == (taken, 0)
            client.takes.release()
        client.takes.release()
        await asking
        assert client.pieces == [b"0", b"1", b"2", b""]
        assert pieces.is_closed

    asyncio.run(main())


def test_a_piece_is_sent_before_the_next_one_is_made():
    let_go = threading.Event()

    async def main() -> None:
        client = Client(StreamingHttpResponse(Pieces(2, before=lambda number: number == 0 or let_go.wait(20))))
        asking = client.ask()
        await until(lambda: client.pieces == [b"0"])
        let_go.set()
        await asking
        assert client.pieces == [b"0", b"1", b""]

    asyncio.run(main())


def test_no_piece_is_made_for_a_client_that_has_left():
    async def main() -> None:
        pieces = Pieces(100)
        client = Client(StreamingHttpResponse(pieces))
        client.leaves.set()
        await client.ask()
        assert pieces.made < 10
        assert pieces.is_closed

    asyncio.run(main())


def test_a_piece_that_breaks_ends_and_closes_the_answer():
    async def main() -> None:
        pieces = Pieces(2, before=lambda number: 1 // (1 - number))
        client = Client(StreamingHttpResponse(pieces))
        with pytest.raises(ZeroDivisionError):
            await client.ask()
        assert client.pieces == [b"0"]
        assert (pieces.is_closed, client.gauge.busy) == (True, 0)

    asyncio.run(main())


def test_a_piece_that_cuts_the_answer_ends_it_without_its_end():
    def before(number: int) -> None:
        if number == 1:
            raise Cut

    async def main() -> None:
        pieces = Pieces(3, before)
        client = Client(StreamingHttpResponse(pieces))
        await client.ask()
        assert client.sent[-1] == {"type": "http.response.body", "body": b"0", "more_body": True}
        assert (pieces.is_closed, client.gauge.busy) == (True, 0)

    asyncio.run(main())


@pytest.mark.parametrize("taken", [0, 1])
def test_an_answer_is_closed_if_it_cannot_be_sent(taken):
    async def main() -> None:
        pieces = Pieces(100)
        client = Client(StreamingHttpResponse(pieces), takes=taken)
        client.send_error = ConnectionError("gone")
        with pytest.raises(ConnectionError):
            await client.ask()
        assert (pieces.made, pieces.is_closed) == (taken, True)

    asyncio.run(main())


def test_an_answer_that_hangs_is_closed_once_when_the_server_ends_it():
    is_made, let_go = threading.Event(), threading.Event()

    def before(number: int) -> None:
        if number == 1:
            is_made.set()
            let_go.wait(20)

    pieces = Pieces(2, before)

    async def main() -> None:
        client = Client(StreamingHttpResponse(pieces), threads=2)
        asking = client.ask()
        # A busy place is not enough: its thread may not have begun, and would then never begin.
        await until(is_made.is_set)
        assert client.pieces == [b"0"]
        asking.cancel()
        await asyncio.sleep(0.01)
        assert not pieces.is_closed  # while a piece is being made
        let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (client.pieces, pieces.is_closed) == ([b"0"], True)

    asyncio.run(main())


@pytest.mark.parametrize(("length", "messages"), [(AT_ONCE, 1), (AT_ONCE + 1, 3)])
def test_what_is_short_for_sure_is_sent_at_once(length, messages):
    async def main() -> None:
        client = Client(StreamingHttpResponse([b"a", b"b"], headers={"Content-Length": str(length)}))
        await client.ask()
        assert b"".join(client.pieces) == b"ab"
        assert len(client.pieces) == messages

    asyncio.run(main())


def test_nothing_is_read_for_the_head_of_a_streamed_answer():
    async def main() -> None:
        pieces = Pieces(3)
        client = Client(StreamingHttpResponse(pieces))
        await client.ask(method="HEAD")
        assert (client.pieces, pieces.made, pieces.is_closed) == ([b""], 0, True)

    asyncio.run(main())


def test_without_a_thread_in_time_nothing_is_sent():
    let_go = threading.Event()

    async def main() -> None:
        client = Client(lambda environ: HttpResponse(str(let_go.wait(20))))
        first = client.ask()
        await until(lambda: client.gauge.busy == 1)
        with pytest.raises(NoThread):
            await client.ask()
        assert client.sent == []
        let_go.set()
        await first
        assert client.pieces == [b"True"]

    asyncio.run(main())


# --- The database ---


def query(*_: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="there is no pool to which connections go back")
def test_no_connection_is_held_between_two_pieces():
    held = []

    def before(number: int) -> None:
        query()
        held.append(connection.connection)

    def respond(environ: dict) -> HttpResponse:
        before(-1)
        return StreamingHttpResponse(Pieces(2, before))

    async def main() -> None:
        client = Client(respond, takes=0)
        asking = client.ask()
        for number in range(1, 3):
            await until(lambda number=number: len(held) == number and client.gauge.busy == 0)
            assert await client.app._threads.run(lambda: connection.connection) is None
            client.takes.release()
        for _ in range(3):
            client.takes.release()
        await asking

    asyncio.run(main())


@pytest.mark.django_db(transaction=True)
def test_a_transaction_may_not_span_two_pieces():
    def pieces() -> Iterator[bytes]:
        with transaction.atomic():
            yield b"1"
            yield b"2"

    async def main() -> None:
        client = Client(StreamingHttpResponse(pieces()))
        with pytest.raises(RuntimeError, match="transaction"):
            await client.ask()
        await client.app._threads.run(lambda: connection.close())

    asyncio.run(main())


# --- The request ---


def environ(body: bytes = b"", **scope: object) -> dict:
    return environ_of({**SCOPE, **scope}, body)


def test_a_request_has_its_address_its_sender_and_its_body():
    asked = environ(b"a=1", method="POST", path="/d/ü/", query_string=b"q=%C3%BC")
    assert asked["PATH_INFO"].encode("latin-1").decode() == "/d/ü/"
    assert (asked["REQUEST_METHOD"], asked["QUERY_STRING"]) == ("POST", "q=%C3%BC")
    assert (asked["REMOTE_ADDR"], asked["SERVER_NAME"], asked["SERVER_PORT"]) == ("192.0.2.7", "127.0.0.1", "8000")
    assert (asked["wsgi.input"].read(), asked["CONTENT_LENGTH"]) == (b"a=1", "3")


def test_the_length_of_a_body_is_the_real_one():
    assert environ(b"abc", headers=[(b"transfer-encoding", b"chunked")])["CONTENT_LENGTH"] == "3"
    assert environ(headers=[(b"content-length", b"300000000")])["CONTENT_LENGTH"] == "0"


def test_headers_are_joined_and_none_passes_for_another():
    headers = [(b"content-type", b"text/plain"), (b"x-a", b"1"), (b"x_forwarded_for", b"6.6.6.6"), (b"x-a", b"\xfc")]
    asked = environ(headers=headers)
    assert (asked["CONTENT_TYPE"], asked["HTTP_X_A"]) == ("text/plain", "1,ü")
    assert {name for name in asked if name.startswith("HTTP_")} == {"HTTP_X_A"}
