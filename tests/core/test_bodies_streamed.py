"""Bodies of uploads: passed on piece by piece, within limits of size and pace, and read by a thread."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import pytest
from django.http import HttpResponse

from core.bodies import BodyLimit, Pace, Stream
from core.pool import Gauge, Threads
from core.wsgi import BodyInThreads
from tests.core.test_wsgi import SCOPE

STREAM = Stream(1000, Pace(first_s=5, linger_s=0.2), stall_s=0.1)


class Upload:
    """One upload. The client sends `pieces`, None for a pause; `read` makes the answer from the body."""

    def __init__(self, *pieces: bytes | None, read: Callable = lambda body: body.read(1000), announced: int = 0):
        self.pieces, self.sent, self.refused_with, self.errors = list(pieces), [], [], []
        self.received, self.received_before_the_answer, self._read = 0, 0, read
        size = announced or sum(len(piece or b"") for piece in pieces)
        headers = [(b"content-length", str(size).encode())]
        scope = {**SCOPE, "method": "POST", "path": "/up/", "headers": headers}
        asyncio.run(self._run(scope))

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def closes(self) -> bool:
        return (b"connection", b"close") in self.sent[0]["headers"]

    async def _run(self, scope: dict) -> None:
        app = BodyInThreads(self._app, Threads(Gauge(1)))
        limited = BodyLimit(app, {"/": 10}, self._refuse, streams={"/up/": STREAM})
        await limited(scope, self._receive, self._send)

    def _app(self, environ: dict, start_response: Callable) -> HttpResponse:
        try:
            response = HttpResponse(self._read(environ["wsgi.input"]))
        except OSError as error:
            self.errors.append(str(error))
            response = HttpResponse(status=400)
        start_response(f"{response.status_code} x", list(response.items()))
        return response

    async def _receive(self) -> dict:
        if not self.pieces:
            return {"type": "http.disconnect"}
        self.received += 1
        if (piece := self.pieces.pop(0)) is None:
            await asyncio.sleep(5)
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}

    async def _send(self, message: dict) -> None:
        self.received_before_the_answer = self.received_before_the_answer or self.received
        self.sent.append(message)

    def _refuse(self, status: HTTPStatus):
        async def answer(scope, receive, send) -> None:
            self.refused_with.append(status)
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"no"})

        return answer


def all_of(body) -> bytes:
    return b"|".join(iter(lambda: body.read(40), b""))


def test_the_application_reads_pieces_as_they_arrive():
    upload = Upload(b"a" * 50, b"", b"b" * 30, read=all_of)
    assert upload.sent[1]["body"] == b"a" * 40 + b"|" + b"a" * 10 + b"|" + b"b" * 30
    assert (upload.status, upload.closes) == (200, False)


def test_nothing_is_received_ahead_of_the_application():
    upload = Upload(*[b"b" * 50] * 9, read=lambda body: body.read(10))
    assert upload.received_before_the_answer == 1


def test_an_answer_before_the_end_of_the_body_ends_the_connection_and_drops_the_rest():
    upload = Upload(b"a" * 50, b"b" * 50, b"c" * 50, read=lambda body: b"not allowed")
    assert (upload.status, upload.closes, upload.pieces) == (200, True, [])


def test_a_body_that_is_announced_as_too_large_is_refused():
    upload = Upload(b"a" * 50, announced=1001)
    assert upload.refused_with == [HTTPStatus.REQUEST_ENTITY_TOO_LARGE]


@pytest.mark.parametrize(("pieces", "why"), [([b"a", None], "Refused"), ([], "left")])
def test_a_client_that_stalls_or_leaves_is_an_error_of_reading(pieces, why):
    upload = Upload(*pieces, read=all_of, announced=500)
    assert why in upload.errors[0]
    assert upload.status == 400


def test_a_body_is_not_read_by_lines():
    assert "lines" in Upload(b"a\nb", read=lambda body: body.readline()).errors[0]
