"""Who is there: workers, beat and web processes say in Redis every few seconds that they live.

When each was last heard is told by Redis' clock, so that those of the machines don't matter. Who ends says goodbye;
who was lost is remembered for an hour.
"""

import logging
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis

from datasources.redis import connection

QUEUES = ("interactive", "background")
BEAT, WEB = "beat", "web"
SAID_EVERY_S = 5.0
GONE_AFTER = timedelta(seconds=15)
REMEMBERED = timedelta(hours=1)
THIS_PROCESS = f"{socket.gethostname()}:{os.getpid()}"

_SAY = """
local now = redis.call('TIME')[1]
for _, name in ipairs(KEYS) do
  redis.call('ZADD', name, now, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', name, '-inf', now - ARGV[2])
end
"""

_started_at = datetime.now(UTC)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heard:
    """One process: when it began (by its own clock), and how long ago it was last heard."""

    name: str
    since: datetime
    ago: timedelta

    @property
    def is_alive(self) -> bool:
        return self.ago < GONE_AFTER


def say(parts: Iterable[str], name: str = THIS_PROCESS) -> None:
    """Called every few seconds by what works as these parts: queues, BEAT, WEB."""
    names = [_name(part) for part in parts]
    try:
        connection().eval(_SAY, len(names), *names, _member(name), int(REMEMBERED.total_seconds()))
    except redis.RedisError as error:
        logger.warning("%s can't say that it lives: %s", name, error)


def say_goodbye(parts: Iterable[str], name: str = THIS_PROCESS) -> None:
    """Called by what ends on purpose, so that nobody misses it."""
    try:
        for part in parts:
            connection().zrem(_name(part), _member(name))
    except redis.RedisError as error:
        logger.warning("%s can't say that it ends: %s", name, error)


def heard(*parts: str) -> dict[str, list[Heard]]:
    """Who was heard of each part within the last hour, the latest first. One round trip. Raises RedisError."""
    with connection().pipeline(transaction=False) as together:
        together.time()
        for part in parts:
            together.zrange(_name(part), 0, -1, desc=True, withscores=True)
        (now_s, _), *found = together.execute()
    return {part: _processes(members, now_s) for part, members in zip(parts, found, strict=True)}


def silent(*parts: str) -> frozenset[str]:
    """The parts of which nobody is heard; all of them without Redis, where no work can be taken up either."""
    try:
        found = heard(*parts)
    except redis.RedisError:
        return frozenset(parts)
    return frozenset(part for part in parts if not any(one.is_alive for one in found[part]))


def _processes(members: list[tuple[bytes, float]], now_s: int) -> list[Heard]:
    """A worker that died and its successor have the same name: what counts is the last word of either."""
    found: dict[str, Heard] = {}
    for member, at_s in members:
        since, name = member.decode().split(" ", 1)
        ago = timedelta(seconds=max(0, now_s - at_s))
        found.setdefault(name, Heard(name, datetime.fromtimestamp(int(since), UTC), ago))
    return list(found.values())


def _member(name: str) -> str:
    return f"{_started_at.timestamp():.0f} {name}"


def _name(part: str) -> str:
    return f"claro:alive:{part}"
