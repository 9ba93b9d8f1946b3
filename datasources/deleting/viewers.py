"""Recent viewers of a source, shown before it is deleted."""

import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import redis
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from core.lately import Lately
from core.redis import connection
from datasources import access, recent
from datasources.models import Opened, Source

# What people see is right to within this time: opening is mostly reading, and stays it.
NOTED_EVERY = timedelta(hours=1)
# A process asks Redis about a person and a source once a minute.
noted_lately = Lately(60)
REMEMBERED = timedelta(days=30)


def note(source: Source, user: User) -> None:
    """Writes down that this person has opened the source, when that was not done for an hour."""
    recent.note(user.pk, "file", source.datasource_id)
    if not noted_lately.is_new((source.pk, user.pk)):
        return
    with contextlib.suppress(redis.RedisError):
        if connection().set(f"claro:opened:{source.pk}:{user.pk}", 1, nx=True, ex=NOTED_EVERY):
            Opened.objects.bulk_create(
                [Opened(source=source, user=user, at=timezone.now())],
                update_conflicts=True,
                unique_fields=["source", "user"],
                update_fields=["at"],
            )


def by_whom(datasource_ids: Iterable[UUID], reader: User) -> tuple[list[tuple[User, datetime]], int]:
    """Other users who opened these in the last 30 days, each with the last time, the latest first.

    Also the number of users of keys that the reader does not know: those are not named.
    """
    since = timezone.now() - REMEMBERED
    found = Opened.objects.filter(source__datasource_id__in=datasource_ids, at__gte=since).exclude(user=reader)
    known = found.filter(source__key__in=access.keys_for(reader).values("pk"))
    people = known.values_list("user__name", "user__email").annotate(last=Max("at")).order_by("-last")
    others = found.exclude(user__in=known.values("user")).values("user").distinct().count()
    return [(User(name=name, email=email), last) for name, email, last in people], others


def tidy() -> None:
    Opened.objects.filter(at__lt=timezone.now() - REMEMBERED).delete()
