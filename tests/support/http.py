"""The web server's application in a thread of the tests, at a real port, and a client with a small buffer."""

import asyncio
import http.client
import socket
import threading

import uvicorn
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import Client
from uvicorn.server import ServerState

from core.bodies import BodyLimit
from core.pool import Gauge, Threads
from core.protocol import TimedProtocol
from core.wsgi import InThreads


class HttpServer:
    """As claro_dashboard/asgi.py and web.py have it, with few threads. The patience of `protocol` can be short."""

    def __init__(self, threads: int = 4, **limits: float):
        self.gauge = Gauge(threads)
        self._protocol = type("Protocol", (TimedProtocol,), limits)
        self._started = threading.Event()
        self._connections: dict[http.client.HTTPResponse, _Connection] = {}

    def __enter__(self) -> "HttpServer":
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        for response in list(self._connections):
            self.leave(response)
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def get(self, client: Client, path: str) -> http.client.HTTPResponse:
        """The answer to this browser, of which nothing but the head was read."""
        connection = _Connection("127.0.0.1", self.port, timeout=20)
        cookie = client.cookies["sessionid"].value
        connection.request("GET", path.replace(" ", "%20"), headers={"Cookie": f"sessionid={cookie}"})
        response = connection.getresponse()
        self._connections[response] = connection
        return response

    def leave(self, response: http.client.HTTPResponse) -> None:
        """Closes the connection, whether all was read or not."""
        response.close()
        self._connections.pop(response).close()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        threads = Threads(self.gauge)
        application = BodyLimit(InThreads(WSGIHandler(), threads), {"/": 0}, lambda status: None)
        config, state = uvicorn.Config(application, log_level="critical"), ServerState()
        server = await self._loop.create_server(lambda: self._protocol(config, state, {}), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._over.wait()
        server.close()
        while self.gauge.busy:
            await asyncio.sleep(0.01)
        together = threading.Barrier(self.gauge.size)
        await asyncio.gather(*(threads.run(_close_database, together) for _ in range(self.gauge.size)))
        threads._executor.shutdown()


def _close_database(together: threading.Barrier) -> None:
    """Of each thread one."""
    together.wait()
    connections.close_all()


class _Connection(http.client.HTTPConnection):
    """Holds little that was not read."""

    def connect(self) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))
