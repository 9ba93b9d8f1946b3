"""Starts, stops and finds comparisons. One serves all users who reach both tables."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from datasources import access
from datasources.copies.profile import ColumnProfile
from datasources.copies.store import CopyLost
from datasources.models import Comparison, Source, TableCopy

# How long a result serves the same two copies and key.
KEPT = timedelta(hours=1)
# Key columns at most.
ON_MAX = 8
State = Comparison.State


def find(before: TableCopy, now: TableCopy, on: Sequence[str]) -> Comparison | None:
    """The newest comparison of these with this key, under way or from the last hour. One query."""
    recent = Q(state=State.COMPARING) | Q(created_at__gt=timezone.now() - KEPT)
    same = Comparison.objects.filter(recent, before=before, now=now)
    return next((one for one in same.order_by("-created_at") if one.on == list(on)), None)


def ask(before: TableCopy, now: TableCopy, on: Sequence[str], person: User) -> Comparison:
    """A comparison that is under way or ready; a new one is due at once. Two users who ask start one.

    Raises CopyLost where a copy was deleted meanwhile.
    """
    with transaction.atomic():
        # Whoever else asks, or deletes one, waits here.
        copies = TableCopy.objects.select_for_update().filter(pk__in=[before.pk, now.pk]).order_by("pk")
        if len(copies) < len({before.pk, now.pk}):
            raise CopyLost("The copy was deleted.")
        found = find(before, now, on)
        if found and found.state in (State.COMPARING, State.READY):
            return found
        return Comparison.objects.create(before=before, now=now, on=list(on), asked_by=person, due_at=timezone.now())


def stop(comparison: Comparison) -> bool:
    """Ends one that is under way; returns whether it was."""
    mine = Comparison.objects.filter(pk=comparison.pk, state=State.COMPARING)
    stopped = bool(mine.update(state=State.STOPPED, due_at=None, leased_until=None, finished_at=timezone.now()))
    publish(comparison)
    return stopped


def publish(comparison: Comparison) -> None:
    access.publish(comparison.now.source.key, event_name(comparison.now.source))


def event_name(source: Source) -> str:
    """The live event of the comparisons that a table takes part in as the later one."""
    return f"compared-{source.pk}"


def tidy() -> None:
    """Deletes what is older than an hour."""
    Comparison.objects.exclude(state=State.COMPARING).filter(created_at__lt=timezone.now() - KEPT).delete()


def guessed_key(before: Sequence[ColumnProfile], now: Sequence[ColumnProfile]) -> list[str]:
    """The name of a column that is unique on both sides, one that is named like a key first; [] for none."""
    keys = {one.column.name for one in before if one.is_key and one.has_filters}
    found = [one.column.name for one in now if one.is_key and one.has_filters and one.column.name in keys]
    return sorted(found, key=lambda name: not _sounds_like_a_key(name))[:1]


def _sounds_like_a_key(name: str) -> bool:
    words = name.lower().replace("_", " ").replace("-", " ").split()
    return bool({"id", "sku", "key", "code", "ean", "gtin", "number", "uuid"} & set(words)) or name.endswith("Id")
