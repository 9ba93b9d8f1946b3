"""Copies as the database knows them, without a file."""

from datetime import datetime, timedelta

from django.utils import timezone

from datasources.models import Source, TableCopy

State = TableCopy.State


def ready(source: Source, **fields) -> TableCopy:
    """A complete copy of the source's present version."""
    now = timezone.now()
    values = {"state": State.READY, "version": source.processed_at, "finished_at": now, "progressed_at": now}
    values |= {"rows": 120, "rows_read": 120, "rows_total": 120, "stored_bytes": 5000}
    return TableCopy.objects.create(source=source, **(values | fields))


def under_way(source: Source, **fields) -> TableCopy:
    values = {"version": source.processed_at, "due_at": timezone.now() + timedelta(minutes=1)}
    return TableCopy.objects.create(source=source, **(values | fields))


def ended(source: Source, state: str = State.STOPPED, **fields) -> TableCopy:
    """A stopped or failed one."""
    return TableCopy.objects.create(source=source, state=state, **({"version": source.processed_at} | fields))


def processed_again(source: Source, at: datetime | None = None) -> Source:
    """The source after Claro processed its file once more."""
    source.processed_at = at or timezone.now()
    source.save(update_fields=["processed_at"])
    return source
