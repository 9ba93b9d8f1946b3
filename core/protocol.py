"""HTTP/1.1 for uvicorn, with a time limit for the head of a request.

uvicorn limits how long a connection idles after an answer, but a client that never completes a request line or its
headers keeps its connection (uvicorn 0.54.0).
"""

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 15.0


class TimedProtocol(H11Protocol):
    """Closes a connection whose request is not complete up to its last header in time."""

    head_s = HEAD_S
    _head_timer = None

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
        super().connection_lost(exc)

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
