"""Files, saved views and teams that a user opened last. The command palette shows these first.

Kept in Redis: they are a convenience, and reading a page costs no write to the database. A name is never stored.
"""

import contextlib
import time
from datetime import timedelta
from uuid import UUID

import redis

from core.redis import connection

KEPT = 20
REMEMBERED = timedelta(days=30)
# The object that a process noted last for a user is not noted again for so long.
AGAIN_S = 60
MOST_USERS = 10_000
_latest: dict[int, tuple[str, UUID, float]] = {}


def note(user_id: int, kind: str, object_id: UUID) -> None:
    """Puts this first. The oldest beyond KEPT are forgotten."""
    # Mostly another part or page of what is open: no need to ask Redis each time.
    latest = (kind, object_id, time.time() // AGAIN_S)
    if _latest.get(user_id) == latest:
        return
    if len(_latest) >= MOST_USERS:
        _latest.clear()
    _latest[user_id] = latest
    name = _name(user_id)
    with contextlib.suppress(redis.RedisError), connection().pipeline(transaction=False) as commands:
        commands.zadd(name, {f"{kind}:{object_id}": time.time()})
        commands.zremrangebyrank(name, 0, -KEPT - 1)
        commands.expire(name, REMEMBERED)
        commands.execute()


def of(user_id: int) -> list[tuple[str, UUID]]:
    """Kind and id, the latest first. Ids alone give no access: the caller asks access.py."""
    try:
        found = connection().zrevrange(_name(user_id), 0, KEPT - 1)
    except redis.RedisError:
        return []
    pairs = (one.decode().partition(":") for one in found)
    return [(kind, UUID(object_id)) for kind, _, object_id in pairs]


def _name(user_id: int) -> str:
    return f"claro:recent:{user_id}"
