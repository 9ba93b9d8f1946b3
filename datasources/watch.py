"""Looks after processing sources: one sweep a key, then only what left the sweep is read again."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count, Max, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from datasources import access, gateway, hints, live, mirror
from datasources.budget import Lane
from datasources.claro import COMPLETED, FAILED, LIST_LIMIT_MAX, PROCESSING, ClaroClient, ClaroError, DataSourcePage
from datasources.leases import Held
from datasources.models import ApiKey, Source, Watch

# The age of the youngest processing source, and how long after a look the next one follows while somebody looks.
CADENCE = (
    (timedelta(minutes=2), timedelta(seconds=3)),
    (timedelta(minutes=10), timedelta(seconds=10)),
    (timedelta(hours=1), timedelta(seconds=30)),
    (timedelta(hours=6), timedelta(minutes=2)),
)
SLOWEST = timedelta(minutes=10)
# Nobody looks: this much slower, and not below this.
UNSEEN = 10
UNSEEN_LEAST = timedelta(minutes=1)
# Claro tells us by itself, and looking is the safety net: this much slower, and not below this.
TOLD = 20
TOLD_LEAST = timedelta(minutes=1)
# A look costs a call for 100 sources: the more there are, the rarer, so that looking takes this share of the calls.
SHARE = 0.2
# From so many missing ones on, pages of finished ones are cheaper than a call for each.
READ_TOGETHER = 3


def look(watch_id: str, lease: str) -> str:
    """One look at a key's processing sources, or its rest where it was cut. Raises LeaseLost."""
    held = Held(Watch, watch_id, lease)
    key = held.work.key
    try:
        with gateway.client(key, Lane.WATCH) as claro:
            _sweep(held, key, claro)
            _read_what_left(held, key, claro)
    except ClaroError as error:
        held.put_back(error)
        return "put back"
    now = timezone.now()
    held.finish(next_look(key, now), attempts=0, started_at=None, checked_at=now)
    live.publish(access.people_for(key), "watch-checked")
    return "done"


def somebody_looks(keys: Iterable[ApiKey]) -> None:
    """Brings looks forward that were put off because nobody looked: pages were opened."""
    now = timezone.now()
    for watch in Watch.objects.filter(key__in=keys, due_at__gt=now, started_at=None).select_related("key"):
        due_at = next_look(watch.key, watch.checked_at or now, is_seen=True)
        if due_at and due_at < watch.due_at:
            Watch.objects.filter(pk=watch.pk, leased_until=None).update(due_at=max(due_at, now))


def next_look(key: ApiKey, now: datetime, *, is_seen: bool | None = None) -> datetime | None:
    """When the key is looked at again: soon for fresh sources, later for old ones, never when nothing is processing."""
    found = processing(key).aggregate(n=Count("pk"), youngest=Max(Coalesce("uploaded_at", "first_seen_at")))
    if not found["n"]:
        return None
    if is_seen is None:
        is_seen = live.is_present(access.people_for(key))
    after = pause(now - found["youngest"], is_seen=is_seen, is_told=hints.keep_up(key))
    pages = -(-found["n"] // LIST_LIMIT_MAX)
    after = max(after, timedelta(minutes=1) * pages / (gateway.calls_per_minute(key) * SHARE))
    return now + after * random.uniform(0.9, 1.1)  # noqa: S311 - spreads looks, guards nothing


def pause(age: timedelta, *, is_seen: bool = True, is_told: bool = False) -> timedelta:
    """The time between two looks at sources of this age."""
    after = next((pause for limit, pause in CADENCE if age < limit), SLOWEST)
    if not is_seen:
        after = max(after * UNSEEN, UNSEEN_LEAST)
    if is_told:
        after = max(after * TOLD, TOLD_LEAST)
    return min(after, SLOWEST)


def processing(key: ApiKey) -> QuerySet[Source]:
    """What our copy holds as processing; a status that we don't know counts (claro-api.md, data sources)."""
    return key.sources.filter(gone_at=None).exclude(status__in=[COMPLETED, FAILED])


def _sweep(held: Held, key: ApiKey, claro: ClaroClient) -> None:
    progress: Watch = held.work
    if progress.started_at is None:
        held.renew(started_at=timezone.now(), next_page=1)
    while progress.next_page:
        met = key.sources.filter(last_seen_at__gte=progress.started_at)
        met_before = set(met.values_list("datasource_id", flat=True))
        got = _read_page(held, key, claro, PROCESSING, progress.next_page)
        # A server that repeats a page would otherwise be asked for ever.
        is_new = any(source.datasource_id not in met_before for source in got.sources)
        held.renew(next_page=progress.next_page + 1 if got.pagination.has_next and is_new else 0)


def _read_what_left(held: Held, key: ApiKey, claro: ClaroClient) -> None:
    """What the sweep did not meet has finished or is gone: learnt from pages of finished ones, or one by one."""
    left = processing(key).filter(last_seen_at__lt=held.work.started_at)
    for status in (COMPLETED, FAILED):
        page, missing, goes_on = 1, left.count(), True
        while goes_on and missing >= READ_TOGETHER:
            pages = _read_page(held, key, claro, status, page).pagination
            before, missing = missing, left.count()
            # The order of the list is not documented: on, while pages teach something or are fewer than the missing.
            goes_on = pages.has_next and (missing < before or (pages.total_pages or page) - page < missing)
            page += 1
    for source in left:
        mirror.learn(source, claro)
        held.renew()


def _read_page(held: Held, key: ApiKey, claro: ClaroClient, status: str, page: int) -> DataSourcePage:
    asked_at = timezone.now()
    got = claro.list_datasources(page, LIST_LIMIT_MAX, status)
    mirror.record(key, got.sources, asked_at)
    held.renew()
    return got
