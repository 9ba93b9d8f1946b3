"""A limited number of threads: how many are busy, and how code of an event loop runs functions in them."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Gauge:
    """Counts busy threads. Several threads may use it."""

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


class NoThread(Exception):
    """All threads stayed busy for too long."""


class Threads:
    """As many threads as the gauge has places. The threads live on, and with them their database connections."""

    def __init__(self, gauge: Gauge):
        self._gauge = gauge
        self._free = asyncio.Semaphore(gauge.size)
        self._executor = ThreadPoolExecutor(gauge.size)

    async def run(self, function: Callable, *arguments: Any, patience_s: float | None = None) -> Any:
        """The function's result. Callers wait their turn; raises NoThread after `patience_s` without a free thread."""
        try:
            async with asyncio.timeout(patience_s):
                await self._free.acquire()
        except TimeoutError:
            raise NoThread from None
        self._gauge.take()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)
        finally:
            self._gauge.give_back()
            self._free.release()
