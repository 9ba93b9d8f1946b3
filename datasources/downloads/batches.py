"""Batches: files that a user downloads together, each through a download link of its own (links.py).

A batch is created without a call. The user sees its cost first; then workers create the missing links. The browser
fetches one file after the other through an address of the dashboard, which records that it was started.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Count, Q
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from core import live
from datasources import access, gateway
from datasources.activity import log
from datasources.activity.words import What
from datasources.claro import ClaroError
from datasources.downloads import links
from datasources.gateway.budget import Left
from datasources.models import ApiKey, BatchFile, DownloadBatch, DownloadLink, Source

# Long enough to get round to all of them, however many are made a minute.
LINKS_LAST_S = 86_400
FORGET_AFTER = timedelta(days=30)
# The page of downloads offers to resume the last ones.
OFFERED_FOR, OFFERED_AT_MOST = timedelta(days=7), 5


class State(StrEnum):
    """The state of one file, as its user sees it."""

    GONE = "gone"  # deleted at Claro, or no longer within the user's reach
    PROCESSING = "processing"
    WAITING = "waiting"  # a worker creates the link
    READY = "ready"
    STARTED = "started"
    FAILED = "failed"
    NO_LINK = "no link"  # there is none yet, or it has expired


# In these a link can be requested.
RETRIED = (State.FAILED, State.NO_LINK)


@dataclass(frozen=True)
class Line:
    """A file of a batch with its state, and the link that determines it."""

    file: BatchFile
    state: State
    link: DownloadLink | None

    @property
    def trouble(self) -> ClaroError | None:
        """Why the link waits or failed."""
        return self.link.trouble if self.link and self.state in (State.WAITING, State.FAILED) else None


@dataclass(frozen=True)
class Cost:
    """The calls that the missing links of one key take; `left` is None if the rest of its minute is unknown."""

    key: ApiKey
    calls: int
    left: Left | None
    a_minute: int

    @property
    def later(self) -> int:
        """How many of the links wait for a later minute, if nobody else uses the key."""
        return max(self.calls - (self.left.calls if self.left else self.a_minute), 0)

    @property
    def minutes(self) -> int:
        """How many minutes these take at least."""
        return -(-self.later // self.a_minute)


def create(user: User, sources: Iterable[Source]) -> DownloadBatch:
    """A batch of these files. Nothing is requested from Claro."""
    batch = DownloadBatch(user=user)
    files = [
        BatchFile(batch=batch, number=number, source=source, name=source.name)
        for number, source in enumerate(sources, start=1)
    ]
    with transaction.atomic():
        batch.save(force_insert=True)
        BatchFile.objects.bulk_create(files)
    return batch


def lines(batch: DownloadBatch) -> list[Line]:
    """The files with their states, in their order. A few queries however many they are."""
    files = batch.files.select_related("source__key")
    source_ids = batch.files.values("source")
    reached = set(access.sources_for(batch.user).filter(pk__in=source_ids).values_list("pk", flat=True))
    best = links.best(DownloadLink.objects.filter(source__in=source_ids))
    return [_line(file, file.source_id in reached, best.get(file.source_id)) for file in files]


def costs(of: Iterable[Line]) -> list[Cost]:
    """The cost of the missing links of these files, for each key."""
    keys = [line.file.source.key for line in of if line.state in RETRIED]
    by_id = {key.pk: key for key in keys}
    return [
        Cost(by_id[key_id], calls, gateway.calls_left(by_id[key_id]), gateway.calls_per_minute(by_id[key_id]))
        for key_id, calls in Counter(key.pk for key in keys).items()
    ]


def begin(batch: DownloadBatch) -> None:
    """Requests the missing links of all files, for tasks to create. Raises QuotaReached."""
    with transaction.atomic():
        retry(batch)
        DownloadBatch.objects.filter(pk=batch.pk, begun_at=None).update(begun_at=timezone.now())


def retry(batch: DownloadBatch, numbers: Collection[int] = ()) -> None:
    """Requests new links for these files, or all, as far as they have none; they count as not started again.

    Raises QuotaReached.
    """
    meant = [line for line in lines(batch) if not numbers or line.file.number in numbers]
    wanted = [line.file for line in meant if line.state in RETRIED]
    sources = [file.source for file in wanted]
    # One that is renewed ahead of need is needed now.
    waiting = [line.file.source for line in meant if line.state == State.WAITING]
    with transaction.atomic():
        links.ask_all([*sources, *waiting], batch.user, LINKS_LAST_S)
        batch.files.filter(pk__in=[file.pk for file in wanted]).update(started_at=None)
        log.record_each(What.DOWNLOAD_ASKED, batch.user, sources)
        live.publish([batch.user_id], event_name(batch))


def start(batch: DownloadBatch, file: BatchFile) -> str | None:
    """The signed URL to send the browser to, recorded as started; None if there is no link that works.

    Raises Http404 if the file is gone, or the user has lost access.
    """
    url = _url(batch, file)
    if not url and not access.sources_for(batch.user).filter(pk=file.source_id).exists():
        raise Http404("No such file.")
    if url:
        batch.files.filter(pk=file.pk).update(started_at=timezone.now())
        log.record(What.DOWNLOADED, batch.user, source=file.source)
        live.publish([batch.user_id], event_name(batch))
    return url


def urls(batch: DownloadBatch) -> list[str]:
    """The signed URLs of all files whose link works, in their order."""
    source_ids = batch.files.values("source")
    alive = access.links_for(batch.user).alive().filter(source__in=source_ids).select_related("source__key")
    by_source = {link.source_id: (link, url) for link in alive.order_by("expires_at") if (url := links.target(link))}
    found = [
        by_source[source_id] for source_id in batch.files.values_list("source", flat=True) if source_id in by_source
    ]
    log.record_each(What.LINK_COPIED, batch.user, [link.source for link, _ in found])
    return [url for _, url in found]


def unfinished(user: User) -> list[DownloadBatch]:
    """The user's last batches with files that were not started, with their number as `open_files` of `all_files`."""
    lately = access.batches_for(user).filter(begun_at__gt=timezone.now() - OFFERED_FOR)
    still_open = Count(
        "files", filter=Q(files__started_at=None, files__source__gone_at=None, files__source__isnull=False)
    )
    found = lately.annotate(all_files=Count("files"), open_files=still_open).filter(open_files__gt=0)
    return list(found.order_by("-created_at")[:OFFERED_AT_MOST])


def tidy() -> None:
    """Forgets batches after a while; their links end much sooner."""
    DownloadBatch.objects.filter(created_at__lt=timezone.now() - FORGET_AFTER).delete()


def event_name(batch: DownloadBatch) -> str:
    """The live event of changes to this batch."""
    return f"batch-{batch.pk}"


def _url(batch: DownloadBatch, file: BatchFile) -> str | None:
    alive = access.links_for(batch.user).alive().filter(source=file.source_id)
    return next((url for link in alive.order_by("-expires_at") if (url := links.target(link))), None)


def _line(file: BatchFile, is_reached: bool, link: DownloadLink | None) -> Line:
    return Line(file, _state(file, is_reached, link), link)


def _state(file: BatchFile, is_reached: bool, link: DownloadLink | None) -> State:
    if not is_reached:
        return State.GONE
    if link and link.is_alive:
        return State.STARTED if file.started_at else State.READY
    if link and link.is_pending:
        return State.WAITING
    if file.source.is_processing:
        return State.PROCESSING
    return State.FAILED if link and link.state == DownloadLink.State.FAILED else State.NO_LINK
