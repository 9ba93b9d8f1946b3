"""Moves history, star, tags, saved views and share links of a source to the one that was uploaded in its place."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.roles import Action, may
from datasources import access, saved_views
from datasources.activity import log
from datasources.activity.words import What
from datasources.claro import COMPLETED
from datasources.models import Correction, SavedView, ShareLink, Source, Tag
from datasources.sharing import moved, shares
from datasources.sources import contents, marks, tags


@dataclass(frozen=True)
class Movable:
    """Things that one user may move. Views come with the columns that the new source lacks."""

    has_history: bool = False
    is_favourite: bool = False
    tags: Sequence[Tag] = ()
    views: Sequence[tuple[SavedView, list[str]]] = ()
    shares: Sequence[ShareLink] = ()

    @property
    def has_marks(self) -> bool:
        return bool(self.is_favourite or self.tags)

    def __bool__(self) -> bool:
        return bool(self.has_history or self.has_marks or self.views or self.shares)


def movable(user: User, correction: Correction, new: Source) -> Movable:
    """Things that may move to `new`, which has its key and the user's role. None before Claro has processed it."""
    if new.status != COMPLETED:
        return Movable()
    old, old_id = correction.old, correction.old.datasource_id
    on_it = tags.of_sources([old], tags.seen(user, access.EVERYTHING)).get(old_id, [])
    views = [view for view in access.views_for(user).filter(datasource_id=old_id) if may(view.role, Action.SAVE_VIEWS)]
    known = contents.known_columns([new]).get(new.pk, []) if views else []
    links = access.shares_for(user).filter(files__source__datasource_id=old_id, ended_at=None)
    links = moved.that_can(links, new).prefetch_related("files__source")
    return Movable(
        not correction.has_history and may(new.key.role, Action.UPLOAD),
        bool(marks.favourites_among([old], user)),
        [tag for tag in on_it if may(tag.role, Action.TAG)],
        [(view, saved_views.missing(view, known) if known else []) for view in views],
        [share for share in links if shares.may_change(share, user)],
    )


def move(
    user: User,
    correction: Correction,
    found: Movable,
    *,
    history: bool,
    marked: bool,
    views: Collection[str],
    links: Collection[str],
) -> list[str]:
    """Moves the chosen ones of those `found`, views and links by their ids; returns in words what moved."""
    with transaction.atomic():
        names = ["history"] if history and found.has_history and _join_history(user, correction) else []
        if marked:
            names += _move_marks(user, correction, found)
        moved_views = sum(_move_view(user, correction, view) for view, _ in found.views if str(view.pk) in views)
        moved_links = sum(_move_link(user, correction, share) for share in found.shares if str(share.pk) in links)
    return names + _counted("saved view", moved_views) + _counted("share link", moved_links)


def _counted(name: str, n: int) -> list[str]:
    return [f"{n:,} {name}{'' if n == 1 else 's'}"] if n else []


def earlier(correction: Correction | None) -> Iterator[Source]:
    """The sources with a history that the new one shows too, the latest first. One query for each but the first."""
    seen: set[UUID] = set()
    while correction and correction.has_history and correction.old.datasource_id not in seen:
        seen.add(correction.old.datasource_id)
        yield correction.old
        correction = Correction.objects.filter(new=correction.old_id).select_related("old").first()


def _join_history(user: User, correction: Correction) -> bool:
    if not Correction.objects.filter(pk=correction.pk, has_history=False).update(has_history=True):
        return False
    new = correction.new
    log.record(What.HISTORY_JOINED, user, source=new, about=correction.old.name, file=new.name)
    return True


def _move_marks(user: User, correction: Correction, found: Movable) -> list[str]:
    old, new = correction.old, correction.new
    if found.is_favourite:
        marks.set_favourite(new, user, is_one=True)
        marks.set_favourite(old, user, is_one=False)
    for tag in found.tags:
        tags.put(tag, [new], user)
        tags.take(tag, [old], user)
    return ["star"] * found.is_favourite + _counted("tag", len(found.tags))


def _move_view(user: User, correction: Correction, view: SavedView) -> bool:
    if not saved_views.give_file(view, correction.new):
        return False
    files = {"before": correction.old.name, "file": correction.new.name}
    teams = [] if view.owner_id else [view.team]
    log.record(What.VIEW_GIVEN_FILE, user, about=view.name, teams=teams, **files)
    return True


def _move_link(user: User, correction: Correction, share: ShareLink) -> bool:
    new = moved.move(share, correction.old, correction.new)
    if not new:
        return False
    log.record(What.SHARE_MOVED, user, source=new, about=correction.old.name, file=new.name, share=str(share.pk))
    return True
