"""A network between a browser and the dashboard that can be cut in the middle of a request."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

# A close with it resets the connection.
_RESET = struct.pack("ii", 1, 0)


class Cutting:
    """A TCP proxy. With `cut_after` it resets connections whose clients have sent so many bytes; `cuts` counts them."""

    def __init__(self, port: int):
        self.cut_after: int | None = None
        self.cuts = 0
        self._target = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._server]
        self._threads: list[threading.Thread] = []
        self.port: int = self._server.getsockname()[1]
        self._run(self._accept)

    def __enter__(self) -> "Cutting":
        return self

    def __exit__(self, *exc: object) -> None:
        _shut(*self._sockets)  # wakes the threads up
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _run(self, do: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=do, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                self._run(self._pass_on, client, server, True)
                self._run(self._pass_on, server, client, False)

    def _pass_on(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
                passed += len(data)
                if is_client and self.cut_after is not None and passed > self.cut_after:
                    self.cuts += 1
                    break
            else:
                target.shutdown(socket.SHUT_WR)
                return
        for one in (source, target):
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            _shut(one)
            one.close()


def _shut(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
