"""A client that speaks HTTP badly, slowly or without end."""

import contextlib
import re
import socket


class RawClient:
    """One connection to a server on this machine."""

    def __init__(self, port: int, patience_s: float = 60.0):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience_s)

    def send(self, data: bytes) -> bool:
        """Whether the server still takes data."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def head(self, method: str, path: str, *headers: str) -> None:
        """Sends the head of a request."""
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())

    def drip(self, *, pause_s: float = 0.2, data: bytes = b"1\r\nx\r\n") -> None:
        """Sends this again and again until the server answers or closes."""
        self._socket.settimeout(pause_s)
        while self.send(data):
            with contextlib.suppress(TimeoutError):
                with contextlib.suppress(ConnectionError):
                    self._socket.recv(1, socket.MSG_PEEK)
                break
        self._socket.settimeout(60)

    def answer(self, *, has_body: bool = True) -> tuple[int, str]:
        """Status and text of the next answer; status 0 if the connection was closed without one."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while not _is_complete(received, has_body) and (data := self._socket.recv(65_536)):
                received += data
        text = received.decode()
        return int(text.split(" ")[1]) if text else 0, text

    def is_closed(self) -> bool:
        """Whether the server closes the connection, once it does."""
        with contextlib.suppress(ConnectionError):
            return self._socket.recv(1) == b""
        return True

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()


def _is_complete(received: bytes, has_body: bool) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end) and (not has_body or bool(length and len(body) >= int(length[1])))
