"""Folds repeats of the log into one line: "created download links for 13 files"."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from core.text import visible
from datasources.activity import words
from datasources.activity.words import What
from datasources.models import AuditEvent

# Fewer are read as quickly one by one.
LEAST = 3
# What comes later than this after the one before is no repeat of it.
PAUSE = timedelta(hours=1)

# The phrase after the user's name for several of a kind. Kinds that are not here are folded only if they read the same.
MANY = {
    What.INVITED: "invited {n} people",
    What.REMOVED: "removed {n} people",
    What.UPLOAD_QUEUED: "queued the upload of {n} files",
    What.UPLOAD_CANCELLED: "cancelled the upload of {n} files",
    What.UPLOADED: "uploaded {n} files",
    What.UPLOAD_FAILED: "could not upload {n} files",
    What.SOURCE_DELETED: "requested the deletion of {n} files",
    What.SOURCE_RESTORED: "restored {n} files from the bin",
    What.SOURCE_DELETE_DONE: "deleted {n} files",
    What.SOURCE_NOT_DELETED: "could not delete {n} files",
    What.COPY_STARTED: "started to copy the tables of {n} files",
    What.COPY_STOPPED: "stopped copying the tables of {n} files",
    What.COPY_DELETED: "deleted the copies of the tables of {n} files",
    What.DOWNLOAD_ASKED: "created download links for {n} files",
    What.DOWNLOADED: "downloaded {n} files",
    What.LINK_COPIED: "copied the download links for {n} files",
}


@dataclass(frozen=True)
class Line:
    """One event of the log, or several that repeat each other; in the order of the page."""

    events: list[AuditEvent]

    @property
    def first(self) -> AuditEvent:
        return self.events[0]

    @property
    def is_folded(self) -> bool:
        return len(self.events) > 1

    @property
    def oldest(self) -> AuditEvent:
        """Names a line whose newest events are still arriving."""
        return min(self.events, key=lambda event: event.pk)

    @property
    def parts(self) -> Iterator[tuple[str, str]]:
        """The sentence about all of them, in pieces as of `words.parts`."""
        times = len(self.events)
        if times == 1:
            yield from words.parts(self.first)
            return
        if len({_sentence(event) for event in self.events}) == 1:
            yield from words.parts(self.first)
            yield "", f" {times:,} times"
            return
        n = len({event.datasource_id or event.about for event in self.events})
        again = f", {times:,} times in all" if n < times else ""
        yield "who", visible(self.first.who)
        yield "", f" {MANY[What(self.first.what)].format(n=f'{n:,}')}{again}"


def fold(events: Iterable[AuditEvent]) -> list[Line]:
    """The events as lines, in the same order. Only neighbours are folded, so the order of the log stays."""
    runs: list[list[AuditEvent]] = []
    for event in events:
        if runs and _repeats(runs[-1][-1], event):
            runs[-1].append(event)
        else:
            runs.append([event])
    lines: list[Line] = []
    for run in runs:
        lines += [Line(run)] if len(run) >= LEAST else [Line([event]) for event in run]
    return lines


def _repeats(one: AuditEvent, other: AuditEvent) -> bool:
    if (one.what, one.actor_id, one.who) != (other.what, other.actor_id, other.who):
        return False
    if abs(one.at - other.at) > PAUSE or timezone.localdate(one.at) != timezone.localdate(other.at):
        return False
    if one.what in MANY and (one.datasource_id or one.about) != (other.datasource_id or other.about):
        return True
    return _sentence(one) == _sentence(other)


def _sentence(event: AuditEvent) -> str:
    return "".join(text for _, text in words.parts(event))
