"""Stalled work: it has been due for a while, and no live worker can claim it.

Work is stalled if its queue has no live worker, or if beat is down and no worker has claimed it. Pages that show such
work say so.
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
    """Nothing of the shown list is checked; its oldest part was last checked then, or never (None)."""

    last_checked_at: datetime | None


def among(works: Iterable[Leased]) -> list[Leased]:
    """The stalled ones of these. One round trip to Redis, and none unless work has been due for a while."""
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
