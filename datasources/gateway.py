"""The only door to the API: opens a stored key's secret, takes each call from its budget, notes what comes back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache

import redis
import requests
from django.conf import settings
from django.utils import timezone

from datasources import access, live
from datasources.budget import Budget, Lane, Left, Minute
from datasources.claro import (
    BadAnswer,
    ClaroClient,
    ClaroError,
    RateLimited,
    Unauthorized,
    Unreachable,
    pooled_session,
)
from datasources.models import ApiKey
from datasources.vault import SecretUnreadable, fingerprints

# One API call at most, retries included; leases and locks elsewhere are longer than this.
DEADLINE_S = 15.0
# `last_used_at` is noted this often, so that a busy key doesn't write to the database with every call.
USED_EVERY = timedelta(seconds=60)


class KeyUnreadable(ClaroError):
    """The stored secret does not open with the dashboard's master key."""

    needs_a_person = True

    def __init__(self) -> None:
        super().__init__(
            "The stored key does not open with the configured master key.",
            user_message="This key can't be read any more. Its owner has to paste it again on the keys page.",
        )


@contextmanager
def client(key: ApiKey, lane: Lane, person: object = "", *, even_if_refused: bool = False) -> Iterator[ClaroClient]:
    """A client for a stored key. Whatever ClaroError leaves the block is noted on the key first.

    `lane` and `person` say whose turn a call takes (budget.py). Raises KeyUnreadable, and Unauthorized without a call
    for a key that Claro has refused (a check may still ask).
    """
    if key.state == ApiKey.State.INVALID and not even_if_refused:
        raise Unauthorized("Claro refused this key before; not asked again.", code="UNAUTHORIZED", status=401)
    try:
        secret = key.unseal()
    except SecretUnreadable:
        raise KeyUnreadable from None
    budget = Budget(key.fingerprint, key.calls_per_minute, lane, person)
    try:
        yield _client(secret, budget)
    except ClaroError as error:
        _note(key, budget, error)
        raise
    else:
        _note(key, budget, None)


def check(secret: str) -> None:
    """Asks Claro, with one call, whether it accepts a key that isn't stored yet. Raises what the call raises."""
    _client(secret, Budget(fingerprints(secret)[0])).list_datasources(page=1, limit=1)


def check_stored(key: ApiKey) -> None:
    """Asks Claro, with one call, about a stored key, a refused one too; its new state is noted. Raises ClaroError."""
    with client(key, Lane.PERSON, even_if_refused=True) as claro:
        claro.list_datasources(page=1, limit=1)


def calls_left(key: ApiKey) -> Left | None:
    """What is left of the key's calls; None when nothing is known (no call yet, or no Redis)."""
    try:
        return Budget(key.fingerprint, key.calls_per_minute).left()
    except redis.RedisError:
        return None


def calls_per_minute(key: ApiKey) -> int:
    """The key's limit as far as it is known."""
    return key.calls_per_minute or settings.CLARO_CALLS_PER_MINUTE


def history(key: ApiKey) -> list[Minute]:
    """The key's calls of the last hour; empty without Redis."""
    try:
        return Budget(key.fingerprint).history()
    except redis.RedisError:
        return []


def _client(secret: str, budget: Budget) -> ClaroClient:
    return ClaroClient(
        secret, settings.CLARO_API_BASE_URL, session=_session(), meter=budget, deadline_s=DEADLINE_S, max_wait_s=0
    )


@lru_cache(maxsize=1)
def _session() -> requests.Session:
    """One pool of kept connections a process, for all keys: the client attaches the key to each request itself."""
    return pooled_session()


def note_problem(key: ApiKey, error: ClaroError) -> None:
    """Notes why the key gets no usable answers; the pages say it until a call succeeds."""
    _write(key, {"problem": error.to_dict(), "problem_since": key.problem_since or timezone.now()})


def _note(key: ApiKey, budget: Budget, error: ClaroError | None) -> None:
    """Errors about one source (gone, a bad filter, access denied) tell that the key itself works."""
    if budget.turned_low_or_back:
        live.publish(access.people_for(key), "budget-changed")
    if isinstance(error, Unauthorized):
        _write(key, {"state": ApiKey.State.INVALID})
    elif isinstance(error, Unreachable | BadAnswer):
        note_problem(key, error)
    elif not isinstance(error, RateLimited):
        now = timezone.now()
        used = now if key.last_used_at is None or key.last_used_at < now - USED_EVERY else key.last_used_at
        limit = budget.seen.limit if budget.seen and budget.seen.limit else key.calls_per_minute
        works = {"state": ApiKey.State.VALID, "problem": None, "problem_since": None}
        _write(key, {**works, "last_used_at": used, "calls_per_minute": limit})


def _write(key: ApiKey, values: dict[str, object]) -> None:
    changed = {name: value for name, value in values.items() if getattr(key, name) != value}
    if changed:
        # The secret may have been replaced meanwhile: what the old one met says nothing about the new.
        ApiKey.objects.filter(pk=key.pk, secret=key.secret).update(**changed)
        for name, value in changed.items():
            setattr(key, name, value)
        if changed.keys() & {"state", "problem"}:
            live.publish(access.people_for(key), "keys-changed")
