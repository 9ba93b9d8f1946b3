"""Looks after processing sources: one sweep a key, then only what left the sweep is read again."""

import random
from datetime import datetime, timedelta

from django.utils import timezone

from datasources import access, gateway, live, mirror
from datasources.budget import Lane
from datasources.claro import COMPLETED, FAILED, LIST_LIMIT_MAX, PROCESSING, ClaroClient, ClaroError
from datasources.leases import Held
from datasources.models import ApiKey, Source, Watch

# The age of the youngest processing source, and how long after a look the next one follows.
CADENCE = (
    (timedelta(minutes=2), timedelta(seconds=3)),
    (timedelta(minutes=10), timedelta(seconds=10)),
    (timedelta(hours=1), timedelta(seconds=30)),
    (timedelta(hours=6), timedelta(minutes=2)),
)
SLOWEST = timedelta(minutes=10)
# From so many finished ones on, one page of the newest finished is cheaper than a call for each.
READ_TOGETHER = 3


def look(watch_id: str, lease: str) -> str:
    """One look at a key's processing sources. Raises LeaseLost."""
    held = Held(Watch, watch_id, lease)
    key = held.work.key
    try:
        with gateway.client(key, Lane.WATCH) as claro:
            _look(held, key, claro)
    except ClaroError as error:
        held.put_back(error)
        return "put back"
    now = timezone.now()
    held.finish(next_look(key, now), attempts=0, checked_at=now)
    live.publish(access.people_for(key), "watch-checked")
    return "done"


def next_look(key: ApiKey, now: datetime) -> datetime | None:
    """When the key is looked at again: soon for fresh sources, later for old ones, never when nothing is processing."""
    starts = [source.uploaded_at or source.first_seen_at for source in processing(key)]
    if not starts:
        return None
    return now + pause(now - max(starts)) * random.uniform(0.9, 1.1)  # noqa: S311 - spreads looks, guards nothing


def pause(age: timedelta) -> timedelta:
    """The time between two looks at sources of this age."""
    return next((pause for limit, pause in CADENCE if age < limit), SLOWEST)


def processing(key: ApiKey) -> list[Source]:
    """What our copy holds as processing; a status that we don't know counts (claro-api.md, data sources)."""
    return list(key.sources.filter(gone_at=None).exclude(status__in=[COMPLETED, FAILED]))


def _look(held: Held, key: ApiKey, claro: ClaroClient) -> None:
    asked_at = timezone.now()
    still = list(claro.iter_datasources(status=PROCESSING, limit=LIST_LIMIT_MAX))
    held.renew()
    mirror.record(key, still, asked_at)
    ids = {source.datasource_id for source in still}
    left = [source for source in processing(key) if source.datasource_id not in ids]
    if len(left) >= READ_TOGETHER:
        asked_at = timezone.now()
        newest = claro.list_datasources(status=COMPLETED, limit=LIST_LIMIT_MAX)
        held.renew()
        mirror.record(key, newest.sources, asked_at)
        ids |= {source.datasource_id for source in newest.sources}
    for source in left:
        if source.datasource_id not in ids:
            mirror.learn(source, claro)
            held.renew()
