"""Adding, replacing and deleting API keys."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import Team, User
from accounts.quotas import require_room
from core import live
from core.vault import fingerprints
from datasources import access
from datasources.claro import ClaroError
from datasources.copies import jobs
from datasources.downloads import links
from datasources.mirror import webhooks
from datasources.models import ApiKey, DownloadLink, Hook, KeyShare, Refusal, Sync, TableCopy, Upload, Watch
from datasources.security import master_key
from datasources.uploads import queue


def same_secret(owner: User, secret: str, other_than: ApiKey | None = None) -> ApiKey | None:
    """The key under which this person has stored this secret already."""
    mine = ApiKey.objects.filter(owner=owner, fingerprint__in=fingerprints(secret))
    return mine.exclude(pk=other_than and other_than.pk).first()


def add(owner: User, label: str, secret: str, state: ApiKey.State) -> ApiKey:
    """Stores a key; its first sync is due at once. Raises QuotaReached."""
    with transaction.atomic():
        require_room(owner, "keys", ApiKey.objects.filter(owner=owner))
        master_key.leave_canary()
        key = ApiKey(owner=owner, label=label, state=state)
        key.set_secret(secret)
        key.save(force_insert=True)
        Sync.objects.create(key=key, due_at=timezone.now())
        Watch.objects.create(key=key)
        access.publish(key, "keys-changed", "sources-changed")
    return key


def lock(key: ApiKey) -> None:
    """Locks a key for a change by the owner that it was loaded with.

    Raises Http404 if it was deleted or transferred to another person meanwhile. Call it in a transaction.
    """
    get_object_or_404(ApiKey.objects.select_for_update(), pk=key.pk, owner=key.owner_id)


def change(key: ApiKey, **values: object) -> None:
    """Changes fields of a key other than its secret."""
    with transaction.atomic():
        lock(key)
        for name, value in values.items():
            setattr(key, name, value)
        key.save(update_fields=list(values))


def replace_secret(key: ApiKey, secret: str, state: ApiKey.State) -> None:
    """Replaces the secret of a key: its data stays, and stopped work resumes."""
    now = timezone.now()
    with transaction.atomic():
        lock(key)
        key.set_secret(secret)
        key.state, key.problem, key.problem_since = state, None, None
        key.save()
        Refusal.objects.filter(key=key).delete()
        Sync.objects.filter(key=key).update(due_at=now, attempts=0, is_awaited=True)
        Watch.objects.filter(key=key).update(due_at=now, attempts=0, started_at=None)
        links.go_on(key)
        webhooks.go_on(key)
        jobs.go_on(key)
        queue.go_on(key)
        access.publish(key, "keys-changed", "sources-changed", "downloads-changed")


def go_on(key: ApiKey) -> None:
    """Makes due what rests since the key was refused, and what waits for Claro to answer: it accepts the key."""
    stopped = Q(due_at=None, attempts__gt=0) | Q(started_at__isnull=False)
    now = timezone.now()
    Refusal.objects.filter(key=key, leased_until=None).update(due_at=None, attempts=0, accepted_at=now)
    for model in (Sync, Watch):
        model.objects.filter(stopped, key=key).update(due_at=now, attempts=0)
    links.go_on(key)
    webhooks.go_on(key)
    jobs.go_on(key)
    queue.go_on(key)


def switch_copies(key: ApiKey, is_on: bool) -> int:
    """Whether whole tables of this key may be copied; returns how many copies are deleted when it is switched off."""
    with transaction.atomic():
        lock(key)
        ApiKey.objects.filter(pk=key.pk).update(keeps_copies=is_on)
        gone = 0 if is_on else jobs.purge(key)
        access.publish(key, "keys-changed", "teams-changed")
    return gone


def switch_export(key: ApiKey, is_on: bool) -> None:
    """Whether rows of this key may be exported."""
    with transaction.atomic():
        lock(key)
        ApiKey.objects.filter(pk=key.pk).update(allows_export=is_on)
        access.publish(key, "keys-changed", "teams-changed")


def share(key: ApiKey, teams: Iterable[Team], former: Iterable[Team] = ()) -> tuple[list[Team], list[Team]]:
    """Shares the key with `teams`, and no longer with `former` ones. Returns those for which this made a change."""
    before = {share.team: share for share in key.shares.select_related("team")}
    new, former = set(teams) - before.keys(), before.keys() & set(former)
    with transaction.atomic():
        lock(key)
        for team in new:
            KeyShare.objects.get_or_create(key=key, team=team)
        for team in former:
            before[team].delete()
    return sorted(new, key=str), sorted(former, key=str)


def missing_from(key: ApiKey, listed: set[UUID]) -> int:
    """How many files of the key go out of sight with a new secret, for which Claro lists these sources first.

    0 if it lists any of them: then it is another key of the same account.
    """
    present = key.sources.present()
    return 0 if present.filter(datasource_id__in=listed).exists() else present.count()


def goes_with(key: ApiKey) -> dict[str, int]:
    """The objects that are lost when the key is deleted here; only its webhook is deleted at Claro."""
    return {
        "sources": key.sources.present().count(),
        "links": DownloadLink.objects.filter(source__in=key.sources.present()).count(),
        "copies": TableCopy.objects.ready().filter(source__key=key).count(),
        "shares": sum(not link.is_over for link in key.share_links.prefetch_related("files")),
        "teams": key.shares.count(),
        # Their files are nowhere else.
        "uploads": Upload.objects.unfinished().filter(key=key).count(),
        "hooks": Hook.objects.filter(key=key).exclude(state=Hook.State.FAILED).count(),
    }


def delete(key: ApiKey) -> ClaroError | None:
    """Deletes a key here. Gives what went wrong when its webhook could not be removed at Claro, with one try."""
    error = webhooks.remove_now(key)
    people = access.people_for(key)
    with transaction.atomic():
        # Before its sources, as whoever writes them does: they would wait for each other.
        lock(key)
        key.delete()
        live.publish(people, "keys-changed", "sources-changed", "downloads-changed")
    return error
