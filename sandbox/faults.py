"""Latency, a wrong clock, and errors on demand: what a test orders, or a share of all calls at random."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """A fault for `times` matching calls (by method, path and key), after the first `skip` of them.

    kind: `answer` (status, headers and body instead of ours), `cut` (half of our answer), `drop` (no answer at all),
    `hang` (nothing for `seconds`, then no answer), `slow` (our answer, `seconds` later). Faults.clear ends both.
    `lost` and `replaced` are `drop` and `answer` for a call that has its effect nevertheless.
    """

    kind: str
    times: int = 1
    skip: int = 0
    method: str = ""
    path: str = ""
    key: str = ""
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0


KINDS = ("answer", "cut", "drop", "hang", "slow", "lost", "replaced")

# What a shaky network and a busy gateway do, for `--fault-rate`.
AT_RANDOM = (
    Fault("answer", status=500, body='{"error": "Internal error", "code": "INTERNAL"}'),
    Fault("answer", status=502, headers={"Content-Type": "text/html"}, body="<html><h1>502 Bad Gateway</h1></html>"),
    Fault("answer", status=429, headers={"Retry-After": "2"}, body="slow down"),
    Fault("cut"),
    Fault("drop"),
    Fault("lost"),
    Fault("slow", seconds=4),
)


class Faults:
    def __init__(self, latency_s: float = 0.0, rate: float = 0.0):
        self.latency_s = latency_s
        # How far the API's clock is from this machine's.
        self.clock_s = 0
        self.waiting: Counter[str] = Counter()
        self._rate = rate
        self._ordered: list[Fault] = []
        self._cleared = threading.Event()
        self._lock = threading.Lock()

    def wait(self, fault: Fault | None, key: str) -> None:
        """As long as an answer takes; `waiting` counts the calls of each key that a fault holds up just now."""
        with self._lock:
            self.waiting[key] += fault is not None
            cleared = self._cleared
        time.sleep(self.latency_s)
        if fault:
            cleared.wait(fault.seconds)
        with self._lock:
            self.waiting[key] -= fault is not None

    def order(self, **what: Any) -> None:
        fault = Fault(**what)
        if fault.kind not in KINDS:
            raise ValueError(f"There is no fault {fault.kind!r}.")
        with self._lock:
            self._ordered.append(fault)

    def clear(self) -> None:
        """Forgets what was ordered. A call that a fault holds up is answered at once."""
        with self._lock:
            self._ordered.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def next(self, method: str, path: str, key: str = "") -> Fault | None:
        """The fault for this call, used up by it."""
        with self._lock:
            for fault in self._ordered:
                is_meant = fault.method in ("", method) and fault.path in path and fault.key in ("", key)
                if fault.times > 0 and is_meant:
                    if fault.skip:
                        fault.skip -= 1
                        break
                    fault.times -= 1
                    return fault
        if self._rate and random.random() < self._rate:  # noqa: S311 - guards nothing
            return random.choice(AT_RANDOM)  # noqa: S311
        return None
