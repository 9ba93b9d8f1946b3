"""A server that answers with given bytes, whatever is asked; and answers that no careful API would give."""

import gzip
import socket
import socketserver
import threading
from dataclasses import dataclass, field

from hypothesis import strategies as st

ID = "0b6d2a1e-58d6-4c3f-8f1e-0a6a4a1f0a11"
DIGITS = "9" * 400

# JSON texts of single values.
SCALARS = [
    *("null", "true", "0", "-5", "1.5", "1e308", "1e400", "-1e400", "NaN", "Infinity", "1E+999", DIGITS, DIGITS * 20),
    *("9223372036854775807", "9223372036854775808", "2147483648", "1e12", "1e-400", "-0.0"),
    *('""', '"a"', r'"\u0000"', r'"\ud800"', r'"\udc00\ud800"', r'"\ud83d\ude00"', '"é 😀"', '"\t"', '"\x01"', '"²"'),
    *(f'"{"x" * 70_000}"', '"=1+1"', '"<script>"', f'"{ID}"', '"ds_abc123"', f'"{{{ID}}}"', '"1e999"', '"-1"'),
    *('"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999Z"', '"2026-11-25T10:00:00+23:59"', '"2026-11-25"'),
    *('"2026-11-25T10:00:00+99999999999999"', '"0001-01-01T00:00:00+14:00"', '"completed"', '"processing"', '"queued"'),
    *('"https://x.test/y"', '"https://["', '"javascript:alert(1)"', '"https://x.test:99999999/"', '"http://é.test/"'),
]
NAMES = [
    *("a", "b", "", r"\u0000", r"\ud800", "é", "n" * 3000, "__proto__", "a b", "id"),
    *("datasourceId", "fileName", "status", "error", "code", "message", "rowCount", "errorMessage"),
]
HEADER_VALUES = [
    *("", "²", "-1", "-5", "1e308", "1e400", "nan", "0", "7", DIGITS * 20, "1793000000", "1_0", "soon"),
    *("Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +1400", "Tue, 24 Nov 2026 12:00:00 +99999999999999"),
    *("Tue, 24 Nov 2026 12:00:00 -9999", "Tue, 99 Nov 2026 12:00:00 GMT", "\xff\xfe", "http://[", "a=b; c", "x" * 9000),
]
HEADERS = [
    *("Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Date", "Location"),
    *("Content-Type", "Set-Cookie", "Content-Encoding", "Link"),
]
STATUSES = [
    200,
    200,
    200,
    200,
    201,
    202,
    204,
    206,
    301,
    302,
    304,
    400,
    401,
    403,
    404,
    409,
    418,
    429,
    500,
    503,
    600,
    999,
]
SOURCE = ("datasourceId", "fileName", "contentType", "fileSize", "status", "uploadedAt", "processedAt", "extra")
PAGES = ("page", "limit", "total", "totalItems", "totalPages", "pages", "hasNext")


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def written(members: dict[str, str]) -> str:
    """JSON text of an object, from texts of its values."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


def listed(items: list[str]) -> str:
    return "[" + ",".join(items) + "]"


scalars = st.sampled_from(SCALARS)
values = st.recursive(
    scalars | st.sampled_from([90, 101, 500, 900, 1100, 5000]).map(nested),
    lambda inner: (
        st.lists(inner, max_size=4).map(listed)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4).map(written)
    ),
    max_leaves=8,
)
# The id is mostly a good one, so that what stands beside it is read too.
sources = (
    st.fixed_dictionaries({"datasourceId": st.just(f'"{ID}"')}, optional=dict.fromkeys(SOURCE[1:], values))
    | st.fixed_dictionaries({}, optional=dict.fromkeys(SOURCE, values))
).map(written)
paginations = st.fixed_dictionaries({}, optional=dict.fromkeys(PAGES, values)).map(written)
rows = values | st.lists(values, max_size=4).map(listed) | sources
errors = st.fixed_dictionaries({}, optional=dict.fromkeys(("error", "code", "details"), values)).map(written) | (
    st.sampled_from(["RATE_LIMITED", "UNAUTHORIZED", "PROCESSING_IN_PROGRESS", "INVALID_PARAMETERS"]).map(
        lambda code: written({"code": f'"{code}"', "error": r'"\ud800 \u0000"', "details": nested(950)})
    )
)
wholes = (
    values
    | sources
    | errors
    | st.fixed_dictionaries(
        {"dataSources": st.lists(sources | values, max_size=5).map(listed), "pagination": paginations}
    ).map(written)
    | st.fixed_dictionaries(
        {"data": st.lists(rows, max_size=5).map(listed)},
        optional={"columns": values | st.lists(values, max_size=3).map(listed), "pagination": paginations},
    ).map(written)
    | st.fixed_dictionaries({}, optional=dict.fromkeys(("url", "downloadUrl", "expiresIn", "expiresAt"), values)).map(
        written
    )
    | st.fixed_dictionaries(
        {"url": st.just('"https://x.test/y"')}, optional=dict.fromkeys(("expiresIn", "expiresAt"), values)
    ).map(written)
    | st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("webhookId", "id", "name", "url", "events", "webhook"), values)
    ).map(written)
    | st.lists(values, max_size=3).map(lambda items: written({"webhooks": listed(items)}))
)


@dataclass
class Answer:
    """An answer as it goes over the wire."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def wire(self) -> bytes:
        head = [f"HTTP/1.1 {self.status} Any", *(f"{name}: {value}" for name, value in self.headers)]
        head += [f"Content-Length: {len(self.body)}", "Connection: close", "", ""]
        return "\r\n".join(head).encode("latin-1") + self.body


@st.composite
def answers(draw) -> Answer:
    """Any status, headers and body: of odd types, depths, sizes, encodings, dates and numbers."""
    text = draw(wholes)
    how = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "bytes", "cut", "html"]))
    if how == "bytes":  # half a surrogate pair, and a byte that is no UTF-8, within a text
        body = text.encode().replace(b'"', b'"\xed\xa0\x80\xff', 1)
    elif how == "cut":
        body = text.encode()[: draw(st.integers(0, 50))]
    elif how == "html":
        body = b"<html>\x00" + text.encode()
    else:
        body = text.encode(how)
    headers = draw(st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(HEADER_VALUES)), max_size=4))
    packing = draw(st.sampled_from(["", "", "", "gzip", "lie"]))
    if packing:
        headers.append(("Content-Encoding", "gzip"))
        body = gzip.compress(body) if packing == "gzip" else body
    return Answer(draw(st.sampled_from(STATUSES)), headers, body)


class RawServer(socketserver.ThreadingTCPServer):
    """Gives `answer` to every request but those whose path ends as `answers` says, and ends the connection."""

    daemon_threads = allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = Answer()
        self.answers: dict[str, Answer] = {}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def answer_to(self, path: str) -> Answer:
        return next((answer for end, answer in self.answers.items() if path.endswith(end)), self.answer)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(socketserver.StreamRequestHandler):
    server: RawServer

    def handle(self) -> None:
        path = self.rfile.readline().decode("latin-1").split(" ")[1].partition("?")[0]
        length = 0
        for line in iter(self.rfile.readline, b"\r\n"):
            if not line:
                return
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        try:
            self.wfile.write(self.server.answer_to(path).wire())
            self.request.shutdown(socket.SHUT_WR)
        except OSError:  # the client has read enough
            return
