"""Download links: signed URLs of original files, made once for all who ask and kept until they end."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.quotas import require_room
from core import leases
from core.leases import Held
from core.vault import SecretUnreadable
from datasources import access, gateway, mirror
from datasources.claro import BadAnswer, ClaroError, DatasourceNotFound, NotNow
from datasources.gateway import KeyRefused, retry
from datasources.gateway.breaker import is_failure
from datasources.gateway.budget import Lane
from datasources.models import LINK_MARGIN, ApiKey, DownloadLink, Source, living

# A person waits: a link that Claro has given no usable answer for so long has failed, and offers to try again.
PATIENCE = timedelta(minutes=10)
# However soon Claro lets a link end, it is offered for so long.
SHORTEST = 2 * LINK_MARGIN
FORGET_AFTER = timedelta(days=8)  # a week after the longest-lived one has ended


def ask(
    source: Source,
    user: User,
    expires_in_s: int,
    *,
    renew: bool = False,
    ahead: bool = False,
    is_limited: bool = True,
) -> DownloadLink:
    """A live link, or a pending one for a task to make. Concurrent callers get the same one.

    `renew` requests a new link although the present one is alive; `ahead` means that no user waits for it. Raises
    QuotaReached, unless `is_limited` is false: visitors of a share link act in its maker's name.
    """
    if not renew and (alive := _alive(source)):
        return alive
    now = timezone.now()
    with transaction.atomic():
        Source.objects.select_for_update().get(pk=source.pk)  # one asks at a time; SQLite has one writer anyway
        if pending := source.links.filter(state=DownloadLink.State.PENDING).first():
            if pending.is_ahead and not ahead:  # now somebody waits
                DownloadLink.objects.filter(pk=pending.pk).update(is_ahead=False, due_at=now)
                pending.is_ahead, pending.due_at = False, now
            return pending
        if not renew and (alive := _alive(source)):  # made since we looked
            return alive
        if is_limited:
            require_room(user, "download_links", _under_way(user))
        link = DownloadLink(source=source, asked_by=user, expires_in_s=expires_in_s, is_ahead=ahead, due_at=now)
        link.save(force_insert=True)
        access.publish(source.key, "downloads-changed")
    return link


def ask_all(sources: Collection[Source], user: User, expires_in_s: int, *, is_limited: bool = True) -> None:
    """A link for each of these, for a task to make where there is none that is alive or pending.

    A few queries however many they are. Raises QuotaReached, unless `is_limited` is false (see ask).
    """
    now = timezone.now()
    at_hand = DownloadLink.objects.filter(living() | Q(state=DownloadLink.State.PENDING), source__in=sources)
    provided = set(at_hand.values_list("source", flat=True))
    wanted = [source for source in sources if source.pk not in provided]
    new = [DownloadLink(source=source, asked_by=user, expires_in_s=expires_in_s, due_at=now) for source in wanted]
    with transaction.atomic():
        if is_limited:
            require_room(user, "download_links", _under_way(user), more=len(new))
        at_hand.filter(state=DownloadLink.State.PENDING, is_ahead=True).update(is_ahead=False, due_at=now)
        DownloadLink.objects.bulk_create(new, ignore_conflicts=True)  # somebody may ask for the same one right now
        for key in {source.key for source in wanted}:
            access.publish(key, "downloads-changed")


def _give_up(held: Held, error: ClaroError) -> None:
    link: DownloadLink = held.work
    held.finish(None, state=DownloadLink.State.FAILED, problem=error.to_dict())
    access.publish(link.source.key, "downloads-changed", event_name(link))


@retry.work(DownloadLink, _give_up)
def make(held: Held) -> str:
    """Has Claro sign a pending link: one call. Raises LeaseLost."""
    link: DownloadLink = held.work
    try:
        with gateway.client(link.source.key, Lane.COPY if link.is_ahead else Lane.LINK) as claro:
            signed = claro.sign_download(link.source.datasource_id, link.expires_in_s)
    except DatasourceNotFound:
        mirror.mark_gone(link.source)
        return "gone"
    except ClaroError as error:
        _not_made(held, error)
    else:
        link.seal(signed.url)
        # A link that ends sooner would be made again for every visit of a page that waits for it.
        expires_at = max(signed.expires_at, timezone.now() + SHORTEST)
        ready = {"state": DownloadLink.State.READY, "url": link.url, "expires_at": expires_at, "problem": None}
        held.finish(None, **ready)
    access.publish(link.source.key, "downloads-changed", event_name(link))
    return link.state


def target(link: DownloadLink) -> str | None:
    """The signed URL to send the browser to; None when the link has ended or can't be read any more."""
    if not link.is_alive:
        return None
    try:
        return link.unseal()
    except SecretUnreadable:
        return None


def best(found: QuerySet[DownloadLink]) -> dict[int, DownloadLink]:
    """Each source's best link, without its URL: the one that lives longest, else the pending one, else the newest."""
    chosen: dict[int, DownloadLink] = {}
    for link in found.defer("url").order_by("created_at"):
        if link.source_id not in chosen or _rank(link) >= _rank(chosen[link.source_id]):
            chosen[link.source_id] = link
    return chosen


def go_on(key: ApiKey) -> None:
    """Makes due what waited for a person to replace a refused or unreadable key."""
    now = timezone.now()
    waiting = DownloadLink.objects.filter(source__key=key, state=DownloadLink.State.PENDING)
    waiting.update(due_at=now, attempts=0, problem=None)


def tidy() -> None:
    """Forgets links that ended or failed a while ago."""
    old = DownloadLink.objects.filter(created_at__lt=timezone.now() - FORGET_AFTER)
    old.exclude(state=DownloadLink.State.PENDING).delete()


def event_name(link: DownloadLink) -> str:
    """The live event of changes to this link."""
    return f"link-{link.pk}"


def _under_way(user: User) -> QuerySet[DownloadLink]:
    return DownloadLink.objects.filter(asked_by=user, state=DownloadLink.State.PENDING)


def _rank(link: DownloadLink) -> tuple:
    return (True, link.expires_at) if link.is_alive else (False, link.is_pending)


def _alive(source: Source) -> DownloadLink | None:
    return next((link for link in source.links.alive().order_by("-expires_at") if target(link)), None)


def _not_made(held: Held, error: ClaroError) -> None:
    """Waits for the limit, for a person to replace the key, and a while for Claro; gives up the rest."""
    now, problem = timezone.now(), error.to_dict()
    waits = isinstance(error, NotNow | KeyRefused) or getattr(error, "needs_a_person", False)
    if isinstance(error, BadAnswer) or is_failure(error):
        problem["silent_since"] = (held.work.problem or {}).get("silent_since", now.isoformat())
        waits = now - datetime.fromisoformat(problem["silent_since"]) < PATIENCE
    if waits:
        retry.put_back(held, error, problem=problem)
        if isinstance(error, NotNow):
            leases.put_off(DownloadLink.objects.filter(source__key=held.work.source.key_id), error.retry_at)
    else:
        held.finish(None, state=DownloadLink.State.FAILED, problem=problem)
