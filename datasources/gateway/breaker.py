"""The circuit breaker of a key: no calls while Claro gives no usable answers; shared by all processes through Redis.

    closed ── 3 failures in a row ──► open: no calls ── the pause is over ──► one of all callers probes
      ▲                                 ▲                                        │      │
      └── an answer ────────────────────┼────────────────────────────────────────┘      │
                                        └── none: a pause twice as long, 5 s … 5 min ───┘

An outage therefore costs a key some twenty calls an hour, and no user a time-out. Without Redis the breaker is closed.
breaker.lua contains the logic.
"""

import logging
import random
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import redis

from core.redis import connection
from datasources.claro import ApiError, BadAnswer, ClaroError, NotNow, Unreachable, Unreadable

# So many calls in a row without a usable answer, repetitions not counted, and nobody asks for a while.
FAILURES = 3
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 5_000, 300_000
# Keys whose calls failed together, and whoever waits for one, don't come back together.
JITTER = (0.8, 1.2)
# A probe that says nothing for so long was lost with its process; one lasts as long as a call (gateway.DEADLINE_S).
PROBE_LOST_MS = 20_000
# Who comes while a probe is under way looks again after this.
PATIENCE_MS = 2_000

logger = logging.getLogger(__name__)


class CircuitOpen(NotNow, Unreachable):
    """The breaker is open: Claro has not answered lately, and the next probe follows at `retry_at`."""

    words = "Claro does not answer right now."
    is_silence = True  # for templates, which know since when

    def __init__(self, message: str = "", *, retry_at: datetime):
        super().__init__(message)
        self.retry_at = retry_at


def is_failure(error: ClaroError) -> bool:
    """True if Claro as a whole gave no usable answer. An error about one source or one filter is an answer."""
    if isinstance(error, Unreadable):  # JSON, but not what the contract promises: that concerns this one answer
        return False
    return isinstance(error, Unreachable | BadAnswer) or (isinstance(error, ApiError) and error.status >= 500)


class Breaker:
    """The circuit breaker of one key."""

    def __init__(self, fingerprint: str):
        # The braces keep all of it on one node of a Redis cluster.
        self._name = f"claro:breaker:{{{fingerprint}}}"

    def enter(self) -> bool:
        """Before a call: true when it is for the caller to probe, and to say what came of it. Raises CircuitOpen."""
        wait_ms = self._run("enter", PROBE_LOST_MS, PATIENCE_MS)
        if wait_ms > 0:
            raise _open("Not asked.", wait_ms)
        return wait_ms < 0

    def failed(self) -> None:
        """A call got no usable answer."""
        if pause_ms := self._run("failed", FAILURES, *_pauses()):
            seconds = round(pause_ms / 1000)
            logger.warning("Claro gave no usable answer %d times in a row; not asked for %d s", FAILURES, seconds)

    def worked(self) -> None:
        """Records a usable answer, successful or not."""
        if self._run("worked"):
            logger.warning("Claro answers again")

    def probe_failed(self) -> CircuitOpen:
        """Records a probe without a usable answer; returns the error that the other callers get too."""
        return _open("The probe was in vain.", self._run("probe failed", *_pauses()))

    def probe_learnt_nothing(self) -> None:
        """The probe was not made after all: another may make one."""
        self._run("probe learnt nothing")

    def _run(self, *arguments: object) -> int:
        keys = [f"{self._name}:{part}" for part in ("failures", "openings", "pause", "probe")]
        try:
            return _script()(keys=keys, args=arguments, client=connection())
        except redis.RedisError:
            return 0


def _open(message: str, wait_ms: int) -> CircuitOpen:
    return CircuitOpen(message, retry_at=datetime.now(UTC) + timedelta(milliseconds=wait_ms))


def _pauses() -> tuple[int, int, float]:
    return FIRST_PAUSE_MS, LONGEST_PAUSE_MS, random.uniform(*JITTER)  # noqa: S311 - spreads probes, guards nothing


@lru_cache(maxsize=1)
def _script():
    return connection().register_script(Path(__file__).with_suffix(".lua").read_text())
