"""A server that takes a request and answers it for ever, a byte at a time."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from itertools import cycle

_START = b"HTTP/1.1 200 OK\r\n"
# What is sent at once, and what is repeated byte by byte.
KINDS = {
    "status": (b"", b"H"),
    "headers": (_START, b"X-More: and more\r\n"),
    "one header": (_START + b"X-Long: ", b"x"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (_START + b"Content-Length: 1000000\r\n\r\n", b" "),
    "chunks": (_START + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    # A record of the handshake that announces 16 kB.
    "tls": (b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03", b"x"),
    "mail": (b"", b"220-hello\r\n"),
}


class Dripping:
    """`open` is how many clients are being dripped at now, `most` how many were at once, `met` all that came."""

    def __init__(self, kind: str = "headers", pause_s: float = 0.05):
        self._at_once, self._drip = KINDS[kind]
        self._pause_s, self._lock, self._over = pause_s, threading.Lock(), threading.Event()
        self.open = self.most = self.met = 0
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def meets(self, ask: Callable[[], None]) -> None:
        """Calls `ask` until it has come here, which it does once a call.

        On a busy machine its deadline may have passed before.
        """
        count = 0
        while not self.met and count < 20:
            ask()
            count += 1
        assert 1 <= self.met <= count

    def close(self) -> None:
        self._over.set()
        self._server.close()

    def __enter__(self) -> "Dripping":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        self._count(1)
        try:
            with connection, contextlib.suppress(OSError):
                connection.sendall(self._at_once)
                for byte in cycle(self._drip):
                    connection.sendall(bytes([byte]))
                    if self._over.wait(self._pause_s) or _has_gone(connection):
                        break
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self.open += more
            self.met += max(more, 0)
            self.most = max(self.most, self.open)


def _has_gone(connection: socket.socket) -> bool:
    """Reads what was sent meanwhile; nothing at all where the client has closed."""
    while select.select([connection], [], [], 0)[0]:
        if not connection.recv(65_536):
            return True
    return False
