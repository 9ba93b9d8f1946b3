"""How many places of a limited number are taken, and an ASGI layer that gives each request one of them."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from http import HTTPStatus

from core.bodies import App


class Gauge:
    """Counts places that are taken; safe to use from several threads."""

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic):
        self.size, self.busy = size, 0
        self._clock, self._lock = clock, threading.Lock()
        self._full_since = 0.0

    def take(self) -> None:
        with self._lock:
            self.busy += 1
            if self.busy == self.size:
                self._full_since = self._clock()

    def give_back(self) -> None:
        with self._lock:
            self.busy -= 1
            # A place was free for a moment, also if more were taken than there are.
            self._full_since = self._clock()

    @property
    def full_s(self) -> float:
        """For how long no place has become free; 0 while one is free."""
        with self._lock:
            return self._clock() - self._full_since if self.busy >= self.size else 0.0


class RequestPool:
    """Runs a limited number of requests at once, so that threads and memory are limited too.

    A request counts until its answer begins: a client that reads slowly keeps no place. The others wait, `patience_s`
    at most, and then get the answer of `refuse(503)`. Paths in `exempt` need no place.
    """

    def __init__(
        self,
        app: App,
        gauge: Gauge,
        refuse: Callable[[HTTPStatus], App],
        exempt: Collection[str] = (),
        patience_s: float = 10.0,
    ):
        self._app, self._gauge, self._refuse = app, gauge, refuse
        self._exempt, self._patience_s = exempt, patience_s
        self._free = asyncio.Semaphore(gauge.size)

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["path"] in self._exempt:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._patience_s):
                await self._free.acquire()
        except TimeoutError:
            await self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)(scope, receive, send)
            return
        place = _Place(self._gauge, self._free)
        try:
            await self._app(scope, receive, place.until_answered(send))
        finally:
            place.give_back()


class _Place:
    """One place, given back once."""

    def __init__(self, gauge: Gauge, free: asyncio.Semaphore):
        self._gauge, self._free, self._is_taken = gauge, free, True
        gauge.take()

    def until_answered(self, send: Callable) -> Callable:
        async def sending(message: dict) -> None:
            self.give_back()
            await send(message)

        return sending

    def give_back(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._gauge.give_back()
            self._free.release()
