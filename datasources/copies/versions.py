"""Which copy of a source serves its readers, and which are kept.

A version of a table is its `processedAt`. Readers keep the copy of an old version, marked as old, until one of the new
version is complete. The copy before it stays for comparison.
"""

from dataclasses import dataclass

from django.db.models import BigAutoField

from core.queries import Prepared, Slot
from datasources.copies import store
from datasources.models import Source, TableCopy

State = TableCopy.State
_SOURCE = Slot("source", BigAutoField())
_COPIES = Prepared(lambda: TableCopy.objects.filter(source=_SOURCE).select_related("asked_by").order_by("-created_at"))


@dataclass(frozen=True)
class Versions:
    """The copies of one source, each of them the newest of its kind."""

    source: Source
    # What pages read, and the version before it.
    current: TableCopy | None = None
    previous: TableCopy | None = None
    under_way: TableCopy | None = None
    # Stopped or failed, of the source's present version.
    unfinished: TableCopy | None = None

    @property
    def is_old(self) -> bool:
        """Whether readers see a version from before the file was processed again."""
        return bool(self.current) and is_old(self.current, self.source)

    @property
    def has_any(self) -> bool:
        """Whether there is anything to delete."""
        return bool(self.current or self.under_way or (self.unfinished and self.unfinished.rows_read))

    @property
    def is_up_to_date(self) -> bool:
        return bool(self.current) and not self.is_old


def of(source: Source) -> Versions:
    """The copies of a source. One query."""
    copies = _COPIES.objects(source=source.pk)
    for copy in copies:
        copy.source = source
    ready = sorted((copy for copy in copies if copy.is_ready), key=_age, reverse=True)
    ended = (copy for copy in copies if copy.state in (State.STOPPED, State.FAILED) and not is_old(copy, source))
    return Versions(
        source=source,
        current=next(iter(ready), None),
        previous=next((copy for copy in ready if copy.version != ready[0].version), None),
        under_way=next((copy for copy in copies if copy.is_under_way), None),
        unfinished=next(ended, None),
    )


def current(source: Source) -> TableCopy | None:
    """The copy that pages read: the newest that is ready. One query."""
    return source.copies.ready().first()


def is_old(copy: TableCopy, source: Source) -> bool:
    return copy.version != source.processed_at


def tidy(source: Source) -> int:
    """Deletes all but the current copy and the version before it, once a copy is ready; returns how many went."""
    found = of(source)
    if not found.is_up_to_date:
        return 0
    kept = [copy.pk for copy in (found.current, found.previous, found.under_way) if copy]
    return store.purge(source.copies.exclude(pk__in=kept))


def _age(copy: TableCopy) -> tuple:
    return (copy.finished_at or copy.created_at, copy.created_at)
