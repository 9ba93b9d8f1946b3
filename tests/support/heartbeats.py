"""Processes that are heard although they don't run. Redis' clock can't be turned: what is past is written as such."""

from core import heartbeats, redis


def all_alive() -> None:
    """As if a worker of each queue, beat and a web process had just said so."""
    for part in (*heartbeats.QUEUES, heartbeats.BEAT, heartbeats.WEB):
        heartbeats.say([part], f"{part}@machine")


def none_alive(*parts: str) -> None:
    """As if none had ever been there."""
    redis.connection().delete(*(f"claro:alive:{part}" for part in parts))


def heard_before(seconds: int, part: str, name: str, since: int = 1_700_000_000) -> None:
    """As if it had said so that long ago, for the last time."""
    now, _ = redis.connection().time()
    redis.connection().zadd(f"claro:alive:{part}", {f"{since} {name}": now - seconds})
