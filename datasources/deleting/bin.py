"""The bin: a delete is final at Claro, so deleted sources wait here and can be restored.

A source is in the bin for all users, through any key, and is not listed. Its own pages and links work until it is
deleted, so nobody is interrupted. A source that Claro refuses to delete is listed again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from accounts.roles import Action, may
from core import leases, live
from core.leases import Held
from core.queries import Prepared, Slot
from datasources import access, mirror
from datasources.activity import log
from datasources.activity.words import What
from datasources.claro import ClaroError, NotNow
from datasources.deleting import viewers
from datasources.gateway import retry
from datasources.gateway.breaker import is_failure
from datasources.models import ApiKey, Deletion, DownloadLink, SavedView, Source

State = Deletion.State
FORGET_AFTER = timedelta(days=7)
# What can still be kept: Claro has not been asked, or gave no usable answer and is not being asked again right now.
FREE = ~Q(state=State.ASKED) | Q(leased_until=None)


@dataclass(frozen=True)
class Dependents:
    """The objects that a delete affects: users who opened the sources this month, working links, saved views."""

    people: list[dict[str, object]]
    others: int
    links: int
    shares: int
    views: int


@dataclass(frozen=True)
class Batch:
    """Sources that were put into the bin together, as one line shows them."""

    id: UUID
    count: int
    name: str
    due_at: datetime | None
    failed: int
    role: int

    @property
    def waits_until(self) -> datetime | None:
        return self.due_at if self.due_at and self.due_at > timezone.now() else None

    @property
    def may_keep(self) -> bool:
        return may(self.role, Action.SHARE)


def put(sources: Iterable[Source], user: User, *, now: bool = False) -> None:
    """Puts sources into the bin as one batch, to be deleted when their time is up or `now`; what is there stays."""
    batch, at = uuid4(), timezone.now()
    by_id = {source.datasource_id: source for source in sources}
    what = {"batch": batch, "asked_by": user, "due_at": at if now else at + settings.BIN_TIME}
    with transaction.atomic():
        Deletion.objects.filter(datasource_id__in=by_id, state=State.FAILED).delete()
        new = [Deletion(datasource_id=pk, source=source, **what) for pk, source in by_id.items()]
        Deletion.objects.bulk_create(new, ignore_conflicts=True)
        ids = Deletion.objects.filter(batch=batch).values_list("datasource_id", flat=True)
        there = [by_id[pk] for pk in ids]
        log.record_each(What.SOURCE_DELETED, user, there, when="now" if now else "later")
        _tell(by_id)


def keep(deletions: Iterable[Deletion], user: User) -> tuple[list[Deletion], list[Deletion]]:
    """Takes these out of the bin; gives those that were kept, and those for which it is too late."""
    deletions = list(deletions)
    with transaction.atomic():
        # Against a worker that takes one right now: exactly one of the two finds the row as it needs it.
        free = Deletion.objects.select_for_update().filter(FREE, pk__in=[one.pk for one in deletions])
        kept_ids = set(free.values_list("pk", flat=True))
        Deletion.objects.filter(pk__in=kept_ids).delete()
        kept = [one for one in deletions if one.pk in kept_ids]
        log.record_each(What.SOURCE_RESTORED, user, [one.source for one in kept])
        _tell(one.datasource_id for one in kept)
    return kept, [one for one in deletions if one.pk not in kept_ids]


def hurry(deletions: Iterable[Deletion], user: User) -> None:
    """Makes these due now: Claro is asked, or asked again."""
    deletions = list(deletions)
    with transaction.atomic():
        free = Deletion.objects.filter(FREE, pk__in=[one.pk for one in deletions])
        free.filter(state=State.FAILED).update(state=State.WAITING)
        free.update(due_at=timezone.now(), attempts=0, problem=None)
        log.record_each(What.SOURCE_DELETED, user, [one.source for one in deletions], when="now")
        _tell(one.datasource_id for one in deletions)


def _give_up(held: Held, error: ClaroError) -> None:
    deletion: Deletion = held.work
    with transaction.atomic():
        held.finish(state=State.FAILED, problem=error.to_dict())
        log.record(What.SOURCE_NOT_DELETED, deletion.asked_by, source=deletion.source, why=error.user_message)
        _tell([deletion.datasource_id])


@retry.work(Deletion, _give_up)
def empty(held: Held) -> str:
    """Deletes one due source at Claro, with one call. Raises LeaseLost.

    If a worker dies after the call, the next one gets a 404 and counts that as success.
    """
    deletion: Deletion = held.work
    before = deletion.state
    held.renew(state=State.ASKED)
    try:
        there = mirror.delete(deletion.source, again=before == State.ASKED)
    except ClaroError as error:
        return _not_deleted(held, before, error)
    with transaction.atomic():
        held.finish()
        deletion.delete()
        log.record(What.SOURCE_DELETE_DONE, deletion.asked_by, source=deletion.source, was_there=there)
        _tell([deletion.datasource_id])
    return "done"


def outside(sources: QuerySet[Source]) -> QuerySet[Source]:
    """Those that are not in the bin."""
    return sources.exclude(datasource_id__in=_inside().values("datasource_id"))


def inside(key_ids: Sequence[UUID | Slot]) -> QuerySet[Source]:
    """The sources of these keys that are in the bin, found by their ids."""
    sources = Source.objects.present().filter(datasource_id__in=_inside().values("datasource_id"))
    # Not by the key itself: SQLite would take an index of the key, and visit all its sources.
    return sources.alias(behind=Coalesce("key_id", "key_id")).filter(behind__in=key_ids)


def is_in_use() -> bool:
    """Whether anything is in the bin. It is mostly empty, and a database counts faster that doesn't have to look."""
    return bool(_IS_IN_USE.rows())


def holding(source: Source) -> Deletion | None:
    """The source's place in the bin; none where Claro has refused to delete it."""
    return Deletion.objects.filter(datasource_id=source.datasource_id).exclude(state=State.FAILED).first()


def batches(user: User) -> list[Batch]:
    """The bin as the user sees it, one entry per batch, the next due first. One query."""
    return [Batch(*row) for row in _BATCHES.rows(reader=user.pk)]


def dependents(sources: Iterable[Source], user: User) -> Dependents:
    """The objects that depend on these sources, through any key."""
    ids = [source.datasource_id for source in sources]
    people, others = viewers.by_whom(ids, user)
    alive = DownloadLink.objects.alive().filter(source__datasource_id__in=ids)
    shared = access.shares_that_work().filter(sources__datasource_id__in=ids).distinct()
    views = SavedView.objects.filter(datasource_id__in=ids)
    return Dependents(people, others, alive.count(), shared.count(), views.count())


def tidy() -> None:
    """Forgets what Claro refused to delete and nobody has decided about: it is in the lists."""
    Deletion.objects.filter(state=State.FAILED, asked_at__lt=timezone.now() - FORGET_AFTER).delete()


def _inside() -> QuerySet[Deletion]:
    return Deletion.objects.exclude(state=State.FAILED)


def _batches() -> QuerySet:
    what = {
        "count": Count("pk"),
        "name": Min("source__file_name"),
        "due": Min("due_at"),
        "failed": Count("pk", filter=Q(state=State.FAILED)),
        "best": Max("role"),
    }
    found = access.deletions_for(access.READER).values("batch").annotate(**what).order_by("due", "batch")
    return found.values_list("batch", *what)


_BATCHES = Prepared(_batches)
_IS_IN_USE = Prepared(lambda: _inside().values_list("pk")[:1])


def _not_deleted(held: Held, before: str, error: ClaroError) -> str:
    """Postpones the delete at a limit or without an answer; a refusal by Claro waits for a user's decision."""
    deletion, problem = held.work, error.to_dict()
    with transaction.atomic():
        if isinstance(error, NotNow):  # Claro was not asked
            retry.put_back(held, error, state=before, problem=problem)
            leases.put_off(Deletion.objects.filter(source__key=deletion.source.key_id), error.retry_at)
        elif is_failure(error):
            retry.put_back(held, error, problem=problem)
        else:
            _give_up(held, error)
        _tell([deletion.datasource_id])
    return deletion.state


def _tell(datasource_ids: Iterable[UUID]) -> None:
    keys = ApiKey.objects.filter(sources__datasource_id__in=list(datasource_ids)).distinct()
    people = {user_id for key in keys for user_id in access.people_for(key)}
    live.publish(people, "bin-changed", "sources-changed")
