"""Outgoing exchanges: Claro's API, webhooks, Slack, mail, the OpenID provider.

`requests` and smtplib bound each read, so a server that sends one byte a second holds them for ever. Here an exchange
has one deadline over name resolution, connecting, TLS, the request, headers (`100 Continue` included) and body: before
each operation the socket gets what is left of it. The same socket counts the bytes of the answer. No database
connection is held meanwhile, no redirect is followed, and where only public addresses are allowed, the connection goes
to an address that was checked.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from core import database
from core.networks import is_public


class NotPublic(Exception):
    """The host has an address that is not part of the public internet."""


class TooMany(requests.ConnectionError):
    """As many exchanges as the session allows are under way."""


class TooLarge(OSError):
    """The answer has more bytes than the limit."""


@dataclass(frozen=True)
class Limits:
    """The limits of one exchange. `total_s` covers everything; the others end a silent connection earlier."""

    total_s: float = 10.0
    connect_s: float = 3.05  # for each address of the host
    silence_s: float = 10.0
    max_bytes: int = 2**20  # headers included
    public_only: bool = False


class Exchange:
    """The remaining limits of one exchange."""

    def __init__(self, limits: Limits, total_s: float | None = None):
        self.limits = limits
        self.total_s = limits.total_s if total_s is None else total_s
        self._ends_at = time.monotonic() + self.total_s
        self._bytes_left = limits.max_bytes

    def left_s(self, at_most_s: float | None = None) -> float:
        """Seconds for the next operation. Raises TimeoutError after the deadline."""
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"The exchange did not end within {self.total_s:.1f} s.")
        return left_s if at_most_s is None else min(left_s, at_most_s)

    def count(self, received: int) -> None:
        """Raises TooLarge."""
        self._bytes_left -= received
        if self._bytes_left < 0:
            raise TooLarge(f"The answer has more than {self.limits.max_bytes} bytes.")


class _Bounded:
    """A socket whose operations end with the exchange. Between two exchanges it is idle in a pool."""

    exchange: Exchange

    def recv(self, *arguments: Any) -> bytes:
        return self._received(super().recv, len, arguments)

    def recv_into(self, *arguments: Any) -> int:
        return self._received(super().recv_into, int, arguments)

    def send(self, *arguments: Any) -> int:
        self._set_time()
        return super().send(*arguments)

    def sendall(self, *arguments: Any) -> None:
        self._set_time()  # for all of it: https://docs.python.org/3/library/socket.html#socket.socket.sendall
        super().sendall(*arguments)

    def _received(self, receive: Callable, size: Callable[[Any], int], arguments: tuple) -> Any:
        self._set_time()
        answer = receive(*arguments)
        self.exchange.count(size(answer))
        return answer

    def _set_time(self) -> None:
        self.settimeout(self.exchange.left_s(self.exchange.limits.silence_s))


class _Socket(_Bounded, socket.socket):
    pass


class _TLSSocket(_Bounded, ssl.SSLSocket):
    pass


class _TLSContext(ssl.SSLContext):
    sslsocket_class = _TLSSocket

    def wrap_socket(self, sock: _Socket, *arguments: Any, **options: Any) -> _TLSSocket:
        sock.settimeout(sock.exchange.left_s())  # OpenSSL's for the handshake as a whole
        wrapped = super().wrap_socket(sock, *arguments, **options)
        wrapped.exchange = sock.exchange
        return wrapped


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Certificates and names are checked, by the authorities of `certifi` and those of the machine."""
    context = _TLSContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(requests.certs.where())
    context.load_default_certs()
    return context


def connect(host: str, port: int, exchange: Exchange) -> socket.socket:
    """A connection to the first address of the host that takes one. Raises NotPublic, OSError."""
    problem = OSError(f"{host} has no address.")
    for family, kind, protocol, _, address in _addresses(host, port, exchange):
        connection = _Socket(family, kind, protocol)
        connection.exchange = exchange
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(exchange.left_s(exchange.limits.connect_s))
            connection.connect(address)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


# The system's resolver knows no time-out, so each lookup has a thread. A name that a user has chosen may hold its
# thread for half a minute: those have places of their own. By `public_only`.
_LOOKUPS = {True: threading.BoundedSemaphore(8), False: threading.BoundedSemaphore(16)}


def _addresses(host: str, port: int, exchange: Exchange) -> list[tuple]:
    places = _LOOKUPS[exchange.limits.public_only]
    if not places.acquire(timeout=exchange.left_s()):
        raise TimeoutError("Too many names are being looked up.")
    answer: Future[list[tuple]] = Future()

    def look_up() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except UnicodeError:
            answer.set_exception(socket.gaierror(socket.EAI_NONAME, "not a host name"))
        except BaseException as error:
            answer.set_exception(error)
        finally:
            places.release()

    threading.Thread(target=look_up, daemon=True).start()
    found = answer.result(timeout=exchange.left_s())
    if exchange.limits.public_only and not all(is_public(address[0]) for *_, address in found):
        raise NotPublic(host)
    return found


# --- HTTP ------------------------------------------------------------------------------------------------------------
_current: ContextVar[Exchange] = ContextVar("exchange")


class _Connecting:
    """A connection of urllib3's pools, made and used within the current exchange."""

    def _new_conn(self) -> socket.socket:
        try:
            return connect(self._dns_host, self.port, _current.get())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"No connection to {self.host} in time.") from error
        except OSError as error:
            raise NewConnectionError(self, f"No connection to {self.host}: {error}") from error

    def request(self, *arguments: Any, **options: Any) -> None:
        if self.sock is not None:  # kept from an exchange before
            self.sock.exchange = _current.get()
        super().request(*arguments, **options)


class _Plain(_Connecting, HTTPConnection):
    pass


class _TLS(_Connecting, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLS


class _Adapter(HTTPAdapter):
    def __init__(self, limits: Limits, connections: int):
        self._limits = limits
        super().__init__(pool_connections=8, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=tls_context(), **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TLSPool}

    def cert_verify(self, *arguments: Any) -> None:
        """The context has the authorities already; requests would read them again for each connection."""

    def send(self, request, stream=False, timeout=None, **options) -> requests.Response:
        """`timeout` is for the whole exchange: seconds, or the `total` of urllib3's Timeout."""
        exchange = Exchange(self._limits, timeout.total if isinstance(timeout, urllib3.Timeout) else timeout)
        if not stream:  # requests would unpack all of it: a kilobyte may hold a megabyte
            request.headers["Accept-Encoding"] = "identity"
        database.release()
        token = _current.set(exchange)
        try:
            response = super().send(request, stream=stream, timeout=exchange.total_s, **options)
        finally:
            _current.reset(token)
        if not stream and response.headers.get("Content-Encoding", "identity") != "identity":
            response.close()
            raise requests.exceptions.ContentDecodingError("A compressed answer, which was not asked for.")
        return response


class _NoCookies(DefaultCookiePolicy):
    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False


class Session(requests.Session):
    """Keeps connections and nothing else: no cookies, no proxies or .netrc. Threads may share it.

    A redirect is an answer like any other, so that what a request carries goes where it was sent and nowhere else.
    Raises NotPublic beside requests' exceptions, and TooMany instead of letting more than `at_once` threads wait.
    """

    def __init__(self, limits: Limits, at_once: int = 256, connections: int = 32):
        super().__init__()
        self._places = threading.BoundedSemaphore(at_once)
        self.trust_env = False
        self.cookies.set_policy(_NoCookies())
        adapter = _Adapter(limits, connections)
        for scheme in ("https://", "http://"):
            self.mount(scheme, adapter)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if not self._places.acquire(blocking=False):
            raise TooMany("Too many exchanges at once.")
        try:
            return super().send(request, **options)
        finally:
            self._places.release()

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None
