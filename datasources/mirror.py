"""Keeps our copy of the list in step with the API: whole sweeps, and single sources as they are learnt of."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from datasources import access, gateway, leases, live, notices
from datasources.budget import Lane
from datasources.claro import (
    COMPLETED,
    FAILED,
    LIST_LIMIT_MAX,
    PROCESSING,
    AccessDenied,
    ApiError,
    ClaroClient,
    ClaroError,
    DataSource,
    DatasourceNotFound,
    InvalidParameters,
    ProcessingInProgress,
    RateLimited,
    Unauthorized,
    Unreadable,
)
from datasources.leases import Held
from datasources.models import ApiKey, Newest, Source, StatusChange, Sync, Watch
from datasources.models.notices import Topic

KNOWN = ("file_name", "content_type", "size_bytes", "status", "uploaded_at", "processed_at")

# So many pages in a row of which nothing can be read do not end a sync; no list has more pages than PAGES_MAX.
UNREADABLE_PAGES = 5
PAGES_MAX = 20_000


def wake(keys: Iterable[ApiKey], *, older_than: timedelta | None = None) -> list[Sync]:
    """Makes a sweep due for those keys whose copy is older than this; gives the syncs. Never starts a second one.

    Without `older_than` somebody asks for it, and waits.
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


@leases.work(Sync, _give_up)
def sync(held: Held) -> str:
    """Goes on with a sweep of a key's list where it stopped: one call a page of 100. Raises LeaseLost."""
    key = held.work.key
    try:
        with gateway.client(key, Lane.LINK if held.work.is_awaited else Lane.COPY) as claro:
            _sweep(held, key, claro)
            _confirm_unseen(held, key, claro)
    except ClaroError as error:
        # A refusal of the list itself, such as to a plan without API access; the others are noted with every call.
        if isinstance(error, ApiError | Unreadable) and not isinstance(error, RateLimited | Unauthorized):
            gateway.note_problem(key, error)
        held.put_back(error)
        word = "put back"
    else:
        now = timezone.now()
        held.finish(now + settings.SYNC_AT_REST, attempts=0, is_awaited=False, started_at=None, finished_at=now)
        word = "done"
    live.publish(access.people_for(key), "sources-changed")
    return word


def _sweep(held: Held, key: ApiKey, claro: ClaroClient) -> None:
    progress: Sync = held.work
    if not progress.is_running:
        held.renew(started_at=timezone.now(), next_page=1, seen=0, total=None)
    met: set = set()
    idle = 0
    while progress.next_page:
        asked_at = timezone.now()
        page = claro.list_datasources(page=progress.next_page, limit=LIST_LIMIT_MAX)
        record(key, page.sources, asked_at)
        if progress.next_page == 1:
            note_newest_page(key, asked_at)
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
        live.publish(access.people_for(key), "sources-changed")


def _confirm_unseen(held: Held, key: ApiKey, claro: ClaroClient) -> None:
    """What the sweep did not meet is gone only if the API says so: pages shift while sources come and go."""
    for source in key.sources.filter(gone_at=None, last_seen_at__lt=held.work.started_at):
        learn(source, claro)
        held.renew()


def learn(source: Source, claro: ClaroClient) -> None:
    """Reads one source again, with one call, and records what it says; a source the API denies is gone.

    An answer that can't be used for this one source leaves our copy of it as it is: others are still to be read.
    """
    asked_at = timezone.now()
    try:
        answer = claro.get_datasource(source.datasource_id)
    except DatasourceNotFound:
        mark_gone(source)
    except (AccessDenied, InvalidParameters, ProcessingInProgress, Unreadable):
        return
    else:
        record(source.key, [answer], asked_at, are_details=True)


def note_newest_page(key: ApiKey, asked_at: datetime) -> None:
    """The newest page of the key's list was read: it need not be again for a while (newest.py)."""
    if not ApiKey.objects.filter(fingerprint=key.fingerprint).exclude(pk=key.pk).exists():  # another copy of the list
        Newest.objects.filter(fingerprint=key.fingerprint).update(read_at=asked_at)


def mark_gone(source: Source) -> None:
    """Takes a source out of every list; its links go with it. An answer from before does not bring it back."""
    now = timezone.now()
    with transaction.atomic():
        Source.objects.filter(pk=source.pk, gone_at=None).update(gone_at=now, last_seen_at=now)
        source.links.all().delete()
        live.publish(access.people_for(source.key), "sources-changed", "downloads-changed", event_name(source))


def delete(source: Source, *, again: bool = False) -> bool:
    """Deletes a source at Claro, with one call; False when it was gone there already. Raises ClaroError.

    What is deleted goes from the lists of all keys that saw it; what one key does not find may be there for others,
    unless it was asked for before (`again`) and the answer got lost.
    """
    there = True
    try:
        with gateway.client(source.key, Lane.LINK) as claro:
            claro.delete_datasource(source.datasource_id)
    except DatasourceNotFound:
        there = again
    copies = Source.objects.filter(datasource_id=source.datasource_id, gone_at=None) if there else [source]
    for copy in copies:
        mark_gone(copy)
    return there


def record(
    key: ApiKey, answers: Iterable[DataSource], asked_at: datetime, *, are_details: bool = False
) -> list[Source]:
    """Writes what the API said (when asked at `asked_at`) into our copy; gives the new and the changed sources.

    An answer older than what is known is passed over, so a slow one never undoes a quick one. Lists and answers about
    single sources (`are_details`) have different fields: of either kind the newest answer is kept (Source.facts).
    """
    by_id = {answer.datasource_id: answer for answer in answers}
    with transaction.atomic():
        ApiKey.objects.select_for_update().get(pk=key.pk)  # one writer a key; SQLite has one writer anyway
        known = {source.datasource_id: source for source in key.sources.filter(datasource_id__in=by_id)}
        met = [source for source in known.values() if source.last_seen_at < asked_at]
        new = [_new(key, by_id[pk], asked_at, are_details) for pk in by_id.keys() - known.keys()]
        changed, steps, finished = [], [], []
        for source in met:
            before, had_finished = source.status, not source.is_processing
            is_changed = _copy(by_id[source.datasource_id], source, asked_at)
            if not are_details and source.extra != by_id[source.datasource_id].extra:
                source.extra, is_changed = by_id[source.datasource_id].extra, True
            if is_changed or source.gone_at:
                source.gone_at = None
                changed.append(source)
            if source.status != before:
                finished.append(source)
                if had_finished and source.is_processing:
                    source.restarted_at = asked_at
                # While it is processing once more, the API's time may still be that of the run before.
                at = None if source.is_processing else source.processed_at
                steps.append(_step(source, source.status, at, asked_at))
        Source.objects.bulk_create(new)
        Source.objects.bulk_update(changed, [*KNOWN, "extra", "changed_at", "gone_at", "restarted_at"])
        Source.objects.filter(pk__in=[source.pk for source in met]).update(last_seen_at=asked_at)
        told = changed
        if are_details:
            told = [source for source in known.values() if _keep_details(source, by_id, asked_at) or source in changed]
        StatusChange.objects.bulk_create([*steps, *(step for source in new for step in _first_steps(source))])
        if any(source.is_processing for source in [*new, *changed]):
            _wake_watch(key, asked_at)
        _tell(key, finished)
        if new or told:
            names = [event_name(source) for source in told]
            live.publish(access.people_for(key), "sources-changed", *names)
    return [*new, *told]


def _tell(key: ApiKey, changed: list[Source]) -> None:
    """What has been processed while we looked; what had been when we first met it is no news."""
    for status, topic in ((COMPLETED, Topic.PROCESSED), (FAILED, Topic.FAILED)):
        notices.tell_of(key, topic, [source for source in changed if source.status == status])


def event_name(source: Source) -> str:
    """The live event that tells a change of this one source."""
    return f"source-{source.datasource_id}"


def _new(key: ApiKey, answer: DataSource, at: datetime, are_details: bool) -> Source:
    source = Source(key=key, datasource_id=answer.datasource_id, first_seen_at=at, last_seen_at=at)
    _copy(answer, source, at)
    if are_details:
        source.details, source.details_at = answer.extra, at
    else:
        source.extra = answer.extra
    return source


def _copy(answer: DataSource, source: Source, asked_at: datetime) -> bool:
    """Takes over the fields that we know; true when one of them has changed."""
    before = [getattr(source, name) for name in KNOWN]
    for name in KNOWN:
        setattr(source, name, getattr(answer, name))
    if before == [getattr(source, name) for name in KNOWN]:
        return False
    source.changed_at = asked_at
    return True


def _keep_details(source: Source, by_id: dict, asked_at: datetime) -> bool:
    """Keeps the fields of an answer about this source alone, also where a list was newer: it has other fields.

    True when they are news.
    """
    if source.gone_at or (source.details_at and source.details_at >= asked_at):
        return False
    details = by_id[source.datasource_id].extra
    is_news = details != source.details
    source.details, source.details_at = details, asked_at
    Source.objects.filter(pk=source.pk).update(details=details, details_at=asked_at)
    return is_news


def _first_steps(source: Source) -> Iterable[StatusChange]:
    """The timeline of a source met for the first time, as far as the API's times tell it."""
    if source.uploaded_at and source.status != PROCESSING:
        yield _step(source, PROCESSING, source.uploaded_at, source.first_seen_at)
    at = source.uploaded_at if source.status == PROCESSING else source.processed_at
    yield _step(source, source.status, at, source.first_seen_at)


def _step(source: Source, status: str, at: datetime | None, seen_at: datetime) -> StatusChange:
    return StatusChange(source=source, status=status, at=at or seen_at, seen_at=seen_at)


def _wake_watch(key: ApiKey, now: datetime) -> None:
    """Something is processing: the watch looks at once, unless it was about to."""
    Watch.objects.filter(Q(due_at=None) | Q(due_at__gt=now), key=key, leased_until=None).update(due_at=now)
