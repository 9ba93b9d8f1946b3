"""Heartbeats: workers, beat and web processes report to Redis every few seconds that they live.

Redis' clock dates them, so the machines' clocks do not matter. A process that ends deletes its entry; a lost one is
remembered for an hour.
"""

import logging
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import redis

from core.pool import Gauge
from core.redis import connection

QUEUES = ("interactive", "background")
BEAT, WEB = "beat", "web"
SAID_EVERY_S = 5.0
GONE_AFTER = timedelta(seconds=15)
# A pool of threads of which none has become free for so long is stuck: of that many pieces of honest work, one ends.
STUCK_AFTER_S = 10.0
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
class Pool:
    """The threads of a process: how many work, of how many, and for how long none has become free."""

    busy: int
    size: int
    full_s: float

    @property
    def is_stuck(self) -> bool:
        return self.full_s >= STUCK_AFTER_S


@dataclass(frozen=True)
class Heard:
    """One process: when it began (by its own clock), and how long ago it was last heard."""

    name: str
    since: datetime
    ago: timedelta
    pool: Pool | None = None  # where it was asked for and is known (`with_pools`)

    @property
    def is_alive(self) -> bool:
        return self.ago < GONE_AFTER


def say(parts: Iterable[str], name: str = THIS_PROCESS, gauge: Gauge | None = None) -> None:
    """Called every few seconds by what works as these parts: queues, BEAT, WEB. `gauge` is of its threads."""
    names = [_name(part) for part in parts]
    try:
        connection().eval(_SAY, len(names), *names, _member(name), int(REMEMBERED.total_seconds()))
        if gauge:
            text = f"{gauge.busy} {gauge.size} {gauge.full_s:.1f}"
            connection().set(_pool_name(name), text, ex=GONE_AFTER)
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
    """The heartbeats of each part within the last hour, the latest first. One round trip. Raises RedisError."""
    with connection().pipeline(transaction=False) as together:
        together.time()
        for part in parts:
            together.zrange(_name(part), 0, -1, desc=True, withscores=True)
        (now_s, _), *found = together.execute()
    return {part: _processes(members, now_s) for part, members in zip(parts, found, strict=True)}


def with_pools(*parts: str) -> dict[str, list[Heard]]:
    """The same, each with its pool of threads. Two round trips. Raises RedisError."""
    found = heard(*parts)
    names = sorted({one.name for processes in found.values() for one in processes})
    texts = connection().mget([_pool_name(name) for name in names]) if names else []
    pools = {name: _pool(text) for name, text in zip(names, texts, strict=True) if text}
    return {part: [replace(one, pool=pools.get(one.name)) for one in processes] for part, processes in found.items()}


def is_stuck(processes: Iterable[Heard]) -> bool:
    """Whether every living one of them has had no thread free for too long."""
    living = [one for one in processes if one.is_alive]
    return bool(living) and all(one.pool is not None and one.pool.is_stuck for one in living)


def silent(*parts: str) -> frozenset[str]:
    """The parts without a heartbeat; all of them without Redis, because no work can start then."""
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


def _pool(text: bytes) -> Pool:
    busy, size, full_s = text.split()
    return Pool(int(busy), int(size), float(full_s))


def _pool_name(name: str) -> str:
    return f"claro:pool:{name}"


def _name(part: str) -> str:
    return f"claro:alive:{part}"
