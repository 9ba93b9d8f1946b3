"""The only door to the API: opens a stored key's secret, takes each call from its budget, reports what comes back.

While Claro does not answer a key, its calls are not made (breaker.py).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

import redis
from django.conf import settings
from django.utils import timezone

from core import outgoing
from core.slots import Slots
from core.vault import SecretUnreadable, fingerprints
from datasources.claro import LIST_LIMIT_MAX, ClaroError, NotNow, RateLimit, Unauthorized, uploads
from datasources.claro.client import ClaroClient, Meter
from datasources.gateway.breaker import Breaker, CircuitOpen, is_failure
from datasources.gateway.budget import HISTORY_MINUTES, Budget, Lane, Left, Minute
from datasources.gateway.signals import answered, budget_turned, failed, refused
from datasources.models import ApiKey, Refusal

# One API call at most, retries included; leases and locks elsewhere are longer than this.
DEADLINE_S = 15.0
# Larger answers are refused while they arrive: reading rows from one takes several times its memory.
MAX_ANSWER_BYTES = 12 * 2**20
# A key that was refused once is asked again after this long, before it counts as refused (keys/refusals.py).
CONFIRM_AFTER = timedelta(seconds=3)
# The work that met the refusal continues when the second call has been answered.
CONFIRMED_BY = timedelta(seconds=8)
# One exchange; the client makes the deadline shorter where it tries again. Larger answers are the client's to refuse.
LIMITS = outgoing.Limits(DEADLINE_S, max_bytes=16 * 2**20)
# An upload has a pace in place of the deadline: the client gives the total by the file's size.
UPLOAD_LIMITS = outgoing.Limits(silence_s=uploads.PACE.stall_s, max_bytes=2**20)
# Of the threads of a worker (16, Procfile) one key's calls hold so many at most: a slow one leaves the rest to others.
AT_ONCE = 8
# Calls that users wait for, in one process: each has a thread. A user's own tabs come first, a shared key's users next.
AT_ONCE_OF_USER, AT_ONCE_OF_USERS_OF_KEY, AT_ONCE_OF_ALL_USERS = 8, 16, 32
# How long whoever finds them all taken stays away.
STAND_ASIDE = timedelta(seconds=2)


class KeyUnreadable(ClaroError):
    """The stored secret does not open with the dashboard's master key."""

    needs_a_person = True

    def __init__(self) -> None:
        super().__init__(
            "The stored key does not open with the configured master key.",
            user_message="This key can't be read. Its owner must paste it again on the Keys page.",
        )


class Crowded(NotNow):
    """Too many calls of this key or user are in flight; more would delay other users."""

    words = "Claro answers slowly. This request is queued."

    def __init__(self) -> None:
        super().__init__()
        self.retry_at = timezone.now() + STAND_ASIDE


class KeyRefused(Unauthorized):
    """Claro has refused this key, twice: no call is made until a probe is accepted or a person replaces the key."""

    waits_for_the_key = True

    def __init__(self) -> None:
        super().__init__("Claro refused this key before; not asked again.")


class RefusalInDoubt(NotNow, Unauthorized):
    """Claro refused one call. A second one, a few seconds later, decides whether it refuses the key."""

    words = "Claro refused this call. The key is being checked again."

    def __init__(self) -> None:
        super().__init__("Refused once; the key is being checked.")
        self.retry_at = timezone.now() + CONFIRMED_BY


@contextmanager
def client(key: ApiKey, lane: Lane, person: object = "", *, silence_counts: bool = True) -> Iterator[ClaroClient]:
    """A client for a stored key. A ClaroError that leaves the block is recorded on the key first.

    `lane` and `person` determine the priority of a call (budget.py). Raises KeyUnreadable, KeyRefused without a call,
    and RefusalInDoubt for the first refusal. A call that would be rejected raises NotNow instead. `silence_counts` is
    false for uploads: a slow line breaks them while other calls are answered, and must not open the breaker.
    """
    if key.state == ApiKey.State.INVALID:
        raise KeyRefused
    try:
        with _noted(key, lane, person, silence_counts=silence_counts) as claro:
            yield claro
    except Unauthorized:
        if _is_in_doubt(key):
            raise RefusalInDoubt from None
        raise


@contextmanager
def _noted(
    key: ApiKey, lane: Lane, person: object = "", *, past_the_breaker: bool = False, silence_counts: bool = True
) -> Iterator[ClaroClient]:
    """A client for a stored key, refused or not, whose outcome is noted."""
    try:
        secret = key.unseal()
    except SecretUnreadable:
        raise KeyUnreadable from None
    budget = Budget(key.fingerprint, key.calls_per_minute, lane, person)
    limits = _limits(key.fingerprint, lane, person)
    try:
        meter = _Slot(budget, limits) if past_the_breaker else _Turn(secret, key.fingerprint, budget, limits)
        yield _client(secret, meter)
    except ClaroError as error:
        if silence_counts or not is_failure(error):
            _note(key, budget, error)
        raise
    else:
        _note(key, budget, None)


def check(secret: str, person: object) -> set[UUID]:
    """Asks Claro, with one call, whether it accepts a key that isn't stored yet. Raises what the call raises.

    Gives the ids of the sources that Claro lists first for it, up to a hundred.
    """
    fingerprint = fingerprints(secret)[0]
    slot = _Slot(Budget(fingerprint), _limits(fingerprint, Lane.PERSON, person))
    page = _client(secret, slot).list_datasources(page=1, limit=LIST_LIMIT_MAX)
    return {source.datasource_id for source in page.sources}


def check_stored(key: ApiKey) -> None:
    """Asks Claro at once, with one call, about a stored key, a refused one too. Raises ClaroError."""
    with _noted(key, Lane.PERSON, key.owner_id, past_the_breaker=True) as claro:
        claro.list_datasources(page=1, limit=1)


def probe(key: ApiKey) -> None:
    """The same for a key that Claro has refused, in its turn. Raises Unauthorized, NotNow and other ClaroErrors."""
    with _noted(key, Lane.LINK) as claro:
        claro.list_datasources(page=1, limit=1)


def calls_left(key: ApiKey) -> Left | None:
    """The remaining calls of the key; None if unknown (no call yet, or no Redis)."""
    try:
        return Budget(key.fingerprint, key.calls_per_minute).left()
    except redis.RedisError:
        return None


def calls_per_minute(key: ApiKey) -> int:
    """The key's limit as far as it is known."""
    return key.calls_per_minute or settings.CLARO_CALLS_PER_MINUTE


def history(key: ApiKey, minutes: int = HISTORY_MINUTES) -> list[Minute]:
    """The key's calls of the last hour, or of fewer minutes; empty without Redis."""
    try:
        return Budget(key.fingerprint).history(minutes)
    except redis.RedisError:
        return []


_slots = Slots()


def _limits(fingerprint: str, lane: Lane, person: object) -> dict[str, int]:
    """The names under which a call is counted, with the maximum in flight in this process."""
    key = f"key:{fingerprint}"
    if lane != Lane.PERSON:
        return {key: AT_ONCE}
    limits = {key: AT_ONCE_OF_USERS_OF_KEY, "users": AT_ONCE_OF_ALL_USERS}
    return limits | {f"user:{person}": AT_ONCE_OF_USER} if person else limits


class _Slot:
    """The meter of calls that a user insists on: each is made when there is a thread for it."""

    def __init__(self, budget: Budget, limits: Mapping[str, int]):
        self._budget, self._limits = budget, limits

    def before_call(self) -> str:
        if not _slots.take(self._limits):
            raise Crowded
        try:
            return self._begin()
        except BaseException:
            _slots.give_back(self._limits)
            raise

    def after_call(self, ticket: object, rate_limit: RateLimit | None, retry_after_s: float | None) -> None:
        _slots.give_back(self._limits)
        self._budget.after_call(ticket, rate_limit, retry_after_s)

    def _begin(self) -> str:
        return self._budget.before_call()


class _Turn(_Slot):
    """The meter of a stored key's calls: besides, the breaker must be closed, and the budget have one left."""

    def __init__(self, secret: str, name: str, budget: Budget, limits: Mapping[str, int]):
        super().__init__(budget, limits)
        self._secret, self._breaker = secret, Breaker(name)

    def _begin(self) -> str:
        if self._breaker.enter():
            self._probe()
        return super()._begin()

    def _probe(self) -> None:
        """A small question, which no filter and no source can spoil, on behalf of all who wait. Raises ClaroError."""
        try:
            _client(self._secret, self._budget, retries=0).list_datasources(page=1, limit=1)
        except ClaroError as error:
            if is_failure(error):
                raise self._breaker.probe_failed() from None
            if isinstance(error, NotNow):
                self._breaker.probe_learnt_nothing()
                raise
            self._breaker.worked()
            if isinstance(error, Unauthorized):
                raise
        except BaseException:
            self._breaker.probe_learnt_nothing()
            raise
        else:
            self._breaker.worked()


def _client(secret: str, meter: Meter, retries: int = 2) -> ClaroClient:
    return ClaroClient(
        secret,
        settings.CLARO_API_BASE_URL,
        session=_session(),
        upload_session=_upload_session(),
        upload_path=settings.CLARO_UPLOAD_PATH,
        meter=meter,
        deadline_s=DEADLINE_S,
        max_answer_bytes=MAX_ANSWER_BYTES,
        retries=retries,
        max_wait_s=0,
    )


@lru_cache(maxsize=1)
def _session() -> outgoing.Session:
    """One pool of kept connections a process, for all keys: the client attaches the key to each request itself."""
    return outgoing.Session(LIMITS)


@lru_cache(maxsize=1)
def _upload_session() -> outgoing.Session:
    return outgoing.Session(UPLOAD_LIMITS)


def note_problem(key: ApiKey, error: ClaroError) -> None:
    """Reports why the key gets no usable answers, by the signal `failed`."""
    failed.send(ApiKey, key=key, error=error)


def _note(key: ApiKey, budget: Budget, error: ClaroError | None) -> None:
    """Errors about one source (gone, a bad filter, access denied) show that the key itself works."""
    if budget.turned_low_or_back:
        budget_turned.send(ApiKey, key=key)
    if isinstance(error, NotNow):
        if isinstance(error, CircuitOpen) and not key.problem:  # met by somebody else who has the same key
            note_problem(key, error)
        return
    if not budget.has_settled:  # no call was made: nothing is known
        return
    if error and is_failure(error):
        Breaker(key.fingerprint).failed()
        note_problem(key, error)
        return
    Breaker(key.fingerprint).worked()
    if isinstance(error, Unauthorized):
        refused.send(ApiKey, key=key)
    else:
        answered.send(ApiKey, key=key, limit=budget.seen.limit if budget.seen else None)


def _is_in_doubt(key: ApiKey) -> bool:
    """True while a second call will decide whether Claro refuses the key."""
    soon = timezone.now() + CONFIRM_AFTER
    return Refusal.objects.filter(key=key, key__secret=key.secret, due_at__lte=soon).exists()
