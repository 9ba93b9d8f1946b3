"""The full sync: reads the whole list of a key into the mirror, page by page."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from core.leases import Held
from datasources import access, gateway, mirror
from datasources.claro import (
    LIST_LIMIT_MAX,
    ApiError,
    ClaroError,
    RateLimited,
    Unauthorized,
    Unreadable,
)
from datasources.gateway import retry
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, Sync

if TYPE_CHECKING:
    from datasources.claro.client import ClaroClient

# So many pages in a row of which nothing can be read do not end a sync; no list has more pages than PAGES_MAX.
UNREADABLE_PAGES = 5
PAGES_MAX = 20_000


def wake(keys: Iterable[ApiKey], *, older_than: timedelta | None = None) -> list[Sync]:
    """Makes a sync due for keys with a mirror older than this; returns the syncs. Never starts a second one.

    Without `older_than` a user requests it and waits.
    """
    now = timezone.now()
    old = now - (older_than or timedelta(0))
    # By what was read with the keys: mostly none is old, and a page needs no query to know it.
    keys = [key for key in keys if key.sync.finished_at is None or key.sync.finished_at <= old]
    if not keys:
        return []
    stale = Q(sync__finished_at=None) | Q(sync__finished_at__lte=old)
    keys = ApiKey.objects.filter(stale, pk__in=[key.pk for key in keys], sync__started_at=None)
    syncs = Sync.objects.filter(key__in=keys.exclude(state=ApiKey.State.INVALID))
    # One that waits out an error or the rate limit keeps its date.
    due = syncs.filter(Q(due_at=None) | Q(due_at__gt=now), attempts=0)
    found = list(due)
    if found:  # mostly not so; a page that shows the copy must not wait for a writer
        due.update(due_at=now, is_awaited=older_than is None)
    for sync in found:
        sync.due_at = now
    return found


def _give_up(held: Held, error: ClaroError) -> None:
    gateway.note_problem(held.work.key, error)
    held.finish(timezone.now() + settings.SYNC_AT_REST, attempts=0, is_awaited=False, started_at=None)


@retry.work(Sync, _give_up)
def run(held: Held) -> str:
    """Continues a full sync where it stopped: one call per page of 100. Raises LeaseLost."""
    key = held.work.key
    try:
        with gateway.client(key, Lane.LINK if held.work.is_awaited else Lane.COPY) as claro:
            _sweep(held, key, claro)
            _confirm_unseen(held, key, claro)
    except ClaroError as error:
        # A refusal of the list itself, such as to a plan without API access; the others are noted with every call.
        if isinstance(error, ApiError | Unreadable) and not isinstance(error, RateLimited | Unauthorized):
            gateway.note_problem(key, error)
        retry.put_back(held, error)
        word = "put back"
    else:
        now = timezone.now()
        held.finish(now + settings.SYNC_AT_REST, attempts=0, is_awaited=False, started_at=None, finished_at=now)
        word = "done"
    access.publish(key, "sources-changed")
    return word


def _sweep(held: Held, key: ApiKey, claro: "ClaroClient") -> None:
    progress: Sync = held.work
    if not progress.is_running:
        held.renew(started_at=timezone.now(), next_page=1, seen=0, total=None)
    met: set = set()
    idle = 0
    while progress.next_page:
        asked_at = timezone.now()
        page = claro.list_datasources(page=progress.next_page, limit=LIST_LIMIT_MAX)
        mirror.record(key, page.sources, asked_at)
        if progress.next_page == 1:
            mirror.note_newest_page(key, asked_at)
        ids = {source.datasource_id for source in page.sources}
        # A server that repeats a page would otherwise be asked for ever.
        idle = idle + 1 if ids <= met else 0
        goes_on = page.pagination.has_next and idle < (UNREADABLE_PAGES if page.unreadable else 1)
        met |= ids
        held.renew(
            next_page=progress.next_page + 1 if goes_on and progress.next_page < PAGES_MAX else 0,
            seen=progress.seen + len(ids),
            total=page.pagination.total,
            unreadable=page.unreadable + (progress.unreadable if progress.next_page > 1 else 0),
        )
        access.publish(key, "sources-changed")


def _confirm_unseen(held: Held, key: ApiKey, claro: "ClaroClient") -> None:
    """Marks missing sources deleted only after a 404, because pages shift while sources appear and disappear."""
    for source in key.sources.present().filter(last_seen_at__lt=held.work.started_at):
        mirror.learn(source, claro)
        held.renew()
