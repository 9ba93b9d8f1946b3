"""Looks up a source that the mirror lacks at Claro, once, before a page answers 404.

A lookup is one call with one key. A 404 is cached per key and id, and lookups are limited per user and per key, so
random ids cannot use up the calls. Other users' data has no influence: an id that only others know costs and shows the
same as an unknown one.
"""

import time
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from core import throttle
from core.redis import connection
from datasources import access, gateway, mirror
from datasources.claro import AccessDenied, ClaroError, DatasourceNotFound, InvalidParameters, NotNow
from datasources.gateway.budget import Lane
from datasources.keys import choice
from datasources.models import ApiKey, Source

# Where several keys may know it, this many are asked, those with the most calls left first.
KEYS = 3
# A page waits for one slow call at most: after this long the next key is left to the next request.
WAIT_S = 2.0
# Longer than one call may take (gateway.DEADLINE_S).
ASKING_S = 20
NO_S = 300
A_MINUTE_BY_USER, A_MINUTE_BY_KEY = 10, 10
ASKING, NO = b"asking", b"no"


class TooManyLookups(NotNow):
    """Too many unknown ids were requested in this minute."""

    words = "Too many unknown addresses were opened."

    def __init__(self) -> None:
        super().__init__()
        self.retry_at = timezone.now() + timedelta(seconds=60 - time.time() % 60)


class StillAsking(NotNow):
    """Claro is being asked whether the source exists."""

    words = "The dashboard is asking Claro for this file."

    def __init__(self) -> None:
        super().__init__()
        self.retry_at = timezone.now() + timedelta(seconds=WAIT_S)


def find(user: User, datasource_id: UUID, key_id: UUID | None = None) -> bool:
    """True if Claro has the source for a key of this user (or the requested key); the mirror then has it too.

    Raises ClaroError if that is unknown: no calls left, no answer, too many lookups.
    """
    began, problem = time.monotonic(), None
    for key in _keys(user, datasource_id, key_id):
        if time.monotonic() - began > WAIT_S:
            raise StillAsking
        try:
            if _ask(user, key, datasource_id):
                return True
        except ClaroError as error:
            problem = problem or error
    if problem:
        raise problem
    return False


def _keys(user: User, datasource_id: UUID, key_id: UUID | None) -> list[ApiKey]:
    """The keys to ask with, of each secret one. A source that a key has seen go is gone."""
    gone = set(Source.objects.filter(datasource_id=datasource_id).values_list("key__fingerprint", flat=True))
    keys = choice.best_first(user, [key for key in access.list_keys(user) if key_id in (None, key.pk)])
    candidates = {key.fingerprint: key for key in reversed(keys) if key.fingerprint not in gone}
    return [key for key in keys if candidates.get(key.fingerprint) is key and not _is_known(key, datasource_id)][:KEYS]


def _is_known(key: ApiKey, datasource_id: UUID) -> bool:
    """True if Claro answered 404 for this lately."""
    return connection().get(_name(key, datasource_id)) == NO


def _ask(user: User, key: ApiKey, datasource_id: UUID) -> bool:
    """One call, for all who look the same id up at the same time."""
    name = _name(key, datasource_id)
    if not connection().set(name, ASKING, nx=True, ex=ASKING_S):
        return _wait(key, datasource_id)
    try:
        is_there = _call(user, key, datasource_id)
    except BaseException:
        connection().delete(name)
        raise
    if is_there:
        connection().delete(name)
    else:
        connection().set(name, NO, ex=NO_S)
    return is_there


def _call(user: User, key: ApiKey, datasource_id: UUID) -> bool:
    is_held_up = throttle.is_held_up("lookup-user", str(user.pk), A_MINUTE_BY_USER)
    if is_held_up or throttle.is_held_up("lookup-key", key.fingerprint, A_MINUTE_BY_KEY):
        raise TooManyLookups
    asked_at = timezone.now()
    try:
        with gateway.client(key, Lane.PERSON, user.pk) as claro:
            answer = claro.get_datasource(datasource_id)
    except (DatasourceNotFound, AccessDenied, InvalidParameters):
        return False
    if answer.datasource_id != datasource_id:
        return False
    mirror.record(key, [answer], asked_at, are_details=True)
    return True


def _wait(key: ApiKey, datasource_id: UUID) -> bool:
    """The outcome of another request's call. Raises StillAsking."""
    ends_at = time.monotonic() + WAIT_S
    while (state := connection().get(_name(key, datasource_id))) == ASKING:
        if time.monotonic() > ends_at:
            raise StillAsking
        time.sleep(0.05)
    if state is None and not key.sources.present().filter(datasource_id=datasource_id).exists():
        raise StillAsking  # the call came to nothing
    return state is None


def _name(key: ApiKey, datasource_id: UUID) -> str:
    return f"claro:lookup:{key.fingerprint}:{datasource_id}"
