"""How many calls a key has left, shared by all processes through Redis.

A call is taken before it is made, and settled with what the answer's headers said. One Redis hash a key's fingerprint
holds the window (`limit`, `remaining` as the API last said, `reset_ms`), and one sorted set the calls under way: those
the API may not have counted yet. Redis' clock is the only one used. Source of the rules: claro-api.md, basics.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

from datasources.claro import RateLimit, RateLimited
from datasources.redis import connection

# A call under way longer than this was lost with its process (a call ends within gateway.DEADLINE_S).
LOST_AFTER_MS = 30_000
WINDOW_MS = 60_000
# Calls under way at once while nothing is known of the window yet: careful, because others may have used it up.
FIRST_CALLS = 5
# Windows are told by their end; headers round to seconds, so ends this close are the same window.
SAME_WINDOW_MS = 2_000

# Both scripts begin alike: the time, the window as known, and the window rolled over once its end has passed.
_OPEN = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local hash, calls, lost_after = KEYS[1], KEYS[2], LOST_AFTER_MS
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - lost_after)
local function number(field) return tonumber(redis.call('HGET', hash, field) or '') end
local limit, remaining, reset = number('limit'), number('remaining'), number('reset_ms')
if reset and now >= reset then
  remaining, reset = limit, nil
  redis.call('HDEL', hash, 'reset_ms')
  if limit then redis.call('HSET', hash, 'remaining', limit) else redis.call('HDEL', hash, 'remaining') end
end
local closed = number('closed_ms') or 0
""".replace("LOST_AFTER_MS", str(LOST_AFTER_MS))

# ARGV: ticket, calls allowed at first. Answers the milliseconds to wait, 0 when the call may be made.
_TAKE = (
    _OPEN
    + """
if closed > now then return closed - now end
local left = (remaining or tonumber(ARGV[2])) - redis.call('ZCARD', calls)
if left <= 0 then return reset and (reset - now) or 250 end
redis.call('ZADD', calls, now, ARGV[1])
redis.call('PEXPIRE', calls, lost_after)
return 0
"""
)

# ARGV: ticket, limit, remaining, ms to the reset, ms closed; '' where unknown; plan's limit; window; same-window span.
_SETTLE = (
    _OPEN
    + """
local started = tonumber(redis.call('ZSCORE', calls, ARGV[1]) or now)
redis.call('ZREM', calls, ARGV[1])
local said_limit, said_remaining, said_reset = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local window, same = tonumber(ARGV[7]), tonumber(ARGV[8])
limit = said_limit or limit or tonumber(ARGV[6])
if said_remaining then
  local ends = said_reset and (now + said_reset) or reset or (now + window)
  if reset and ends < reset - same then
    -- an answer of the window before, late: it says nothing about this one
  elseif reset and remaining and ends <= reset + same then
    remaining = math.min(remaining, said_remaining)
  else
    remaining, reset = said_remaining, ends
  end
else
  -- no headers: count our own calls against the plan's limit
  remaining = (remaining or limit) - 1
  reset = reset or (started + window)
end
redis.call('HSET', hash, 'limit', limit, 'remaining', math.max(remaining or limit, 0))
if reset then redis.call('HSET', hash, 'reset_ms', reset) end
if ARGV[5] ~= '' then redis.call('HSET', hash, 'closed_ms', now + tonumber(ARGV[5])) end
redis.call('EXPIRE', hash, 86400)
return 0
"""
)

_LOOK = (
    _OPEN
    + """
if not limit then return false end
local ends = math.max(reset or 0, closed)
local left = (closed > now) and 0 or math.max(0, (remaining or limit) - redis.call('ZCARD', calls))
return {limit, left, ends > now and (ends - now) or 0}
"""
)


@dataclass(frozen=True)
class Left:
    """What a key may still do: `calls` of `limit` until `reset_at` (None when nothing was used yet)."""

    limit: int
    calls: int
    reset_at: datetime | None


class Budget:
    """The purse of one key; as a `Meter` it is given to the client, which takes every attempt from it."""

    def __init__(self, fingerprint: str, calls_per_minute: int | None = None):
        # The braces keep both on one node of a Redis cluster.
        self._keys = [f"claro:budget:{{{fingerprint}}}", f"claro:budget:{{{fingerprint}}}:calls"]
        self._plan = calls_per_minute or settings.CLARO_CALLS_PER_MINUTE
        self.seen: RateLimit | None = None

    def before_call(self) -> str:
        """Takes a call; the ticket is settled by `after_call`. Raises RateLimited instead of making one in vain."""
        ticket = uuid.uuid4().hex
        wait_ms = _script(_TAKE)(keys=self._keys, args=[ticket, FIRST_CALLS])
        if wait_ms:
            raise RateLimited(
                "No calls left in this window; not asked.", retry_at=datetime.now(UTC) + timedelta(milliseconds=wait_ms)
            )
        return ticket

    def after_call(self, ticket: object, rate_limit: RateLimit | None, retry_after_s: float | None) -> None:
        """Notes what the answer said: its headers, and after a refusal for how long the purse stays closed."""
        said = rate_limit or RateLimit(limit=None, remaining=None, reset_in_s=None)
        self.seen = rate_limit or self.seen
        args = [ticket, said.limit, said.remaining, _ms(said.reset_in_s), _ms(retry_after_s)]
        args += [self._plan, WINDOW_MS, SAME_WINDOW_MS]
        _script(_SETTLE)(keys=self._keys, args=["" if arg is None else arg for arg in args])

    def left(self) -> Left | None:
        """What is left in this window; None while no call has been made."""
        answer = _script(_LOOK)(keys=self._keys, args=[])
        if not answer:
            return None
        limit, calls, ends_in_ms = answer
        return Left(limit, calls, datetime.now(UTC) + timedelta(milliseconds=ends_in_ms) if ends_in_ms else None)


def _script(text: str):
    return connection().register_script(text)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
