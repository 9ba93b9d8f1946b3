"""How often an address may ask for what anybody may ask for: counted in Redis for a minute, then forgotten.

Asking costs a point, guessing more. Without Redis nobody is held up: what is asked for has 128 bits and more to guess.
"""

import contextlib
import time

import redis

from datasources.redis import connection

POINTS_A_MINUTE = 120
# What a wrong guess costs on top: twelve of them a minute.
A_GUESS = 9


def is_held_up(what: str, address: str | None) -> bool:
    """Counts a request of this address, and says whether it is one too many."""
    with contextlib.suppress(redis.RedisError):
        return count(what, address, 1) > POINTS_A_MINUTE
    return False


def guessed(what: str, address: str | None) -> None:
    """Counts a wrong token or a tried password."""
    with contextlib.suppress(redis.RedisError):
        count(what, address, A_GUESS)


def count(what: str, address: str | None, points: int) -> int:
    """Adds to the points of this address in this minute, and gives their sum. Raises RedisError."""
    name = f"claro:throttle:{what}:{address}:{int(time.time()) // 60}"
    with connection().pipeline(transaction=False) as together:
        together.incrby(name, points)
        together.expire(name, 60)
        return together.execute()[0]
