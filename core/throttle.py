"""Rate limit per IP address for public pages, counted in Redis per minute.

A visitor is an IPv4 address or an IPv6 network (core/visitors.py).

A request costs a point, a failed attempt more. Without Redis there is no limit, because tokens have at least 128 bits.
"""

import contextlib
import hashlib
import math
import time
from functools import lru_cache
from uuid import uuid4

import redis

from core.redis import connection
from core.visitors import network_of

# Remembers when each was taken, so that no hour, wherever it begins, holds more of them.
TAKE = """
local now, at_most, seconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - seconds)
if redis.call('ZCARD', KEYS[1]) >= at_most then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return tostring((tonumber(oldest[2]) or now) + seconds - now)
end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('EXPIRE', KEYS[1], seconds)
return '0'
"""
# What a wrong guess costs on top: as it is set at first, twelve of them a minute.
A_GUESS = 9


def is_held_up(what: str, address: str | None, at_most: int) -> bool:
    """Counts a request of this address and returns whether it exceeds the minute's limit."""
    with contextlib.suppress(redis.RedisError):
        return _count(what, address, 1) > at_most
    return False


def guessed(what: str, address: str | None) -> None:
    """Counts a wrong token or a tried password."""
    with contextlib.suppress(redis.RedisError):
        _count(what, address, A_GUESS)


def take(what: str, name: str, at_most: int, seconds: int) -> int:
    """One of `at_most` in any `seconds`: 0 when it was there to take, else the seconds until the next one is.

    Raises RedisError.
    """
    key = f"claro:takes:{what}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    wait = _take()(keys=[key], args=[time.time(), at_most, seconds, uuid4().hex], client=connection())
    return math.ceil(float(wait))


def goes_on(what: str, name: str, seconds: int) -> bool:
    """Records an event and returns whether it already occurred within the last `seconds`. Raises RedisError."""
    return connection().set(f"claro:goes-on:{what}:{name}", 1, ex=seconds, get=True) is not None


def _count(what: str, address: str | None, points: int) -> int:
    """Adds to the points of this visitor in this minute, and gives their sum. Raises RedisError."""
    name = f"claro:throttle:{what}:{network_of(address)}:{int(time.time()) // 60}"
    total = connection().incrby(name, points)
    if total == points:
        connection().expire(name, 60)
    return total


@lru_cache(maxsize=1)
def _take():
    return connection().register_script(TAKE)
