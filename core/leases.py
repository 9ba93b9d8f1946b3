"""Durable work: the database stores due work, and a lease names its current worker.

If a worker dies, the broker is emptied or a message is lost, the lease expires and the row is due again. A lease is
identified by its expiry, so a worker with an older lease finds the work claimed and stops.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import redis
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

# Longer than one API call may take (gateway.DEADLINE_S): a lease renewed after each call never runs out at work.
LEASE = timedelta(seconds=20)
# Outages of our own stores are no fault of the work: the lease expires, and the next worker retries.
OUTAGES = (redis.RedisError, OperationalError, InterfaceError)


class LeaseLost(Exception):
    """Another worker has claimed the work."""


def claim_due(model: type[Model], at_most: int = 100) -> list[tuple[str, str]]:
    """Claims what is due and held by nobody, oldest first; gives the ids and leases to hand to a task.

    Several may do so at once: each passes over what another is claiming (SKIP LOCKED, where the database has it).
    """
    now = timezone.now()
    due = model.objects.filter(_free(now)).order_by("due_at")
    if not due.exists():  # mostly so; without a write lock
        return []
    until = now + LEASE
    with transaction.atomic():
        can_skip = connection.features.has_select_for_update_skip_locked
        found = list(due.select_for_update(skip_locked=can_skip).values_list("pk", flat=True)[:at_most])
        model.objects.filter(pk__in=found).update(leased_until=until)
    return [(str(pk), until.isoformat()) for pk in found]


def claim(model: type[Model], pk: object) -> str | None:
    """The lease of one piece of work, or None if it is not due or already leased. One conditional UPDATE."""
    now = timezone.now()
    until = now + LEASE
    return until.isoformat() if model.objects.filter(_free(now), pk=pk).update(leased_until=until) else None


def give_back(model: type[Model], pk: object, lease: str) -> None:
    """Undoes a claim that came to nothing: the work is due as before."""
    model.objects.filter(pk=pk, leased_until=datetime.fromisoformat(lease)).update(leased_until=None)


class Held:
    """Leased work. Every method raises LeaseLost if the lease expired and another worker has claimed the work."""

    def __init__(self, model: type[Model], pk: object, lease: str):
        self._row = model.objects.filter(pk=pk)
        self._until = datetime.fromisoformat(lease)
        self.renew()
        work = self._row.first()  # read after the lease is ours, so that it is what we go on from
        if work is None:
            raise LeaseLost
        self.work = work

    def renew(self, **changes: object) -> None:
        """Keeps the lease for another LEASE, noting progress with it."""
        until = timezone.now() + LEASE
        self._update(leased_until=until, **changes)
        self._until = until

    def finish(self, due_at: datetime | None = None, **changes: object) -> None:
        """Returns the work: done (`due_at` None), or due again at a time."""
        self._update(leased_until=None, due_at=due_at, **changes)

    def _update(self, **changes: object) -> None:
        if not self._row.filter(leased_until=self._until).update(**changes):
            raise LeaseLost
        if hasattr(self, "work"):
            for name, value in changes.items():
                setattr(self.work, name, value)


@contextmanager
def renewing(held: Held) -> Iterator[threading.Event]:
    """Keeps the lease while the block runs, however long. The event is set if it is lost; then `held` raises LeaseLost.

    The block must not renew the lease too.
    """
    done, lost = threading.Event(), threading.Event()

    def renew() -> None:
        try:
            with suppress(LeaseLost):
                while not done.wait(LEASE.total_seconds() / 4):
                    held.renew()
        finally:
            if not done.is_set():
                lost.set()
            connections.close_all()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join()


def put_off(work: QuerySet, until: datetime) -> None:
    """Postpones the due, unleased rows of `work` to `until`, so that they make no calls before."""
    work.filter(_free(timezone.now())).update(due_at=until)


def _free(now: datetime) -> Q:
    return Q(due_at__lte=now) & (Q(leased_until=None) | Q(leased_until__lte=now))
