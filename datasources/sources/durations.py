"""The usual processing time by a key's history, and the progress of processing sources against it.

A source counts as slower than usual by observation, not by the clock: it was still processing at the last check.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

import redis
from django.db.models import F, QuerySet
from django.utils import timezone

from core.redis import connection
from datasources.claro import COMPLETED, PROCESSING
from datasources.models import Source

# Of a key's past of one kind: the latest so many, for so long from the cache; fewer than ENOUGH tell nothing.
LATEST = 300
KEPT_S = 300
ENOUGH = 5
# Of similar size is what is up to so many times as large or as small.
SIMILAR = 4
# What took longer had a clock that went wrong.
BELIEVED = timedelta(days=7)
# Usual is what the middle ones took, from here to there in order of time; slow what hardly one did …
LOW, HIGH, SLOW = 0.2, 0.8, 0.95
# … and what takes clearly longer than the usual: by this part of it, and by this much.
CLEARLY, CLEARLY_S = 0.5, 10
# Three times the longest pause between two looks (watch.py): nobody looks after it any more.
UNCHECKED = timedelta(minutes=30)
# How a person says a length: a unit, its seconds, up to how many of it, and in steps of how many.
SPOKEN = (
    ("s", 1, 57.5, 5),
    ("min", 60, 9.5, 1),
    ("min", 60, 57.5, 5),
    ("h", 3600, 47.5, 1),
    ("d", 86_400, math.inf, 1),
)

# The size in bytes, where it is told, and the seconds it took.
Done = tuple[int | None, float]
# A key and a content type.
Kind = tuple[UUID, str]


@dataclass(frozen=True)
class Usual:
    """The duration of similar sources: most between `low_s` and `high_s`, hardly one over `slow_s`."""

    low_s: float
    high_s: float
    slow_s: float
    is_by_size: bool

    @property
    def words(self) -> str:
        """The duration as a range such as "3 to 5 min", to follow the word "usually"."""
        (low, unit), (high, high_unit) = _spoken(self.low_s), _spoken(self.high_s)
        shortest = (SPOKEN[0][3], SPOKEN[0][0])
        if (low, unit) == (high, high_unit):
            return "a few seconds" if (low, unit) == shortest else f"about {low} {unit}"
        if (low, unit) == shortest:
            return f"under {high} {high_unit}"
        return f"{low} to {high} {unit}" if unit == high_unit else f"{low} {unit} to {high} {high_unit}"


@dataclass(frozen=True)
class Pace:
    """The progress of a processing source.

    `since` is the latest possible start, or the exact one unless `is_least`; null for an unknown status. `is_unchecked`
    is true if `checked_at` is too long ago for any statement.
    """

    checked_at: datetime
    since: datetime | None
    is_least: bool
    is_again: bool
    usual: Usual | None
    is_slower: bool
    is_unchecked: bool


def paces(sources: Iterable[Source]) -> dict[int, Pace]:
    """Those of the sources that are being processed, by the ids of our rows. Their keys come with their watches.

    One query, or none, for all of them.
    """
    running = [source for source in sources if source.is_processing]
    pasts = _pasts({_kind(source) for source in running if source.status == PROCESSING})
    return {source.pk: _pace(source, pasts.get(_kind(source), [])) for source in running}


def usual(size_bytes: int | None, past: Sequence[Done]) -> Usual | None:
    """The usual duration for a source of this size: from similar sizes if there are enough, else from all."""
    similar = [took_s for size, took_s in past if _are_similar(size, size_bytes)]
    is_by_size = len(similar) >= ENOUGH
    took = sorted(similar if is_by_size else (took_s for _, took_s in past))
    if len(took) < ENOUGH:
        return None
    low_s, high_s, slow_s = (took[math.ceil(part * len(took)) - 1] for part in (LOW, HIGH, SLOW))
    slow_s = max(slow_s, high_s + max(high_s * CLEARLY, CLEARLY_S))
    return Usual(low_s, high_s, slow_s, is_by_size)


def began(source: Source) -> tuple[datetime, bool]:
    """When processing began, or the latest time at which it can have: true for this. Never after it was last seen."""
    if source.restarted_at:
        return source.restarted_at, True
    # Not by an upload that was still to come when the source was there already.
    if source.uploaded_at and source.uploaded_at <= source.last_seen_at:
        return source.uploaded_at, False
    return source.first_seen_at, True


def _pace(source: Source, past: list[Done]) -> Pace:
    since, is_least = began(source)
    found = usual(source.size_bytes, past)
    checked_at = source.last_seen_at
    is_known = source.status == PROCESSING
    if is_known and (counted_at := source.key.watch.counted_at):
        checked_at = max(checked_at, counted_at)
    return Pace(
        checked_at=checked_at,
        since=since if is_known else None,
        is_least=is_least,
        is_again=source.restarted_at is not None,
        usual=found,
        is_slower=found is not None and (checked_at - since).total_seconds() > found.slow_s,
        is_unchecked=timezone.now() - checked_at > UNCHECKED,
    )


def _kind(source: Source) -> Kind:
    return source.key_id, source.content_type


def _are_similar(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one <= other * SIMILAR and other <= one * SIMILAR


def _pasts(kinds: set[Kind]) -> dict[Kind, list[Done]]:
    """The latest durations of each kind, from the cache or with one query for all missing ones."""
    pasts = _cached(sorted(kinds, key=str))
    missing = kinds - pasts.keys()
    if missing:
        found = _read(missing)
        _cache(found)
        pasts |= found
    return pasts


def _read(kinds: set[Kind]) -> dict[Kind, list[Done]]:
    # Each kind by itself: the latest few of one are found by an index, those of all would take every row of the key.
    parts = [_latest(*kind) for kind in kinds]
    found: dict[Kind, list[Done]] = {kind: [] for kind in kinds}
    for key_id, content_type, size_bytes, uploaded_at, processed_at in parts[0].union(*parts[1:], all=True):
        took = processed_at - uploaded_at
        if took <= BELIEVED:
            found[key_id, content_type].append((size_bytes, took.total_seconds()))
    return found


def _latest(key_id: UUID, content_type: str) -> QuerySet:
    done = Source.objects.present().filter(
        key=key_id,
        content_type=content_type,
        status=COMPLETED,
        restarted_at=None,
        processed_at__gte=F("uploaded_at"),
    )
    # SQLite takes no limit in a part of a union, but in what lies within.
    ids = done.order_by("-uploaded_at").values("pk")[:LATEST]
    fields = ("key_id", "content_type", "size_bytes", "uploaded_at", "processed_at")
    return Source.objects.filter(pk__in=ids).values_list(*fields)


def _cached(kinds: list[Kind]) -> dict[Kind, list[Done]]:
    try:
        found = connection().mget([_name(kind) for kind in kinds]) if kinds else []
    except redis.RedisError:
        return {}
    return {kind: _parsed(past) for kind, past in zip(kinds, found, strict=True) if past is not None}


@lru_cache(maxsize=64)
def _parsed(past: bytes) -> list[Done]:
    """The value of a cache entry, which stays the same for minutes; parsing takes longer than Redis."""
    return json.loads(past)


def _cache(pasts: dict[Kind, list[Done]]) -> None:
    try:
        with connection().pipeline(transaction=False) as together:
            for kind, past in pasts.items():
                together.set(_name(kind), json.dumps(past), ex=KEPT_S)
            together.execute()
    except redis.RedisError:
        return  # it is read again


def _name(kind: Kind) -> str:
    """A content type is the API's text, of any length."""
    key_id, content_type = kind
    return f"claro:usual:{key_id}:{hashlib.sha256(content_type.encode()).hexdigest()[:32]}"


def _spoken(seconds: float) -> tuple[int, str]:
    """As a person would round it: a number and its unit."""
    unit, size, _, step = next(rung for rung in SPOKEN if seconds < rung[2] * rung[1])
    return max(round(seconds / size / step), 1) * step, unit
