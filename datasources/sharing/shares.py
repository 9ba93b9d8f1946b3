"""Share links: creating, changing and using them. access.py decides at each use whether one works.

Each file has a download link (links.py), created once for all visitors and renewed ahead of need, so a click costs no
call. Permissions are never cached; uses are buffered in Redis and logged in batches.
"""

import json
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache

import redis
from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.people import with_address
from accounts.quotas import require_room
from accounts.roles import Action, may
from core import guesses, throttle, vault
from core.guesses import Guess
from core.queries import Prepared, Slot
from core.redis import connection
from core.visitors import network_of
from datasources import access, notices
from datasources.activity import log
from datasources.activity.log import Origin
from datasources.activity.words import What
from datasources.downloads import links
from datasources.models import LINK_MARGIN, ApiKey, DownloadLink, SharedFile, ShareLink, Source, is_used_up, living
from datasources.models.notices import Topic

PREFIX = "cd_"
TOKEN_BYTES = 24
FILES_AT_MOST = 100  # on one page
LONGEST_LINK_S = 86_400  # what Claro signs for at most
# After a failure nobody's click asks Claro again for so long.
PAUSE_AFTER_FAILURE = timedelta(minutes=1)
# A file that was downloaded so lately is likely to be again: its link is renewed so long before it ends.
IN_USE = timedelta(days=3)
AHEAD = timedelta(hours=4)
# Who wants to know is told so long before one ends.
WARN_BEFORE = timedelta(days=1)
FORGET_AFTER = timedelta(days=90)
# Wrong passwords that come after so long a pause are news again.
GUESSING_IS_OVER_AFTER_S = 3600
SOMEBODY = "Unknown visitor"
USES = "claro:share-uses"
USES_AT_ONCE = 500


def make(
    by: User,
    key: ApiKey,
    sources: Iterable[Source],
    *,
    ends_at: datetime | None = None,
    most_uses: int | None = None,
    limits_each: bool = False,
    password: str = "",
    note: str = "",
    names_sender: bool = False,
) -> ShareLink:
    """A link to a page with these sources, all behind the one key. Raises QuotaReached."""
    share = ShareLink(key=key, made_by=by, ends_at=ends_at, note=note, names_sender=names_sender)
    share.most_uses, share.limits_each = most_uses, limits_each
    share.password = make_password(password) if password else ""
    _set_token(share)
    with transaction.atomic():
        _require_room(by)
        share.save(force_insert=True)
        files = [SharedFile(share=share, source=source, number=n) for n, source in enumerate(sources, start=1)]
        SharedFile.objects.bulk_create(files)
        _tell(share)
    return share


def change(share: ShareLink, **settings: object) -> None:
    """Changes settings; `password` is given in clear, empty for none."""
    if settings.keys() & {"ends_at", "most_uses", "limits_each"}:
        settings["warned_at"] = None  # it can be about to end anew
    if "password" in settings:
        settings["password"] = make_password(settings["password"]) if settings["password"] else ""
    for name, value in settings.items():
        setattr(share, name, value)
    share.save(update_fields=list(settings))
    _tell(share)


def pause(share: ShareLink, *, on: bool) -> None:
    change(share, paused_at=timezone.now() if on else None)


def end(share: ShareLink) -> None:
    """Revokes the link."""
    change(share, ended_at=timezone.now())


def revive(share: ShareLink, **settings: object) -> None:
    """The opposite, with other settings to change. Raises QuotaReached."""
    with transaction.atomic():
        _require_room(share.made_by)
        change(share, ended_at=None, **settings)


def rotate(share: ShareLink, token: str = "") -> None:
    """Another address for the same page, a new one if none is given; the present one is dead at once."""
    _set_token(share, token)
    share.save(update_fields=["token", "fingerprint"])
    _tell(share)


def may_change(share: ShareLink, user: User) -> bool:
    """True if this user, who sees it, may change and revoke it: it is their own, or their role allows that."""
    is_own = share.made_by_id == user.pk and may(share.role, Action.SHARE)
    return is_own or may(share.role, Action.END_SHARES)


def sender(share: ShareLink) -> str:
    """The user who made it, as its page names them; empty if they did not choose that."""
    return with_address(share.made_by) if share.names_sender else ""


def guess(share: ShareLink, address: str | None, device: str) -> Guess:
    """An attempt at its password, counted for its network and for all together; for a known `device` alone.

    Strangers can therefore delay new visitors, but no visitor who has opened the link before.
    """
    network = (f"network {network_of(address)}", guesses.OF_ONE)
    guessers = [(f"device {device}", guesses.OF_ONE)] if device else [network, ("all", guesses.OF_ALL)]
    return Guess(f"share link {share.pk}", guessers)


def tell_of_guessing(share: ShareLink) -> None:
    """Notifies its maker, its key's owner and the log of password guessing; once until it has stopped for a while."""
    if throttle.goes_on("guessing", str(share.pk), GUESSING_IS_OVER_AFTER_S):
        return
    with transaction.atomic():
        files = share.files.select_related("source")
        about = ", ".join(file.source.name for file in files)
        log.record(What.SHARE_GUESSED, None, who=SOMEBODY, key=share.key, about=about, share=str(share.pk))
        first = {file.source.datasource_id: file.source.name for file in files[:1]}
        notices.tell_always({share.made_by_id, share.key.owner_id}, share.key, Topic.GUESSED, first)


def quick(token: str, number: int) -> tuple[ShareLink, str] | None:
    """A valid share by its token, and the signed URL of a file if that is alive. One query.

    access.py defines the conditions, and the SQL is compiled once, because scripts and clicks wait for it. Only the
    fields needed to redirect are loaded.
    """
    now, fingerprints = timezone.now(), vault.fingerprints(token)
    values = {f"fingerprint{place}": fingerprint for place, fingerprint in enumerate(fingerprints)}
    found = _living(len(fingerprints)).objects(number=number, now=now, soon=now + LINK_MARGIN, **values)
    for share in found:
        with suppress(vault.SecretUnreadable):
            return share, vault.unseal(share.url, DownloadLink.row_of(share.link_id, share.source_id))
    return None


def target(share: ShareLink, number: int) -> str | None:
    """The signed URL of a file of the share where there is one that lives. One query."""
    files = share.files.present().filter(number=number)
    alive = DownloadLink.objects.alive().filter(source__in=files.values("source"))
    return next((url for link in alive.order_by("-expires_at") if (url := links.target(link))), None)


def renew(share: ShareLink, number: int) -> DownloadLink | None:
    """The link for a task to make, the one it is making, or one that has just failed; None: there is no such file."""
    file = share.files.present().filter(number=number).select_related("source__key").first()
    if file is None:
        return None
    failed = file.source.links.filter(
        state=DownloadLink.State.FAILED, created_at__gt=timezone.now() - PAUSE_AFTER_FAILURE
    )
    return failed.first() or links.ask(file.source, share.made_by, LONGEST_LINK_S, is_limited=False)


def use(share: ShareLink, number: int) -> bool:
    """Counts a download; False if none is left. Simultaneous calls never exceed the limit.

    With a limit the database counts at once; without one, the downloads of a few seconds are counted together.
    """
    now, is_limited = timezone.now(), share.most_uses is not None
    if is_limited and not _count(share, number, now):
        return False
    origin = log.origin.get()
    line = {
        "share": str(share.pk),
        "number": number,
        "is_counted": is_limited,
        "at": now.isoformat(),
        "address": origin.address,
        "agent": origin.agent,
    }
    try:
        connection().rpush(USES, json.dumps(line))
    except redis.RedisError:
        _write([line])
    return True


def write_uses() -> int:
    """Stores the downloads since the last time and notifies open pages; returns their number."""
    lines = [json.loads(line) for line in connection().lpop(USES, USES_AT_ONCE) or ()]
    _write(lines)
    return len(lines)


def renew_ahead() -> list[DownloadLink]:
    """Links for a task to make when nobody else wants the calls: of files in use, whose present link ends soon."""
    now = timezone.now()
    in_use = SharedFile.objects.present().filter(
        last_used_at__gt=now - IN_USE, share__in=access.shares_that_work().values("pk")
    )
    ready = Q(source__links__state=DownloadLink.State.READY)
    due = in_use.annotate(until=Max("source__links__expires_at", filter=ready)).filter(until__lt=now + AHEAD)
    asked = {
        file.source_id: links.ask(
            file.source, file.share.made_by, LONGEST_LINK_S, renew=True, ahead=True, is_limited=False
        )
        for file in due.select_related("source__key", "share__made_by")
    }
    return list(asked.values())


def warn() -> int:
    """Notifies subscribers of share links at their limit or near their expiry, once of each; returns the number."""
    now = timezone.now()
    # One that was made for a day only is no news on that day.
    ending = Q(ends_at__gt=now, ends_at__lte=now + WARN_BEFORE, created_at__lt=now - WARN_BEFORE)
    due = ShareLink.objects.filter(ending | is_used_up(), ended_at=None, warned_at=None)
    found = list(due.select_related("key").prefetch_related("files__source"))
    for share in found:
        with transaction.atomic():
            if ShareLink.objects.filter(pk=share.pk, warned_at=None).update(warned_at=now):
                notices.tell_of(share.key, Topic.SHARES, [file.source for file in share.files.all()][:1])
    return len(found)


def tidy() -> None:
    """Forgets share links that ended a while ago."""
    before = timezone.now() - FORGET_AFTER
    ShareLink.objects.filter(Q(ended_at__lt=before) | Q(ends_at__lt=before)).delete()


def _count(share: ShareLink, number: int, now: datetime) -> bool:
    """Counts a download of a link with a limit; False if none is left."""
    link, file = ShareLink.objects.filter(pk=share.pk), SharedFile.objects.filter(share=share, number=number)
    one_more = {"uses": F("uses") + 1, "last_used_at": now}
    # Each limit is in the row that is counted, not behind a join. So the database compares again after it has waited
    # for a simultaneous download.
    with transaction.atomic():
        if share.limits_each:
            return bool(file.filter(uses__lt=share.most_uses).update(**one_more) and link.update(**one_more))
        return bool(link.filter(uses__lt=F("most_uses")).update(**one_more) and file.update(**one_more))


def _require_room(maker: User) -> None:
    in_time = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
    require_room(maker, "share_links", ShareLink.objects.filter(in_time, made_by=maker, ended_at=None))


def _set_token(share: ShareLink, token: str = "") -> None:
    token = token or PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    share.fingerprint = vault.fingerprints(token)[0]
    share.seal(token)


def _tell(share: ShareLink) -> None:
    access.publish(share.key, "shares-changed")


@lru_cache(maxsize=8)
def _living(fingerprints: int) -> Prepared:
    """A share that works, once for each living link of a file, the longest first; for as many master keys."""
    names = [Slot(f"fingerprint{place}", models.CharField()) for place in range(fingerprints)]
    now, soon = (Slot(name, models.DateTimeField()) for name in ("now", "soon"))

    def query() -> QuerySet[ShareLink]:
        found = access.shares_that_work(now).filter(
            living("files__source__links__", soon),
            fingerprint__in=names,
            files__number=Slot("number", models.PositiveIntegerField()),
            files__source__gone_at=None,
        )
        link = {"source_id": "files__source", "link_id": "files__source__links", "url": "files__source__links__url"}
        found = found.annotate(**{name: F(path) for name, path in link.items()})
        return found.only("password", "most_uses", "limits_each").order_by("-files__source__links__expires_at")

    return Prepared(query)


def _write(lines: list[dict]) -> None:
    """Into the log, each with the address and the agent that it came from, and into the count where it isn't yet."""
    files = SharedFile.objects.filter(share__in={line["share"] for line in lines})
    by_name = {
        (str(file.share_id), file.number): file for file in files.select_related("source__key", "share__made_by")
    }
    used = [(by_name[name], line) for line in lines if (name := (line["share"], line["number"])) in by_name]
    for file, line in used:
        before = log.origin.set(Origin(line["address"], line["agent"]))
        at, who = datetime.fromisoformat(line["at"]), f"Share link of {file.share.made_by}"
        log.record(What.SHARE_USED, None, who=who, source=file.source, at=at, share=line["share"])
        log.origin.reset(before)
        if not line["is_counted"]:
            one_more = {"uses": F("uses") + 1, "last_used_at": at}
            SharedFile.objects.filter(pk=file.pk).update(**one_more)
            ShareLink.objects.filter(pk=file.share_id).update(**one_more)
    for key in {file.source.key for file, _ in used}:
        access.publish(key, "shares-changed")
