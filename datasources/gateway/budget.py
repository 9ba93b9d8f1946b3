"""The remaining calls of a key, shared by all processes through Redis, and their division among lanes.

Each call is taken before it is made, and corrected by the answer's headers. Lanes in order of priority: waiting users,
download links, polling, copying, whole tables. A lane reserves the shares of higher lanes. Unclaimed reserves shrink as
the window passes, so no call is wasted. All users of a key have equal shares. budget.lua contains the logic. Source of
the rules: docs/claro-api.md, basics.
"""

import logging
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from core.redis import connection
from datasources.claro import RateLimit, RateLimited

HISTORY_MINUTES = 60
# Reset has whole seconds, perhaps rounded down: a call in the last of them would be refused (PyGithub adds one too).
RESET_MARGIN_MS = 1000
# Below this share of its limit a budget is low (the same in budget.lua).
LOW = 0.2

logger = logging.getLogger(__name__)


class Lane(StrEnum):
    """The purpose of a call, the most urgent first."""

    PERSON = "person"
    LINK = "link"
    WATCH = "watch"
    COPY = "copy"
    # Whole tables: those that a user asked for, and those that were begun because somebody opened them.
    TABLE = "table"
    SPARE = "spare"


@dataclass(frozen=True)
class Left:
    """The remaining calls of a key: `calls` of `limit` until `reset_at` (None before the first call)."""

    limit: int
    calls: int
    reset_at: datetime | None

    @property
    def low_below(self) -> int:
        return round(self.limit * LOW)

    @property
    def is_low(self) -> bool:
        return self.calls < self.limit * LOW


@dataclass(frozen=True)
class Minute:
    """The calls of one minute by lane; `refused` by Claro (429), `held` back here."""

    began_at: datetime
    calls: dict[Lane, int] = field(default_factory=dict)
    refused: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        return sum(self.calls.values())


class Budget:
    """The budget of one key for calls of one lane. As a `Meter` it counts every attempt of the client.

    `person` distinguishes the users of a key, so a user who clicks too fast leaves the others their share.
    """

    def __init__(
        self, fingerprint: str, calls_per_minute: int | None = None, lane: Lane = Lane.PERSON, person: object = ""
    ):
        # The braces keep all of it on one node of a Redis cluster.
        self._name = f"claro:budget:{{{fingerprint}}}"
        self._plan = calls_per_minute or settings.CLARO_CALLS_PER_MINUTE
        self._lane, self._person = lane, str(person)
        self.seen: RateLimit | None = None
        # Whether a call was made and settled: only then does the outcome say anything about the key.
        self.has_settled = False
        self.turned_low_or_back = False

    def before_call(self) -> str:
        """Takes a call; `after_call` settles the ticket. Raises RateLimited if Claro would reject the call."""
        ticket = uuid.uuid4().hex
        if wait_ms := self._run("take", ticket, self._lane, self._person):
            raise RateLimited(
                f"No call for {self._lane} now; not asked.",
                user_message="Your share of this minute's calls is used.",
                retry_at=datetime.now(UTC) + timedelta(milliseconds=wait_ms),
            )
        return ticket

    def after_call(self, ticket: object, rate_limit: RateLimit | None, retry_after_s: float | None) -> None:
        """Records the answer's headers, and after a refusal the time for which the budget stays closed."""
        self.has_settled = True
        said = rate_limit or RateLimit(limit=None, remaining=None, reset_in_s=None)
        self.seen = rate_limit or self.seen
        reset_ms = None if said.reset_in_s is None else _ms(said.reset_in_s) + RESET_MARGIN_MS
        is_news, turned = self._run(
            "settle", ticket, said.limit, said.remaining, reset_ms, _ms(retry_after_s), self._plan
        )
        self.turned_low_or_back = self.turned_low_or_back or bool(turned)
        if is_news:
            logger.warning("Claro refused a call (429); no call with this key for %.0f s", retry_after_s)

    def left(self) -> Left | None:
        """The remaining calls of this window; None before the first call."""
        answer = self._run("look")
        if not answer:
            return None
        limit, calls, ends_in_ms = answer
        return Left(limit, calls, datetime.now(UTC) + timedelta(milliseconds=ends_in_ms) if ends_in_ms else None)

    def history(self, minutes: int = HISTORY_MINUTES) -> list[Minute]:
        """The last minutes one by one, the present one last. By the clock of this machine, for the eye only."""
        now = int(datetime.now(UTC).timestamp()) // 60
        shown = range(now - minutes + 1, now + 1)
        with connection().pipeline(transaction=False) as together:
            for minute in shown:
                together.hgetall(f"{self._name}:minute:{minute}")
            answers = together.execute()
        return [_minute(minute, answer) for minute, answer in zip(shown, answers, strict=True)]

    def _run(self, *arguments: object):
        keys = [self._name, *(f"{self._name}:{part}" for part in ("calls", "people", "asked"))]
        return _script()(keys=keys, args=["" if each is None else each for each in arguments], client=connection())


@lru_cache(maxsize=1)
def _script():
    return connection().register_script(Path(__file__).with_suffix(".lua").read_text())


def _minute(minute: int, answer: dict[bytes, bytes]) -> Minute:
    counts = {name.decode(): int(n) for name, n in answer.items()}
    return Minute(
        began_at=datetime.fromtimestamp(minute * 60, UTC),
        calls={lane: counts.get(lane, 0) for lane in Lane},
        refused=counts.get("refused", 0),
        held=counts.get("held", 0),
    )


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
