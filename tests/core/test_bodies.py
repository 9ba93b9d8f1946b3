"""Limits on request bodies, with a server and an application made for the test."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

import pytest

from core.bodies import BodyLimit, Pace

LIMITS = {"/": 100, "/small/": 10, "/small/upload/": 1000}
# Every pause of the server is longer than a body may take, and shorter than a test.
PATIENT = Pace()
IMPATIENT = Pace(first_s=0.02, bytes_per_s=10_000, total_s=0.05, linger_s=0.05)


class Exchange:
    """One request to an application behind BodyLimit. `chunks` is what the client sends, None for a pause."""

    def __init__(self, path: str, chunks: Iterable[bytes | None], headers: dict[str, str], pace: Pace):
        self.bodies, self.sent, self.refused_with = [], [], []
        self._chunks, self.pauses = list(chunks), 0  # pauses of the client that the server has waited for
        scope = {"type": "http", "path": path, "headers": [(n.encode(), v.encode()) for n, v in headers.items()]}
        limited = BodyLimit(self._app, LIMITS, self._refuse, pace)
        asyncio.run(limited(scope, self._receive, self._send))

    @property
    def unread(self) -> int:
        return len(self._chunks)

    async def _receive(self) -> dict:
        if not self._chunks:
            return {"type": "http.disconnect"}
        if (chunk := self._chunks.pop(0)) is None:
            await asyncio.sleep(10)
            self.pauses += 1
        return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks)}

    async def _send(self, message: dict) -> None:
        self.sent.append(message)

    async def _app(self, scope, receive, send) -> None:
        self.bodies.append(await receive())
        assert (await receive())["type"] == "http.disconnect"

    def _refuse(self, status: HTTPStatus):
        async def answer(scope, receive, send) -> None:
            self.refused_with.append(status)
            assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
            assert dict(scope["headers"]).keys() <= {b"host"}
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"no"})

        return answer


def exchange(*chunks: bytes | None, path: str = "/", pace: Pace = PATIENT, **headers: str) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange(path, chunks, {"host": "x", **named}, pace)


def test_a_body_that_fits_arrives_in_one_piece():
    found = exchange(b"a" * 50, b"b" * 50)
    assert found.bodies == [{"type": "http.request", "body": b"a" * 50 + b"b" * 50, "more_body": False}]
    assert found.refused_with == []


def test_a_request_without_a_body_passes():
    assert exchange(b"").bodies == [{"type": "http.request", "body": b"", "more_body": False}]


def test_a_body_that_is_announced_as_too_large_is_refused_before_any_of_it_is_read():
    found = exchange(b"a" * 50, b"a" * 51, content_length="101", content_type="text/plain", transfer_encoding="x")
    assert found.refused_with == [HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    assert found.bodies == []


def test_what_is_announced_decides_before_the_first_byte_arrives():
    assert exchange(b"a", content_length="101").refused_with == [HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    assert exchange(b"a", content_length="100").refused_with == []


@pytest.mark.parametrize("headers", [{}, {"content_length": "5"}, {"content_length": "²"}])
def test_a_body_is_counted_while_it_arrives_whatever_was_announced(headers):
    found = exchange(b"a" * 50, b"a" * 51, b"a" * 50, **headers)
    assert found.refused_with == [HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    assert found.bodies == []


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/", 100), ("/other", 100), ("/small", 100), ("/small/", 10), ("/small/x", 10), ("/small/upload/x", 1000)],
)
def test_the_longest_prefix_of_the_path_decides(path, limit):
    assert exchange(b"a" * limit, path=path).refused_with == []
    assert exchange(b"a" * (limit + 1), path=path).refused_with == [413]


@pytest.mark.parametrize("chunks", [[None], [b"a", None], [b"a"] * 10 + [None]])
def test_a_body_that_stops_arriving_is_cut_off(chunks):
    found = exchange(*chunks, pace=IMPATIENT)
    assert (found.refused_with, found.pauses) == ([HTTPStatus.REQUEST_TIMEOUT], 0)
    assert found.bodies == []


def test_a_body_may_take_longer_the_more_of_it_has_arrived_up_to_a_total():
    pace = Pace(first_s=10, bytes_per_s=1000, total_s=60)
    assert [pace.allowed_s(received) for received in (0, 5000, 1_000_000)] == [10, 15, 60]


def test_a_client_that_leaves_before_its_body_is_complete_reaches_no_application():
    scope = {"type": "http", "path": "/", "headers": []}
    reached = []

    async def app(scope, receive, send):
        reached.append(scope)

    async def gone():
        return {"type": "http.disconnect"}

    asyncio.run(BodyLimit(app, LIMITS, lambda status: app)(scope, gone, None))
    assert reached == []


def test_a_refusal_ends_the_connection_and_drops_the_rest_first_so_that_the_client_sees_the_answer():
    found = exchange(*[b"a" * 60] * 5)
    start, first, last = found.sent
    assert start["headers"] == [(b"connection", b"close")]
    assert (first["body"], first["more_body"]) == (b"no", True)
    assert last == {"type": "http.response.body"}
    assert found.unread == 0


def test_the_rest_is_not_read_for_ever():
    found = exchange(b"a" * 101, None, b"b", pace=IMPATIENT)
    assert found.sent[-1] == {"type": "http.response.body"}
    assert found.pauses == 0


def test_what_is_no_http_request_passes():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(BodyLimit(app, LIMITS, lambda status: app)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
