"""HTTP/1.1 for uvicorn, with a time limit for the head of a request, and for clients that stop reading.

uvicorn limits how long a connection idles after an answer, but a client that never completes a request line or its
headers keeps its connection, and so does one that takes no more of its answer (uvicorn 0.54.0).
"""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import Callable

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 15.0
# For so long a client may take nothing of its answer. Clients are looked at as often, so it is twice that at most.
STALL_S = 30.0
# Linger, for 0 s: the connection is reset.
_RESET = struct.pack("ii", 1, 0)


class TimedProtocol(H11Protocol):
    """Closes a connection whose request is not complete up to its last header in time, or whose client stalls.

    The connection of an answer that ends early is reset. An HTTP/1.0 client, such as a proxy, has no other way to see
    that the answer is incomplete.
    """

    head_s = HEAD_S
    stall_s = STALL_S
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self._application = self.app
        self.app = self._answer

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_answering():
            self._stop_waiting()
        elif self._head_timer is None:  # the first bytes of a further request
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_watching()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch(self._unread())

    def resume_writing(self) -> None:
        self._stop_watching()
        super().resume_writing()

    async def _answer(self, scope: dict, receive: Callable, send: Callable) -> None:
        """The application's answer. `send` returns once the client has taken the piece, but for the last 64 kB."""
        cycle = self.cycle

        async def sending(message: dict) -> None:
            await send(message)
            if message.get("more_body") and not cycle.disconnected:
                await self.flow.drain()

        try:
            await self._application(scope, receive, sending)
        finally:
            if cycle.response_started and not (cycle.response_complete or cycle.disconnected):
                cycle.disconnected = True
                self._reset()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_s, self._close_if_incomplete)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_if_incomplete(self) -> None:
        self._head_timer = None
        if not self._is_answering() and not self.transport.is_closing():
            self.transport.close()

    def _watch(self, unread: int) -> None:
        self._stall_timer = self.loop.call_later(self.stall_s, self._reset_if_stalled, unread)

    def _stop_watching(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _reset_if_stalled(self, unread_before: int) -> None:
        unread = self._unread()
        if unread < unread_before:
            self._watch(unread)
        else:
            self._reset()

    def _unread(self) -> int:
        """Bytes that the client has not taken, also those that the system holds: asyncio sees a third of them go."""
        unread = self.transport.get_write_buffer_size()
        with contextlib.suppress(OSError):  # not on every system
            queued = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
            unread += struct.unpack("i", queued)[0]
        return unread

    def _reset(self) -> None:
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()
