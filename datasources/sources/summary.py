"""The line above the list: what is new, what needs attention, and how many rows there are. Each part is a filter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from uuid import UUID

from django.db.models import Count, DateTimeField, F, QuerySet, UUIDField, Value
from django.utils import timezone

from core.queries import Prepared, Slot
from datasources import access
from datasources.claro import COMPLETED, FAILED, PROCESSING
from datasources.deleting import bin
from datasources.models import SourceCount

YESTERDAY = "yesterday"


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

    Three queries.
    """
    ids = sorted(key_ids, key=str)
    if not ids:
        return []
    scope, values = (len(ids), bin.is_in_use()), {f"key{place}": pk for place, pk in enumerate(ids)}
    new = sum(n for (n,) in _new(*scope).rows(**values, since=since(YESTERDAY)))
    numbers = _rows(*scope).rows(**values)
    known, rows = sum(known for known, _ in numbers), sum(rows for _, rows in numbers)
    parts = [Part(f"{new:,} new since yesterday", "since", YESTERDAY)] if new else []
    parts += [Part(f"{totals[name]:,} {name}", "status", name) for name in (PROCESSING, FAILED) if totals.get(name)]
    if known:
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


@lru_cache(maxsize=64)
def _new(keys: int, has_bin: bool) -> Prepared:
    def query() -> QuerySet:
        recent = access.sources_behind(_keys(keys)).filter(uploaded_at__gte=Slot("since", DateTimeField()))
        found = bin.outside(recent) if has_bin else recent
        return found.order_by().values("key").annotate(n=Count("*")).values_list("n")

    return Prepared(query)


@lru_cache(maxsize=64)
def _rows(keys: int, has_bin: bool) -> Prepared:
    """Numbers to add up: completed files whose number of rows is known, and these rows."""

    def query() -> QuerySet:
        stored = SourceCount.objects.filter(key__pk__in=_keys(keys), status=COMPLETED).values_list("known", "rows")
        if not has_bin:
            return stored
        in_bin = bin.inside(_keys(keys)).filter(status=COMPLETED, row_count__isnull=False)
        return stored.union(in_bin.values_list(Value(-1), -F("row_count")), all=True)

    return Prepared(query)


def _keys(keys: int) -> list[Slot]:
    return [Slot(f"key{place}", UUIDField()) for place in range(keys)]
