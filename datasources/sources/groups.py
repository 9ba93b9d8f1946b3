"""Groups of the list: by key, status, or day of upload. The files of a group stay in the order that was asked for."""

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import groupby

from django.db.models import Case, Expression, F, IntegerField, OrderBy, Value, When
from django.db.models.functions import Lower, TruncDate
from django.utils import timezone

from datasources.claro import COMPLETED, FAILED, PROCESSING
from datasources.models import Source

NAMES = (("key", "By key"), ("status", "By status"), ("day", "By day"))
# Statuses in the order of their groups; one that we don't know comes after the first.
STATUSES = (PROCESSING, FAILED, COMPLETED)


@dataclass(frozen=True)
class Group:
    """Files of a page under one heading; without groups all of them under none."""

    heading: str
    sources: list[Source]


@dataclass(frozen=True)
class Before:
    """The order before the sort of the list, which keeps groups whole. Days are those of the time zone `zone`."""

    name: str
    zone: str = ""

    def order(self) -> list[Expression | OrderBy]:
        if self.name == "key":
            return [Lower("key__label"), F("key")]
        if self.name == "status":
            places = [When(status=status, then=Value(place)) for place, status in enumerate(STATUSES[1:], start=2)]
            first = When(status=STATUSES[0], then=Value(0))
            return [Case(first, *places, default=Value(1), output_field=IntegerField()), F("status")]
        if self.name == "day":
            return [TruncDate("uploaded_at", tzinfo=zoneinfo.ZoneInfo(self.zone)).desc(nulls_last=True)]
        return []


def of_page(sources: Iterable[Source], name: str) -> list[Group]:
    """The sources of a page in their groups."""
    if not name:
        return [Group("", list(sources))]
    found = groupby(sources, key=lambda source: _value(source, name))
    return [Group(_heading(value, part[0], name), part) for value, members in found for part in [list(members)]]


def reader_zone() -> str:
    """The reader's time zone, by a name that databases know too."""
    name = timezone.get_current_timezone_name()
    return name if "/" in name and name in _zones() else "UTC"


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _value(source: Source, name: str) -> object:
    if name == "day":
        return _day(source.uploaded_at)
    return source.key_id if name == "key" else source.status


def _day(at: datetime | None) -> date | None:
    return at and at.astimezone(zoneinfo.ZoneInfo(reader_zone())).date()


def _heading(value: object, first: Source, name: str) -> str:
    if name == "key":
        return first.key.label
    if name == "status":
        return first.status.capitalize() if first.status in STATUSES else first.status or "unknown"
    if not isinstance(value, date):
        return "Without a date"
    today = _day(timezone.now())
    if value in (today, today - timedelta(days=1)):
        return "Today" if value == today else "Yesterday"
    return f"{value:%A}, {value.day} {value:%B %Y}"
