"""The Redis that budget, row cache and live events share. What is stored there holds no secrets."""

import time
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# Short: a page must not hang on a Redis that is gone.
TIMES = {"socket_connect_timeout": 1, "socket_timeout": 2}
# Where somebody in this process has waited in vain, nobody else does for so long: a page asks Redis many times.
AWAY_S = 5.0


class Impatience(Retry):
    """What redis-py does with a call: try it once, and not at all just after one that was not answered in time.

    A Redis that refuses or cuts connections costs no time; one on a machine without power does.
    """

    _away_until = 0.0  # of the process; redis-py gives each connection a copy of its own

    def __init__(self) -> None:
        super().__init__(NoBackoff(), 0)

    def call_with_retry(self, *arguments, **options):
        if time.monotonic() < Impatience._away_until:
            raise redis.ConnectionError("Redis did not answer a moment ago.")
        try:
            return super().call_with_retry(*arguments, **options)
        except redis.TimeoutError:
            Impatience._away_until = time.monotonic() + AWAY_S
            raise


class Pool(redis.ConnectionPool):
    """Connections that don't wait long; also those of Django's cache (settings), which has a pool in each thread."""

    def __init__(self, **options):
        super().__init__(retry=Impatience(), **TIMES, **options)


@cache
def connection() -> redis.Redis:
    """A pooled client, made once a process."""
    return redis.Redis(connection_pool=Pool.from_url(settings.REDIS_URL))
