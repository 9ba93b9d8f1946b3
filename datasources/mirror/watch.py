"""Polls processing sources: one call a poll for each key, and more only where something has finished.

The list of those that process comes newest first: its first page names whoever is new. It also says how many there are:
what our copy holds beyond that number has finished, and is found on the pages of finished ones. So who still processes
need not be read. A status that we don't know is in no such list: these sources are read from pages of the whole list,
which replace the list of processing ones where the newest page has them all. What the number hides (one that was
finished processes again just as another finishes) comes out with the next difference, or the next sweep of the whole
list.

Where the API doesn't give the number, where its list is in another order, or where it is cheaper, all that process are
read, a page for each 100. Who was not met is then known by name: found on pages of finished ones, or with a call each.
"""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone

from core import live
from core.leases import Held
from datasources import access, gateway, mirror
from datasources.claro import COMPLETED, FAILED, LIST_LIMIT_MAX, PROCESSING, ClaroError, DataSourcePage
from datasources.gateway import retry
from datasources.gateway.budget import Lane
from datasources.mirror import deliveries, sync
from datasources.models import ApiKey, Source, Watch

if TYPE_CHECKING:
    from datasources.claro.client import ClaroClient

# The time since the latest upload, first sight or restart of a processing source, and the time between two polls while
# a user has a page open.
CADENCE = (
    (timedelta(minutes=2), timedelta(seconds=3)),
    (timedelta(minutes=10), timedelta(seconds=10)),
    (timedelta(hours=1), timedelta(seconds=30)),
    (timedelta(hours=6), timedelta(minutes=2)),
)
SLOWEST = timedelta(minutes=10)
# No user has a page open: this much slower, and not below this.
UNSEEN = 10
UNSEEN_LEAST = timedelta(minutes=1)
# Webhooks arrive, and polling is the safety net: this much slower, and not below this.
TOLD = 20
TOLD_LEAST = timedelta(minutes=1)
# The more calls a poll took, the later the next one, so that polling takes this share of a key's calls.
SHARE = 0.2
# The value of `reads` for pages of the whole list.
ANY = "any"
# Sources with an unknown status that lie further back are read one by one.
DEPTH = 10_000
# How long the API's count stays valid. An interrupted poll leaves the rest to the next one: pages have shifted, and
# more has finished.
HOLDS = timedelta(seconds=20)


def _give_up(held: Held, error: ClaroError) -> None:
    gateway.note_problem(held.work.key, error)
    held.finish(timezone.now() + SLOWEST, attempts=0, started_at=None)


@retry.work(Watch, _give_up)
def poll(held: Held) -> str:
    """One poll of a key's processing sources, or the rest of an interrupted one. Raises LeaseLost."""
    watch: Watch = held.work
    try:
        with gateway.client(watch.key, Lane.WATCH) as claro:
            if watch.started_at is None:
                held.renew(started_at=timezone.now(), reads=_first_list(watch.key), next_page=1, still=None, calls=0)
            while watch.reads:
                _read_page(held, claro)
            _read_unknown_together(held, claro)
            for source in _left(watch):
                mirror.learn(source, claro)
                held.renew(calls=watch.calls + 1)
    except ClaroError as error:
        retry.put_back(held, error)
        return "put back"
    now = timezone.now()
    went_by_number = watch.still is not None and not _missing(watch)
    counted_at = watch.started_at if went_by_number else watch.counted_at
    people = access.people_for(watch.key)
    is_seen = live.is_present(people)
    due_at = next_poll(watch.key, now, is_seen=is_seen)
    held.finish(due_at, attempts=0, started_at=None, checked_at=now, counted_at=counted_at)
    if not is_seen and live.is_present(people):
        bring_forward([watch.key])  # a page that was opened meanwhile found nothing to bring forward
    live.publish(people, "watch-checked")
    return "done"


def bring_forward(keys: Iterable[ApiKey]) -> None:
    """Brings polls forward that were put off because no user had a page open."""
    now = timezone.now()
    for watch in Watch.objects.filter(key__in=keys, due_at__gt=now, started_at=None).select_related("key"):
        due_at = next_poll(watch.key, watch.checked_at or now, is_seen=True)
        if due_at and due_at < watch.due_at:
            Watch.objects.filter(pk=watch.pk, leased_until=None).update(due_at=max(due_at, now))


def next_poll(key: ApiKey, now: datetime, *, is_seen: bool | None = None) -> datetime | None:
    """When the key is polled again: soon for fresh sources, later for old ones, never when nothing is processing."""
    found = key.sources.processing().aggregate(
        uploaded=Max("uploaded_at", filter=Q(uploaded_at__lte=now)),  # not by an upload that lies ahead
        met=Max("first_seen_at"),
        restarted=Max("restarted_at"),
    )
    if not found["met"]:
        return None
    if is_seen is None:
        is_seen = live.is_present(access.people_for(key))
    youngest = max(at for at in found.values() if at)
    after = pause(now - youngest, is_seen=is_seen, is_told=deliveries.keep_up(key))
    after = max(after, timedelta(minutes=1) * key.watch.calls / (gateway.calls_per_minute(key) * SHARE))
    return now + after * random.uniform(0.9, 1.1)  # noqa: S311 - spreads polls, guards nothing


def pause(age: timedelta, *, is_seen: bool = True, is_told: bool = False) -> timedelta:
    """The time between two polls of sources of this age."""
    after = next((pause for limit, pause in CADENCE if age < limit), SLOWEST)
    if not is_seen:
        after = max(after * UNSEEN, UNSEEN_LEAST)
    if is_told:
        after = max(after * TOLD, TOLD_LEAST)
    return min(after, SLOWEST)


def _unmet(watch: Watch) -> QuerySet[Source]:
    """Sources that our copy holds as processing and this poll has not met."""
    return watch.key.sources.processing().filter(status=PROCESSING, last_seen_at__lt=watch.started_at)


def _unknown(key: ApiKey, seen_before: datetime) -> list[Source]:
    """Sources with a status that we don't know, each as often as its age demands: no list and no number has them."""
    unmet = key.sources.processing().exclude(status=PROCESSING).filter(last_seen_at__lt=seen_before)
    return [source for source in unmet if not _is_at_rest(source, seen_before)]


def _is_at_rest(source: Source, now: datetime) -> bool:
    times = (source.uploaded_at, source.first_seen_at, source.restarted_at)
    after = pause(now - max((at for at in times if at and at <= now), default=source.first_seen_at))
    return after > CADENCE[0][1] and source.last_seen_at > now - after * 0.9


def _left(watch: Watch) -> list[Source]:
    """Sources to be read one by one in the end."""
    return [*(_unmet(watch) if watch.still is None else ()), *_unknown(watch.key, watch.started_at)]


def _first_list(key: ApiKey) -> str:
    """The list that a poll begins with: of all sources where its newest page has all that are to be read."""
    now = timezone.now()
    unknown = {source.pk for source in _unknown(key, now)}
    if not unknown:
        return PROCESSING
    wanted = unknown.union(key.sources.processing().filter(status=PROCESSING).values_list("pk", flat=True))
    return ANY if wanted.issubset(_newest_first(key)[:LIST_LIMIT_MAX]) else PROCESSING


def _newest_first(key: ApiKey) -> QuerySet[Source, int]:
    """The ids of our rows, in the order that Claro's list has as far as we know."""
    dated = key.sources.present().filter(uploaded_at__isnull=False)
    return dated.order_by("-uploaded_at", "-datasource_id").values_list("pk", flat=True)


def _read_unknown_together(held: Held, claro: "ClaroClient") -> None:
    """Pages of the whole list, instead of a call for each source, where several are expected on one."""
    watch: Watch = held.work
    unknown = {source.pk for source in _unknown(watch.key, watch.started_at)}
    if len(unknown) < 2:
        return
    places = enumerate(_newest_first(watch.key)[:DEPTH])
    expected = Counter(place // LIST_LIMIT_MAX for place, pk in places if pk in unknown)
    for number, count in sorted(expected.items()):
        if count > 1:
            asked_at = timezone.now()
            page = claro.list_datasources(number + 1, LIST_LIMIT_MAX)
            mirror.record(watch.key, page.sources, asked_at)
            if number == 0:
                mirror.note_newest_page(watch.key, asked_at)
            held.renew(calls=watch.calls + 1)
            if not _is_newest_first(page):
                break


def _missing(watch: Watch) -> int:
    """How many are known to have finished, or to be gone, and are yet to be found."""
    return _unmet(watch).count() if watch.still is None else max(_counted(watch) - watch.still, 0)


def _counted(watch: Watch) -> int:
    return watch.key.sources.processing().filter(status=PROCESSING).count()


def _read_page(held: Held, claro: "ClaroClient") -> None:
    """One call of the poll under way, and what the next one reads."""
    watch: Watch = held.work
    asked_at = timezone.now()
    page = claro.list_datasources(watch.next_page, LIST_LIMIT_MAX, None if watch.reads == ANY else watch.reads)
    known = watch.key.sources.filter(datasource_id__in=[source.datasource_id for source in page.sources])
    # A server that repeats a page would otherwise be asked for ever.
    brings_new = known.filter(last_seen_at__gte=watch.started_at).count() < len(page.sources)
    is_unreadable = page.unreadable and not page.sources and watch.next_page <= sync.UNREADABLE_PAGES
    goes_on = page.pagination.has_next and (brings_new or is_unreadable)
    # Some of it was known before, so that the newest first means that everything new was on it.
    has_all_new, missing = known.exists() and _is_newest_first(page), _missing(watch)
    mirror.record(watch.key, page.sources, asked_at)
    if watch.reads == ANY:
        mirror.note_newest_page(watch.key, asked_at)
        then = {"reads": "" if has_all_new else PROCESSING, "next_page": 1}
    elif watch.reads == PROCESSING:
        then = _after_processing(watch, page, goes_on, is_enough=has_all_new and watch.next_page == 1)
    else:
        then = _after_finished(watch, page, goes_on, taught=_missing(watch) < missing)
    held.renew(calls=watch.calls + 1, **then)


def _after_processing(watch: Watch, page: DataSourcePage, goes_on: bool, *, is_enough: bool) -> dict[str, object]:
    """Pages of finished ones where the number tells enough, else on to the next; by name where all were read."""
    total = page.pagination.total
    if goes_on and is_enough and total is not None:
        missing = _counted(watch) - total
        if missing == 0:
            return {"still": total, "reads": ""}
        # One page more, because some may have failed.
        if missing > 0 and _pages(watch, missing) + 1 < _rest(total) + missing:
            return {"still": total, "reads": COMPLETED, "next_page": 1}
    if goes_on:
        return {"next_page": watch.next_page + 1}
    missing = _missing(watch)
    return {"reads": COMPLETED if _pages(watch, missing) + 1 < missing else "", "next_page": 1}


def _after_finished(watch: Watch, page: DataSourcePage, goes_on: bool, *, taught: bool) -> dict[str, object]:
    """On, while that is cheaper than what would tell the missing ones otherwise."""
    missing = _missing(watch)
    if not missing:
        return {"reads": ""}
    if _is_newest_first(page):
        goes_on = goes_on and 0 < _pages(watch, missing) - watch.next_page < _rest(watch.still) + missing
    else:
        goes_on = goes_on and (taught or (page.pagination.total_pages or 0) - watch.next_page < missing)
    if goes_on:
        return {"next_page": watch.next_page + 1}
    if watch.reads == COMPLETED:
        return {"reads": FAILED, "next_page": 1}
    if watch.still is None or timezone.now() > watch.started_at + HOLDS:
        return {"reads": ""}
    return {"reads": PROCESSING, "next_page": 2, "still": None}  # some are gone: which, only names tell


def _is_newest_first(page: DataSourcePage) -> bool:
    """The order of the list is not documented (docs/claro-api.md, data sources)."""
    uploaded = [source.uploaded_at for source in page.sources]
    return None not in uploaded and uploaded == sorted(uploaded, reverse=True)


def _pages(watch: Watch, missing: int) -> int:
    """Pages of finished ones, the newest first, down to the oldest that may be among them."""
    oldest = _unmet(watch).aggregate(at=Min("uploaded_at"))["at"]
    finished = watch.key.sources.finished()
    if oldest:
        finished = finished.filter(uploaded_at__gte=oldest)
    return -(-(finished.count() + missing) // LIST_LIMIT_MAX)


def _rest(still: int | None) -> int:
    """Pages of those that process, after the first."""
    return -(-(still or 1) // LIST_LIMIT_MAX) - 1
