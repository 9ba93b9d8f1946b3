"""Counting semaphores that all processes share.

Places are counted in Redis by its clock. One whose process died is free again when its time is over.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from core.redis import connection

# KEYS: a sorted set for each name, holders by the end of their time. ARGV: the holder, its time, a limit for each name.
_ENTER = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
for number, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if redis.call('ZCARD', key) >= tonumber(ARGV[number + 2]) then return 0 end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('EXPIRE', key, math.ceil(ARGV[2]))
end
return 1
"""


@contextmanager
def place(limits: Mapping[str, int], at_most_s: float) -> Iterator[bool]:
    """Whether there was a free place under each of these names; if so, it is held for the block. Raises RedisError.

    The block takes less than `at_most_s`.
    """
    keys, holder = [f"claro:semaphore:{name}" for name in limits], uuid.uuid4().hex
    entered = connection().eval(_ENTER, len(keys), *keys, holder, at_most_s, *limits.values())
    try:
        yield bool(entered)
    finally:
        if entered:
            with connection().pipeline(transaction=False) as together:
                for key in keys:
                    together.zrem(key, holder)
                together.execute()
