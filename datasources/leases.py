"""Work that survives: what is due stands in the database, and a lease says who does it now.

A worker that dies, a broker that is emptied or a message that is lost leaves a lease that runs out, after which the
row is due again. The end of the lease names it: whoever comes with an older one finds the work taken and goes away.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Model, Q
from django.utils import timezone

# Longer than one API call may take (gateway.DEADLINE_S), so that a lease renewed after each call never runs out at work.
LEASE = timedelta(seconds=20)


class LeaseLost(Exception):
    """Somebody else holds the work by now."""


def claim_due(model: type[Model], at_most: int = 100) -> Iterator[tuple[str, str]]:
    """Claims what is due and held by nobody, oldest first; gives the ids and leases to hand to a task."""
    now = timezone.now()
    for pk in model.objects.filter(_free(now)).order_by("due_at").values_list("pk", flat=True)[:at_most]:
        if lease := claim(model, pk):
            yield str(pk), lease


def claim(model: type[Model], pk: object) -> str | None:
    """The lease of one piece of work, or None when it isn't due or somebody holds it. One conditional UPDATE."""
    now = timezone.now()
    until = now + LEASE
    return until.isoformat() if model.objects.filter(_free(now), pk=pk).update(leased_until=until) else None


class Held:
    """Work in hand. Every method raises LeaseLost when the lease ran out and somebody else took over."""

    def __init__(self, model: type[Model], pk: object, lease: str):
        self._row = model.objects.filter(pk=pk)
        self._until = datetime.fromisoformat(lease)
        self.renew()
        self.work = self._row.get()

    def renew(self, **changes: object) -> None:
        """Keeps the lease for another LEASE, noting progress with it."""
        until = timezone.now() + LEASE
        self._update(leased_until=until, **changes)
        self._until = until

    def finish(self, due_at: datetime | None = None, **changes: object) -> None:
        """Gives the work back: done (`due_at` None) or to go on at a time."""
        self._update(leased_until=None, due_at=due_at, **changes)

    def _update(self, **changes: object) -> None:
        if not self._row.filter(leased_until=self._until).update(**changes):
            raise LeaseLost


def _free(now: datetime) -> Q:
    return Q(due_at__lte=now) & (Q(leased_until=None) | Q(leased_until__lte=now))
