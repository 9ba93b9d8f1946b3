"""The Redis that budget, row cache and live events share. What is stored there holds no secrets."""

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    """A pooled client, made once a process. Short time-outs: a page must not hang on a Redis that is gone."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2)
