"""Work that stands still: it has been due for a while, and nobody is there who would take it up.

Nobody takes it up while no worker of its queue is alive, or while beat is not, which finds what is due, and nobody has
it in hand. Pages say so where they show such work.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from core import heartbeats
from datasources.models import ApiKey, Leased

# What is due is taken up within seconds.
PATIENCE = timedelta(seconds=15)


@dataclass(frozen=True)
class Stalled:
    """Of what is shown, nothing is checked; the oldest part of it was last checked then, or never (None)."""

    last_checked_at: datetime | None


def among(works: Iterable[Leased]) -> list[Leased]:
    """Those that stand still. One round trip to Redis, and none unless something has been due for a while."""
    now = timezone.now()
    late = [work for work in works if work.due_at and work.due_at < now - PATIENCE]
    if not late:
        return []
    silent = heartbeats.silent(*heartbeats.QUEUES, heartbeats.BEAT)
    return [work for work in late if work.queue in silent or (heartbeats.BEAT in silent and not _is_held(work, now))]


def of_keys(keys: Iterable[ApiKey]) -> Stalled | None:
    """Whether the sources of these keys (with `sync` and `watch`) are not checked any more."""
    by_id = {key.pk: key for key in keys}
    still = among(work for key in by_id.values() for work in (key.sync, key.watch))
    if not still:
        return None
    checks = [_last_check(by_id[key_id]) for key_id in {work.key_id for work in still}]
    return Stalled(None if None in checks else min(checks))


def _last_check(key: ApiKey) -> datetime | None:
    return max(filter(None, [key.sync.finished_at, key.watch.checked_at]), default=None)


def _is_held(work: Leased, now: datetime) -> bool:
    return work.leased_until is not None and work.leased_until > now
