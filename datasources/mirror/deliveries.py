"""Deliveries of Claro's webhooks: hints about a source, stored in milliseconds and never trusted.

The source is read again from the API, at most once a minute however often a delivery is repeated. While this keeps up,
polling is a slow fallback (watch.py).
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import F, Min, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.leases import Held
from core.vault import SecretUnreadable
from datasources import gateway, mirror
from datasources.claro import (
    COMPLETED,
    FAILED,
    LIST_LIMIT_MAX,
    PROCESSED,
    AccessDenied,
    DatasourceNotFound,
    InvalidParameters,
    Unreadable,
    parse_delivery,
    verify_signature,
)
from datasources.gateway.budget import Lane
from datasources.mirror import sync
from datasources.models import ApiKey, Hint, Hook, Watch

if TYPE_CHECKING:
    from datasources.claro.client import ClaroClient

# A delivery about a source that was read so recently is a repetition.
REPEATED_WITHIN = timedelta(minutes=1)
# Claro may tell before its own answers do: a source that still processes is read again, and for how long.
AGAIN_AFTER, GIVE_UP_AFTER = timedelta(seconds=3), timedelta(seconds=20)
# From so many hints on, the page of finished sources that has them all is read instead of each one.
READ_TOGETHER = 3
# So far back the list of finished sources is searched for them.
NEWEST = 2000
# Deliveries that name no source bring the next poll forward; one poll for all within this time.
LOOK_EVERY = timedelta(seconds=3)
# What finished so long after the last hint should have been told.
GRACE = timedelta(minutes=2)
ERROR_EVERY = timedelta(minutes=1)
FORGET_AFTER = timedelta(hours=1)


class Forged(Exception):
    """A delivery that Claro did not sign."""


def receive(hook: Hook, raw_body: bytes, signature: str) -> bool:
    """Notes what a delivery hints at; true when this makes work due that no worker knows of.

    A repeated one costs a query and writes nothing. Raises Forged and SecretUnreadable.
    """
    try:
        secret = signing_secret(hook)
    except SecretUnreadable:
        _note_error(hook, "A delivery was not checked: the webhook's secret can't be read.")
        raise
    if not verify_signature(secret, raw_body, signature):
        _note_error(hook, "A delivery had a wrong signature.")
        raise Forged
    delivery = parse_delivery(raw_body)
    concerns_us = delivery.event in ("", PROCESSED)
    if concerns_us and delivery.datasource_id:
        return _hint(hook, delivery.datasource_id)
    now = timezone.now()
    if hook.last_delivery_at is None or hook.last_delivery_at < now - LOOK_EVERY:
        Hook.objects.filter(pk=hook.pk).update(deliveries=F("deliveries") + 1, last_delivery_at=now)
        if concerns_us:
            _poll_soon(hook.key)
    return False


def read(held: Held) -> None:
    """Reads again what was hinted at: one call a source, and fewer where many came together."""
    hook: Hook = held.work
    while due := list(hook.hints.filter(due_at__lte=timezone.now()).order_by("due_at").values_list("pk", flat=True)):
        with gateway.client(hook.key, Lane.WATCH) as claro:
            if len(due) >= READ_TOGETHER:
                _read_together(held, claro, due)
            for hint in hook.hints.filter(pk__in=due).exclude(due_at=None):
                _read_one(held, claro, hint)


def next_due(hook: Hook) -> datetime | None:
    """When a hint is to be followed next."""
    return hook.hints.aggregate(at=Min("due_at"))["at"]


def keep_up(key: ApiKey) -> bool:
    """True if deliveries arrive in time, so that polling is only a fallback. Two queries."""
    hook = Hook.objects.filter(key=key, state=Hook.State.REGISTERED).exclude(last_hint_at=None).first()
    if not hook:
        return False
    missed = {"processed_at__gt": hook.last_hint_at + GRACE}
    return not key.sources.finished().filter(**missed).exists()


def tidy() -> None:
    """Forgets hints that were followed a while ago."""
    Hint.objects.filter(due_at=None, read_at__lt=timezone.now() - FORGET_AFTER).delete()


def signing_secret(hook: Hook) -> str:
    """The secret with which Claro signs deliveries. Raises SecretUnreadable."""
    return hook.derived("signature")


def _hint(hook: Hook, datasource_id: UUID) -> bool:
    now = timezone.now()
    known = hook.hints.filter(datasource_id=datasource_id).first()
    if known and (known.due_at or known.read_at > now - REPEATED_WITHIN):
        return False
    with transaction.atomic():
        Hint.objects.bulk_create(
            [Hint(hook=hook, datasource_id=datasource_id, told_at=now, due_at=now)],
            update_conflicts=True,
            unique_fields=["hook", "datasource_id"],
            update_fields=["told_at", "due_at"],
        )
        noted = {"deliveries": F("deliveries") + 1, "last_delivery_at": now, "last_hint_at": now}
        # Work that waits out an error or the rate limit keeps its date.
        Hook.objects.filter(pk=hook.pk).update(due_at=Coalesce(F("due_at"), now), **noted)
    return hook.due_at is None


def _read_together(held: Held, claro: "ClaroClient", due: list[int]) -> None:
    """Pages of finished ones on which several are to be expected, while there are."""
    hints: QuerySet[Hint] = held.work.hints.filter(pk__in=due)
    for page in _pages(held.work.key, hints):
        asked_at = timezone.now()
        got = claro.list_datasources(page, LIST_LIMIT_MAX, COMPLETED)
        mirror.record(held.work.key, got.sources, asked_at)
        ids = [source.datasource_id for source in got.sources]
        found = hints.filter(datasource_id__in=ids).exclude(due_at=None).update(due_at=None, read_at=asked_at)
        held.renew()
        if found < READ_TOGETHER:  # the list is in another order, or they failed
            break


def _pages(key: ApiKey, hints: QuerySet[Hint]) -> list[int]:
    """Where the list of completed ones, the newest first, has at least READ_TOGETHER of these, as far as we know.

    Those that we have never met were uploaded just now.
    """
    wanted = set(hints.values_list("datasource_id", flat=True))
    ours = key.sources.present().filter(uploaded_at__isnull=False)
    known = dict(ours.filter(datasource_id__in=wanted).values_list("datasource_id", "uploaded_at"))
    others = ours.filter(status=COMPLETED).exclude(datasource_id__in=wanted).order_by("-uploaded_at")
    now = timezone.now()
    places = sorted(
        [(known.get(one, now), True) for one in wanted]
        + [(at, False) for at in others.values_list("uploaded_at", flat=True)[:NEWEST]],
        reverse=True,
    )
    counts = Counter(place // LIST_LIMIT_MAX for place, (_, is_wanted) in enumerate(places[:NEWEST]) if is_wanted)
    return [page + 1 for page, count in sorted(counts.items()) if count >= READ_TOGETHER]


def _read_one(held: Held, claro: "ClaroClient", hint: Hint) -> None:
    key, asked_at = held.work.key, timezone.now()
    due_at = None
    try:
        answer = claro.get_datasource(hint.datasource_id)
    except DatasourceNotFound:
        for source in key.sources.filter(datasource_id=hint.datasource_id):
            mirror.mark_gone(source)
    except (AccessDenied, InvalidParameters, Unreadable):
        pass  # about this one source; the others are still read
    else:
        mirror.record(key, [answer], asked_at, are_details=True)
        if answer.status not in (COMPLETED, FAILED) and hint.told_at > asked_at - GIVE_UP_AFTER:
            due_at = asked_at + AGAIN_AFTER
    held.work.hints.filter(pk=hint.pk).update(due_at=due_at, read_at=asked_at)
    held.renew()


def _poll_soon(key: ApiKey) -> None:
    soon = timezone.now() + LOOK_EVERY
    if key.watch.due_at is None or key.watch.due_at > soon:
        Watch.objects.filter(pk=key.watch.pk, leased_until=None).update(due_at=soon)
    sync.wake([key], older_than=REPEATED_WITHIN)


def _note_error(hook: Hook, text: str) -> None:
    now = timezone.now()
    if hook.last_error_at is None or hook.last_error_at < now - ERROR_EVERY:
        Hook.objects.filter(pk=hook.pk).update(last_error=text, last_error_at=now)
