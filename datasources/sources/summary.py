"""The line above the list: what is new, what needs attention, and how many rows there are. Each part is a filter."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

import redis
from django.core.cache import cache
from django.db.models import Aggregate, Count, DateTimeField, QuerySet, Sum, UUIDField
from django.utils import timezone

from core.queries import Prepared, Slot
from datasources import access
from datasources.claro import COMPLETED, FAILED, PROCESSING
from datasources.deleting import bin

YESTERDAY = "yesterday"
# A total of rows is counted anew when the number of completed files changes, and after so long.
KEPT_S = 60
UNKNOWN = -1


@dataclass(frozen=True)
class Part:
    """A fact, and the filter that shows the files it is about."""

    words: str
    name: str
    value: str
    # On hover.
    title: str = ""


def since(name: str) -> datetime | None:
    """The time that a value of `since` in the address means now: midnight of the previous day in the reader's zone."""
    if name != YESTERDAY:
        return None
    day = timezone.localdate() - timedelta(days=1)
    # Where the clock is put forward at midnight, the day begins at that moment.
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())


def of_keys(key_ids: Iterable[UUID], totals: Mapping[str, int]) -> list[Part]:
    """The parts of the line for these keys, with so many files by status. Parts of nothing are left out.

    Two queries, or three each minute.
    """
    ids = sorted(key_ids, key=str)
    if not ids:
        return []
    new, rows = _counts(ids, totals.get(COMPLETED, 0))
    parts = [Part(f"{new:,} new since yesterday", "since", YESTERDAY)] if new else []
    parts += [Part(f"{totals[name]:,} {name}", "status", name) for name in (PROCESSING, FAILED) if totals.get(name)]
    if rows is not None:
        title = f"{rows:,} rows in the completed files whose number of rows is known"
        parts.append(Part(f"{rounded(rows)} row{'' if rows == 1 else 's'}", "status", COMPLETED, title))
    return parts


def rounded(number: int) -> str:
    """Whole up to a million, then with three digits: "1.02 million"."""
    if number < 10**6:
        return f"{number:,}"
    shown = float(f"{number:.3g}")
    size, word = (10**9, "billion") if shown >= 10**9 else (10**6, "million")
    return f"{shown / size:,.12g} {word}"


def _counts(ids: list[UUID], completed: int) -> tuple[int, int | None]:
    """The number of new files, and of the rows of completed ones; this one from the cache while `completed` is so."""
    scope = (len(ids), bin.is_in_use())
    values = {f"key{place}": pk for place, pk in enumerate(ids)}
    new = sum(n for (n,) in _new(*scope).rows(**values, since=since(YESTERDAY)))
    name = f"row-total:{sha256(repr(ids).encode()).hexdigest()[:32]}:{scope[1]}:{completed}"
    try:
        total = cache.get(name)
    except redis.RedisError:
        total = None
    if total is None:
        known = [n for (n,) in _rows(*scope).rows(**values)]
        total = sum(known) if known else UNKNOWN
        with contextlib.suppress(redis.RedisError):
            cache.set(name, total, KEPT_S)
    return new, None if total == UNKNOWN else total


@lru_cache(maxsize=64)
def _new(keys: int, has_bin: bool) -> Prepared:
    recent = {"uploaded_at__gte": Slot("since", DateTimeField())}
    return Prepared(lambda: _by_key(keys, has_bin, recent, n=Count("*")))


@lru_cache(maxsize=64)
def _rows(keys: int, has_bin: bool) -> Prepared:
    known = {"status": COMPLETED, "row_count__isnull": False}
    return Prepared(lambda: _by_key(keys, has_bin, known, n=Sum("row_count")))


def _by_key(keys: int, has_bin: bool, conditions: dict[str, object], **count: Aggregate) -> QuerySet:
    sources = access.sources_behind(Slot(f"key{place}", UUIDField()) for place in range(keys))
    found = (bin.outside(sources) if has_bin else sources).filter(**conditions)
    return found.order_by().values("key").annotate(**count).values_list("n")
