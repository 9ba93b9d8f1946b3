"""Our copy of the list: what answers of the API change in it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from datasources import access, gateway, notices
from datasources.claro import (
    COMPLETED,
    FAILED,
    PROCESSING,
    AccessDenied,
    DataSource,
    DatasourceNotFound,
    InvalidParameters,
    ProcessingInProgress,
    Unreadable,
)
from datasources.copies import store
from datasources.gateway.budget import Lane
from datasources.models import (
    ApiKey,
    ColumnChoice,
    ColumnReference,
    Favourite,
    Newest,
    Source,
    StatusChange,
    TableCopy,
    Tagging,
    Watch,
)
from datasources.models.notices import Topic
from datasources.models.sources import FoldedName

if TYPE_CHECKING:
    from datasources.claro.client import ClaroClient

KNOWN = ("file_name", "content_type", "size_bytes", "status", "uploaded_at", "processed_at")


def learn(source: Source, claro: "ClaroClient") -> None:
    """Reads one source again, with one call, and records it; a 404 marks it deleted.

    An unreadable answer about this source leaves the mirror unchanged, so that other sources can still be read.
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
    """Takes a source out of every list, with its links and copies. An answer from before does not bring it back."""
    now = timezone.now()
    with transaction.atomic():
        _lock(source.key_id)
        Source.objects.present().filter(pk=source.pk).update(gone_at=now, last_seen_at=now)
        source.links.all().delete()
        for model in (ColumnChoice, ColumnReference, Favourite, Tagging):
            model.objects.filter(datasource_id=source.datasource_id).orphaned().delete()
        # One under way ends with a message at its next call.
        store.purge(source.copies.exclude(state=TableCopy.State.COPYING))
        access.publish(source.key, "sources-changed", "downloads-changed", event_name(source))


def delete(source: Source, *, again: bool = False) -> bool:
    """Deletes a source at Claro, with one call; False if it was gone already. Raises ClaroError.

    A deleted source leaves the lists of all its keys. A 404 for one key may not apply to others, unless an earlier
    attempt (`again`) lost its answer.
    """
    there = True
    try:
        with gateway.client(source.key, Lane.LINK) as claro:
            claro.delete_datasource(source.datasource_id)
    except DatasourceNotFound:
        there = again
    copies = Source.objects.present().filter(datasource_id=source.datasource_id) if there else [source]
    for copy in copies:
        mark_gone(copy)
    return there


def record(
    key: ApiKey, answers: Iterable[DataSource], asked_at: datetime, *, are_details: bool = False
) -> list[Source]:
    """Writes an answer (to a call made at `asked_at`) into the mirror; returns the new and the changed sources.

    An answer older than the stored one is ignored, so a slow call never overwrites a newer result. Lists and details
    (`are_details`) have different fields, and the newest answer of each kind is kept (Source.facts).
    """
    by_id = {answer.datasource_id: answer for answer in answers}
    with transaction.atomic():
        if not _lock(key.pk):
            raise ApiKey.DoesNotExist
        known = {source.datasource_id: source for source in key.sources.filter(datasource_id__in=by_id)}
        met = [source for source in known.values() if source.last_seen_at < asked_at]
        new = [_new(key, by_id[pk], asked_at, are_details) for pk in by_id.keys() - known.keys()]
        changed, steps, finished = [], [], []
        for source in met:
            before, had_finished, version = source.status, not source.is_processing, source.processed_at
            is_changed = _copy(by_id[source.datasource_id], source, asked_at)
            is_changed |= _fold(source)
            if not are_details and source.extra != by_id[source.datasource_id].extra:
                source.extra, is_changed = by_id[source.datasource_id].extra, True
            source.last_seen_at = asked_at  # which of the two answers is newer depends on it (Source.facts)
            if is_changed or source.gone_at:
                source.gone_at = None
                _count_rows(source, is_another=source.processed_at != version)
                changed.append(source)
            if source.status != before:
                finished.append(source)
                if had_finished and source.is_processing:
                    source.restarted_at = asked_at
                # While it is processing once more, the API's time may still be that of the run before.
                at = None if source.is_processing else source.processed_at
                steps.append(_step(source, source.status, at, asked_at))
        Source.objects.bulk_create(new)
        fields = [*KNOWN, "folded_name", "row_count", "extra", "changed_at", "gone_at", "restarted_at"]
        Source.objects.bulk_update(changed, fields)
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
            access.publish(key, "sources-changed", *names)
    return [*new, *told]


def _lock(key_id: UUID) -> bool:
    """Makes this the only writer of the key's sources, which SQLite has anyway; false if the key is deleted.

    Two writers would wait for each other's sources and counts (models/counts.py).
    """
    return bool(ApiKey.objects.select_for_update().filter(pk=key_id).values_list("pk"))


def _tell(key: ApiKey, changed: list[Source]) -> None:
    """Notifies users of sources that finished since the last poll; one that was finished when first seen is no news."""
    for status, topic in ((COMPLETED, Topic.PROCESSED), (FAILED, Topic.FAILED)):
        notices.tell_of(key, topic, [source for source in changed if source.status == status])


def event_name(source: Source) -> str:
    """The live event of changes to this source."""
    return f"source-{source.datasource_id}"


def _new(key: ApiKey, answer: DataSource, at: datetime, are_details: bool) -> Source:
    source = Source(key=key, datasource_id=answer.datasource_id, first_seen_at=at, last_seen_at=at)
    _copy(answer, source, at)
    if are_details:
        source.details, source.details_at = answer.extra, at
    else:
        source.extra = answer.extra
    source.row_count = source.stated_rows
    return source


def _count_rows(source: Source, *, is_another: bool) -> None:
    """Sets the number of rows. If no answer has it, the one that a copy had stays for the same version."""
    stated = source.stated_rows
    if stated is not None or is_another:
        source.row_count = stated


def _copy(answer: DataSource, source: Source, asked_at: datetime) -> bool:
    """Takes over the fields that we know; true when one of them has changed."""
    before = [getattr(source, name) for name in KNOWN]
    for name in KNOWN:
        setattr(source, name, getattr(answer, name))
    if before == [getattr(source, name) for name in KNOWN]:
        return False
    source.changed_at = asked_at
    return True


def _fold(source: Source) -> bool:
    """Renews the name for searches; true where it differs, also after a release that folds otherwise."""
    before = source.folded_name
    source.folded_name = FoldedName.of(source.file_name)
    return source.folded_name != before


def _keep_details(source: Source, by_id: dict, asked_at: datetime) -> bool:
    """Keeps the fields of an answer about this source alone, also where a list was newer: it has other fields.

    True when they are news.
    """
    if source.gone_at or (source.details_at and source.details_at >= asked_at):
        return False
    details = by_id[source.datasource_id].extra
    is_news = details != source.details
    source.details, source.details_at = details, asked_at
    _count_rows(source, is_another=False)
    news = {"details": details, "details_at": asked_at, "row_count": source.row_count}
    Source.objects.filter(pk=source.pk).update(**news)
    return is_news


def _first_steps(source: Source) -> Iterable[StatusChange]:
    """The timeline of a new source, as far as the API's times show it."""
    if source.uploaded_at and source.status != PROCESSING:
        yield _step(source, PROCESSING, source.uploaded_at, source.first_seen_at)
    at = source.uploaded_at if source.status == PROCESSING else source.processed_at
    yield _step(source, source.status, at, source.first_seen_at)


def _step(source: Source, status: str, at: datetime | None, seen_at: datetime) -> StatusChange:
    return StatusChange(source=source, status=status, at=at or seen_at, seen_at=seen_at)


def _wake_watch(key: ApiKey, now: datetime) -> None:
    """Something is processing: the watch polls at once, unless it was about to."""
    Watch.objects.filter(Q(due_at=None) | Q(due_at__gt=now), key=key, leased_until=None).update(due_at=now)
