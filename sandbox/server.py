"""HTTP: routing, bearer keys, the rate limit, faults."""

import http.server
import logging
import math
import re
import socket
import threading
import time
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from sandbox.answers import Answer, ApiFault, Request, as_json
from sandbox.api import CHUNK_BYTES, Api
from sandbox.control import Control
from sandbox.faults import Fault, Faults
from sandbox.store import Key

PREFIX = "/api/v2"
WINDOW_S = 60
_TIME = re.compile(rb'(?<=")\d{4}-\d\d-\d\dT[\d:.]+Z(?=")')
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)

logger = logging.getLogger(__name__)


class RateLimit:
    """A fixed window per key; returns the rate-limit headers (docs/claro-api.md, basics)."""

    def __init__(self, window_s: int = WINDOW_S):
        self._window_s = window_s
        self._windows: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def take(self, key: Key) -> tuple[bool, dict[str, str]]:
        """Whether the call is allowed, and the headers that every answer carries."""
        now = time.time()
        with self._lock:
            ends, used = self._windows.get(key.key, (0.0, 0))
            if now >= ends:
                ends, used = now + self._window_s, 0
            allowed = used < key.calls_per_minute
            used += allowed
            self._windows[key.key] = ends, used
        headers = {
            "X-RateLimit-Limit": str(key.calls_per_minute),
            "X-RateLimit-Remaining": str(key.calls_per_minute - used),
            "X-RateLimit-Reset": str(math.ceil(ends)),
        }
        if not allowed:
            headers["Retry-After"] = str(max(1, int(ends - now) + 1))
        return allowed, headers


class Server(http.server.ThreadingHTTPServer):
    """The sandbox on a port. `control` is None unless tests steer it."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], api: Api, faults: Faults, *, control: bool = False):
        self.api, self.faults, self.limit = api, faults, RateLimit()
        self.control = Control(api, faults) if control else None
        super().__init__(address, Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host}:{port}"

    def handle_error(self, request, client_address) -> None:
        """A client that went away is nothing to report."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "ClaroSandbox"
    wbufsize = 65_536  # headers and body in one packet
    timeout = 120

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, *args: object) -> None:
        """Logs nothing: an access log would contain signed URLs."""

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not _LENGTH.fullmatch(length) or "Transfer-Encoding" in self.headers:
            self.send_error(411)
            return
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(self.command, parts.path, query, self.headers, self.rfile, int(length))
        fault: Fault | None = None
        if parts.path.startswith(PREFIX):
            request.path = parts.path.removeprefix(PREFIX)
            fault = self.server.faults.next(request.method, request.path, self._bearer())
            self.server.faults.wait(fault, self._bearer())
        answer = self._answer(request, parts.path, fault)
        if request.length:  # a body that nobody read would be taken for the next request
            self.close_connection = True
        if fault and fault.kind in ("drop", "hang", "lost"):
            self.close_connection = True
            return
        self._send(answer, cut=bool(fault and fault.kind == "cut"))
        while request.length > 0 and (skipped := self.rfile.read(min(request.length, CHUNK_BYTES))):
            request.length -= len(skipped)  # closed in the middle of its upload, a client would not see the answer

    def _answer(self, request: Request, path: str, fault: Fault | None) -> Answer:
        try:
            if path.startswith("/files/") and request.method == "GET":
                return self.server.api.file(request)
            if path.startswith("/control/") and self.server.control:
                return self.server.control.handle(request)
            if path.startswith(PREFIX):
                return self._call(request, fault)
            return Answer(404, b"The sandbox of the Claro API is at " + PREFIX.encode() + b"\n")
        except ApiFault as error:
            return error.answer
        except ConnectionError:
            raise
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            return as_json({"error": "Internal error", "code": "INTERNAL", "details": {}}, 500)

    def _call(self, request: Request, fault: Fault | None) -> Answer:
        secret = self._bearer()
        key = self.server.api.store.key(secret)
        if key is None:
            answer, headers = ApiFault(401, "UNAUTHORIZED", "Authentication required.").answer, {}
        else:
            allowed, headers = self.server.limit.take(key)
            answer = self._allowed(request, key, fault) if allowed else _too_many()
        answer.headers = headers | answer.headers
        if self.server.faults.clock_s:
            self._tell_other_times(answer)
        if self.server.control:
            self.server.control.note(secret, request, answer.status)
        return answer

    def date_time_string(self, timestamp: float | None = None) -> str:
        """For the header `Date`."""
        return super().date_time_string((timestamp or time.time()) + self.server.faults.clock_s)

    def _tell_other_times(self, answer: Answer) -> None:
        clock_s = self.server.faults.clock_s

        def shifted(found: re.Match[bytes]) -> bytes:
            at = datetime.fromisoformat(found[0].decode()) + timedelta(seconds=clock_s)
            return at.isoformat().replace("+00:00", "Z").encode()

        if isinstance(answer.body, bytes):
            answer.body = _TIME.sub(shifted, answer.body)
        if reset := answer.headers.get("X-RateLimit-Reset"):
            answer.headers["X-RateLimit-Reset"] = str(int(reset) + clock_s)

    def _bearer(self) -> str:
        # http.server reads headers as Latin-1; keys may hold anything printable
        scheme, _, bearer = self.headers.get("Authorization", "").encode("latin-1").partition(b" ")
        return bearer.strip().decode(errors="replace") if scheme.lower() == b"bearer" else ""

    def _allowed(self, request: Request, key: Key, fault: Fault | None) -> Answer:
        if fault and fault.kind == "answer":
            return _ordered(fault)
        if fault and fault.kind in ("drop", "hang"):
            return Answer(500)
        try:
            answer = self.server.api.handle(request, key.account, f"http://{self.headers.get('Host', '127.0.0.1')}")
        except ApiFault as error:
            return error.answer
        return _ordered(fault) if fault and fault.kind == "replaced" else answer

    def _send(self, answer: Answer, *, cut: bool) -> None:
        self.send_response(answer.status)
        whole = isinstance(answer.body, bytes)
        if whole:
            answer.headers["Content-Length"] = str(len(answer.body))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if cut:
            self.wfile.write(answer.body[: len(answer.body) // 2] if whole else b"")
            self.close_connection = True
        else:
            for part in [answer.body] if whole else answer.body:
                self.wfile.write(part)
        self.wfile.flush()


def _ordered(fault: Fault) -> Answer:
    return Answer(fault.status, fault.body.encode(), dict(fault.headers))


def _too_many() -> Answer:
    return ApiFault(429, "RATE_LIMITED", "Too many requests.").answer
