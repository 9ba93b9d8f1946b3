"""The circuit breaker of a key, brought into a state without the time that takes in life."""

from core.redis import connection
from datasources.claro import Unreachable
from datasources.gateway import note_problem
from datasources.gateway.breaker import FAILURES, Breaker
from datasources.models import ApiKey


def name(key: ApiKey, part: str) -> str:
    """The Redis key of one part of it, of those that breaker.lua names."""
    return f"claro:breaker:{{{key.fingerprint}}}:{part}"


def the_breaker_opens(key: ApiKey) -> None:
    """As after calls that nobody answered."""
    for _ in range(FAILURES):
        Breaker(key.fingerprint).failed()
    note_problem(key, Unreachable())


def the_pause_is_over(key: ApiKey) -> int:
    """As if it had passed; gives the ms that were left of it."""
    left = connection().pttl(name(key, "pause"))
    connection().delete(name(key, "pause"))
    return left
