"""Notifies users by their settings: in the app at once, and through their channels (channels.py) shortly after.

Repetitions within a few minutes are counted in the same notice: a hundred files that finish at once are one line, one
mail, one message.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from operator import itemgetter
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from core import live
from core.queries import Prepared, Slot
from core.text import visible
from datasources import access
from datasources.models import ApiKey, Notice, Outlet, Source, Transfer, Wish
from datasources.models.notices import Topic
from datasources.notices import timing

# What somebody is told who has chosen nothing: about a key of their own, and about one that is shared with them.
DEFAULTS = {True: (Topic.FAILED, Topic.REFUSED, Topic.SHARES), False: ()}
# Within this time what comes again is counted with what came before, unless that was read.
SAME_WITHIN = timedelta(minutes=5)
# Outlets wait for what comes along, and no longer for more.
GATHER = timedelta(seconds=30)
NAMED = 3
FORGET_AFTER = timedelta(days=30)


@transaction.atomic(savepoint=False)
def tell(key: ApiKey, topic: Topic, about: Mapping[UUID, str]) -> None:
    """Notifies every subscriber of this topic; `about` has names by the id of the source, or of the key.

    Call it in the transaction of the change. Three queries without subscribers.
    """
    for user_id, wanted in sorted(_who(key, topic).items(), key=itemgetter(0)):
        mine = {pk: name for pk, name in about.items() if wanted is None or pk in wanted}
        if mine:
            _note(key, topic, user_id, mine)


def tell_of(key: ApiKey, topic: Topic, sources: Iterable[Source]) -> None:
    """The same about sources."""
    if about := {source.datasource_id: source.name for source in sources}:
        tell(key, topic, about)


@transaction.atomic(savepoint=False)
def tell_always(people: Iterable[int], key: ApiKey, topic: Topic, about: Mapping[UUID, str]) -> None:
    """Notifies these users whatever their settings: their own data is in danger."""
    for user_id in sorted(people):
        _note(key, topic, user_id, about)


@transaction.atomic(savepoint=False)
def tell_removed(user: User, team: str, by: str) -> None:
    """Notifies a user that `by` removed them from the team of this name. Call it in the transaction of the removal."""
    outlets, now = _outlets(user.pk)
    names = [visible(team)[:200], by]
    Notice.objects.create(user=user, topic=Topic.REMOVED, names=names, began_at=now, at=now)
    _send_soon(user.pk, outlets, now)


@transaction.atomic(savepoint=False)
def tell_of_offer(user: User, topic: Topic, offer: Transfer, by: str) -> None:
    """Notifies a user of an offer of `by`, or of the answer of `by`. Call it in the transaction of the change."""
    outlets, now = _outlets(user.pk)
    names = [visible(offer.name)[:200], by, offer.kind]
    Notice.objects.create(user=user, topic=topic, names=names, transfer=offer, began_at=now, at=now)
    _send_soon(user.pk, outlets, now)


def unread(user: User) -> int:
    """How many notices wait to be read. One query."""
    return sum(count for (count,) in _UNREAD.rows(reader=user.pk))


def of(user: User):
    """The notices of a user about objects that they may still see, the newest first."""
    return _mine(user).select_related("key")


def read(user: User) -> None:
    """Everything there is has been seen."""
    if user.notices.filter(read_at=None).update(read_at=timezone.now()):
        live.publish([user.pk], "notices-changed")


def wishes_of(user: User, keys: Iterable[ApiKey]) -> dict[UUID, list[str]]:
    """The subscribed topics of a user, for each key. One query."""
    chosen = {wish.key_id: wish.topics for wish in Wish.objects.filter(user=user, datasource_id=None)}
    return {key.pk: chosen.get(key.pk, list(DEFAULTS[key.owner_id == user.pk])) for key in keys}


def follows(user: User, source: Source) -> bool:
    """True if the user subscribed to this one source."""
    wish = Wish.objects.filter(user=user, key=source.key_id, datasource_id=source.datasource_id).first()
    return bool(wish and wish.topics)


def choose(user: User, key: ApiKey, topics: Iterable[str], source: Source | None = None) -> None:
    what = {"user": user, "key": key, "datasource_id": source and source.datasource_id}
    Wish.objects.update_or_create(**what, defaults={"topics": sorted(topics)})


def tidy() -> None:
    """Deletes old notices."""
    Notice.objects.filter(at__lt=timezone.now() - FORGET_AFTER).delete()


def _mine(user: User | Slot) -> QuerySet[Notice]:
    return Notice.objects.filter(Q(key__in=access.keys_for(user)) | Q(key=None), user=user)


def _unread() -> QuerySet:
    unread = _mine(access.READER).filter(read_at=None)
    return unread.values("user").annotate(count=Count("pk")).values_list("count")


_UNREAD = Prepared(_unread)


def _who(key: ApiKey, topic: Topic) -> dict[int, set[UUID] | None]:
    """The subscribers and their sources; None for all sources."""
    people, who = access.people_for(key), {}
    chosen: dict[int, bool] = {}
    for wish in Wish.objects.filter(key=key, user__in=people):
        if wish.datasource_id is None:
            chosen[wish.user_id] = topic in wish.topics
        elif topic in wish.topics:
            who.setdefault(wish.user_id, set()).add(wish.datasource_id)
    for user_id in people:
        if chosen.get(user_id, topic in DEFAULTS[user_id == key.owner_id]):
            who[user_id] = None
    return who


def _note(key: ApiKey, topic: Topic, user_id: int, about: Mapping[UUID, str]) -> None:
    outlets, now = _outlets(user_id)
    # A notice that is in a message stays as it was sent.
    after = max([now - SAME_WITHIN, *(outlet.taken_until for outlet in outlets if outlet.taken_until)])
    recent = Notice.objects.filter(user=user_id, key=key, topic=topic, read_at=None, at__gt=after)
    names = [visible(name)[:200] for name in about.values()]
    if known := recent.filter(began_at__gt=now - SAME_WITHIN).first():
        known.names = [*known.names, *names][:NAMED]
        known.count, known.at, known.datasource_id = F("count") + len(about), now, None
        known.save(update_fields=["names", "count", "at", "datasource_id"])
    else:
        only = next(iter(about)) if len(about) == 1 and topic != Topic.REFUSED else None
        Notice.objects.create(
            user_id=user_id, key=key, topic=topic, names=names[:NAMED], count=len(about), datasource_id=only,
            began_at=now, at=now,
        )  # fmt: skip
    _send_soon(user_id, outlets, now)


def _outlets(user_id: int) -> tuple[list[Outlet], datetime]:
    """The user's channels, locked until the transaction ends, and the time of a new notice.

    That is later than everything that a message took, also if the clocks of two machines differ: no message misses it.
    """
    found = Outlet.objects.filter(user=user_id).select_related("user__timing").order_by("pk")
    outlets = list(found.select_for_update(of=("self",)))
    return outlets, max([timezone.now(), *(outlet.taken + timedelta(microseconds=1) for outlet in outlets)])


def _send_soon(user_id: int, outlets: Iterable[Outlet], since: datetime) -> None:
    for outlet in outlets:
        due_at = timing.due_at(outlet, since, timezone.now() + GATHER)
        waiting = Q(due_at=None) | Q(due_at__gt=due_at)
        Outlet.objects.filter(waiting, pk=outlet.pk, attempts=0).update(due_at=due_at)
    live.publish([user_id], "notices-changed")
