"""How many calls a key has left, shared by all processes through Redis, and who may have the next one.

A call is taken before it is made, and settled with what the answer's headers said. Each call has a lane: a person who
waits comes before a download link, that before watching, that before copying. A lower lane leaves to those above it
their share of the window, less and less as the window goes by, so that nothing goes to waste; among the people of a key
everybody has the same share. What decides stands in budget.lua. Source of the rules: docs/claro-api.md, basics.
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
    """What a call is for, the most urgent first."""

    PERSON = "person"
    LINK = "link"
    WATCH = "watch"
    COPY = "copy"


@dataclass(frozen=True)
class Left:
    """What a key may still do: `calls` of `limit` until `reset_at` (None when nothing was used yet)."""

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
    """The budget of one key, for calls of one lane; as a `Meter` it is given to the client, which takes every attempt.

    `person` tells apart those who share a key: a mad clicker leaves the others their share.
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
        """Takes a call; the ticket is settled by `after_call`. Raises RateLimited instead of making one in vain."""
        ticket = uuid.uuid4().hex
        if wait_ms := self._run("take", ticket, self._lane, self._person):
            raise RateLimited(
                f"No call for {self._lane} now; not asked.",
                user_message="Your share of this minute's calls is used.",
                retry_at=datetime.now(UTC) + timedelta(milliseconds=wait_ms),
            )
        return ticket

    def after_call(self, ticket: object, rate_limit: RateLimit | None, retry_after_s: float | None) -> None:
        """Notes what the answer said: its headers, and after a refusal for how long the budget stays closed."""
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
        """What is left in this window; None while no call has been made."""
        answer = self._run("look")
        if not answer:
            return None
        limit, calls, ends_in_ms = answer
        return Left(limit, calls, datetime.now(UTC) + timedelta(milliseconds=ends_in_ms) if ends_in_ms else None)

    def history(self) -> list[Minute]:
        """The last hour, minute by minute, the present one last. By the clock of this machine, for the eye only."""
        now = int(datetime.now(UTC).timestamp()) // 60
        minutes = range(now - HISTORY_MINUTES + 1, now + 1)
        with connection().pipeline(transaction=False) as together:
            for minute in minutes:
                together.hgetall(f"{self._name}:minute:{minute}")
            answers = together.execute()
        return [_minute(minute, answer) for minute, answer in zip(minutes, answers, strict=True)]

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
