"""When notices leave the dashboard: a user's quiet hours, and the rhythm of their mail."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from accounts.middleware import reader_zone
from accounts.models import User
from datasources.models import Outlet, Timing

DAY = timedelta(days=1)
MONDAY = 0


def of(user: User) -> Timing | None:
    return getattr(user, "timing", None)


def due_at(outlet: Outlet, since: datetime, earliest: datetime) -> datetime:
    """When a message leaves whose first notice is of `since`: not before `earliest`, nor in quiet hours.

    A digest leaves at its next hour after `since`, or when the quiet hours around that hour end.
    """
    timing = of(outlet.user)
    if timing is None:
        return earliest
    zone = reader_zone(timing.zone) or ZoneInfo("UTC")
    if is_digest(outlet):
        earliest = max(earliest, _digest_after(timing, since, zone))
    return _after_quiet(timing, earliest, zone)


def is_digest(outlet: Outlet) -> bool:
    timing = of(outlet.user)
    return outlet.kind == Outlet.Kind.MAIL and timing is not None and timing.rhythm != Timing.Rhythm.AT_ONCE


@transaction.atomic
def save(timing: Timing) -> None:
    """Stores it. The waiting channels become due, and find their new time themselves (channels.send)."""
    timing.save()
    Outlet.objects.filter(user=timing.user_id).exclude(due_at=None).update(due_at=timezone.now())


def _digest_after(timing: Timing, since: datetime, zone: ZoneInfo) -> datetime:
    hour, day = time(timing.hour), since.astimezone(zone).date()
    days = [day + n * DAY for n in range(9)]
    if timing.rhythm == Timing.Rhythm.WEEKLY:
        days = [day for day in days if day.weekday() == MONDAY]
    return next(at for at in (_instant(day, hour, zone) for day in days) if at > since)


def _after_quiet(timing: Timing, at: datetime, zone: ZoneInfo) -> datetime:
    """`at`, or the end of the quiet hours that it lies in. They may have begun on the day before."""
    begin, end = timing.quiet_from, timing.quiet_until
    if begin is None or end is None:
        return at
    today = at.astimezone(zone).date()
    for day in (today - DAY, today):
        until = _instant(day if begin < end else day + DAY, end, zone)
        if _instant(day, begin, zone) <= at < until:
            return until
    return at


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """In UTC, since Python compares times of one zone by the clock on the wall.

    A time that the clock skips is one hour later on that day; of a time that it shows twice, the first counts.
    """
    return datetime.combine(day, at, zone).astimezone(UTC)
