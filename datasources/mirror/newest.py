"""Shows new files on an open list: the newest page of each key's list is read every minute while a user views it.

At most one call a minute per key, however many users view the list or store the key. No call without viewers, and none
within a minute after a sync or a poll (watch.py) has read that page.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from django.db.models import CharField
from django.utils import timezone

from core import live
from core.leases import Held
from core.queries import Prepared, Slot
from datasources import access, gateway, mirror
from datasources.claro import LIST_LIMIT_MAX, ClaroError
from datasources.gateway import retry
from datasources.gateway.budget import Lane
from datasources.mirror import sync
from datasources.models import ApiKey, Newest, Source

EVERY = timedelta(minutes=1)


def wake(keys: Sequence[ApiKey]) -> list[Newest]:
    """Makes the newest page of these keys due (with `sync`) while a user looks; gives those that are due now.

    Each key gets its row as `newest`.
    """
    now = timezone.now()
    accepted = {key.fingerprint: key for key in keys if key.state != ApiKey.State.INVALID}
    known = _known(keys)
    missing = [Newest(fingerprint=one) for one in accepted.keys() - known.keys()]
    if missing:
        Newest.objects.bulk_create(missing, ignore_conflicts=True)
        known = _known(keys)
    due = []
    for fingerprint, key in accepted.items():
        row = known.get(fingerprint)
        if row and row.due_at is None:
            row.due_at = max(_last_read(row, key, now) + EVERY, now)
            Newest.objects.filter(pk=row.pk, due_at=None).update(due_at=row.due_at)
            if row.due_at == now:
                due.append(row)
    for key in keys:
        key.newest = known.get(key.fingerprint)
    return due


def _give_up(held: Held, error: ClaroError) -> None:
    """Ends the work; the next user who opens the list starts it again."""
    for key in ApiKey.objects.filter(fingerprint=held.work.fingerprint):
        gateway.note_problem(key, error)
    held.finish(None, attempts=0)


@retry.work(Newest, _give_up)
def read(held: Held) -> str:
    """Reads the newest page of a key's list, with one call, where a user looks. Raises LeaseLost."""
    row: Newest = held.work
    keys = list(ApiKey.objects.filter(fingerprint=row.fingerprint).exclude(state=ApiKey.State.INVALID))
    people = {user_id for key in keys for user_id in access.people_for(key)}
    now = timezone.now()
    if not live.is_present(people):
        held.finish(None)
        return "nobody looks"
    if row.read_at and now < row.read_at + EVERY:
        held.finish(row.read_at + EVERY)
        return "just read"
    try:
        with gateway.client(keys[0], Lane.WATCH) as claro:
            page = claro.list_datasources(1, LIST_LIMIT_MAX)
    except ClaroError as error:
        retry.put_back(held, error)
        return "put back"
    ids = [source.datasource_id for source in page.sources]
    changed = []
    for key in keys:
        has_more_new = page.pagination.has_next and not Source.objects.filter(key=key, datasource_id__in=ids).exists()
        changed += mirror.record(key, page.sources, now)
        if has_more_new:  # more files than fit on the page are new
            sync.wake([key], older_than=EVERY)
    held.finish(now + EVERY, attempts=0, read_at=now)
    if not changed:  # otherwise `record` has published an event
        live.publish(people, "list-checked")
    return "done"


def tidy() -> None:
    """Forgets keys that are not stored any more."""
    Newest.objects.exclude(fingerprint__in=ApiKey.objects.values("fingerprint")).delete()


def _known(keys: Iterable[ApiKey]) -> dict[str, Newest]:
    """The rows of these keys, by fingerprint. One query, none for no key."""
    values = {f"list{place}": one for place, one in enumerate({key.fingerprint for key in keys})}
    return {row.fingerprint: row for row in _rows(len(values)).objects(**values)} if values else {}


@lru_cache(maxsize=64)
def _rows(lists: int) -> Prepared:
    fingerprints = [Slot(f"list{place}", CharField()) for place in range(lists)]
    return Prepared(lambda: Newest.objects.filter(fingerprint__in=fingerprints))


def _last_read(row: Newest, key: ApiKey, now: datetime) -> datetime:
    """The last read of the newest page; a sync that is about to start reads it first."""
    if key.sync.is_under_way or not key.sync.finished_at:
        return now
    return row.read_at or key.sync.finished_at
