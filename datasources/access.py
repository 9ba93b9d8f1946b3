"""Permissions: every query of a view starts here. An object without permission does not exist (404).

A user sees the data of their own keys, and of keys shared with their teams. Results have a `role` (of a source: its
key's). accounts/roles.py decides the actions of that role.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import (
    BigAutoField,
    BooleanField,
    Case,
    CharField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts import teams
from accounts.models import AccessLoss, Membership, Team, User
from accounts.roles import TABLE, Action, Role
from core import live, vault
from core.queries import Prepared, Slot
from datasources.models import (
    ApiKey,
    AuditEvent,
    Correction,
    Deletion,
    DownloadBatch,
    DownloadLink,
    Export,
    KeyShare,
    Outlet,
    SavedView,
    ShareLink,
    Source,
    Tag,
    Transfer,
    Upload,
    ViewPlace,
    is_used_up,
)


@dataclass(frozen=True)
class Space:
    """A part of the user's data: everything, personal, or shared with one team."""

    # As in the address.
    name: str = ""
    team: Team | Slot | None = None
    role: int | None = None

    OWN = "own"

    def holds(self, team_id: UUID | None) -> bool:
        """Whether what belongs to this team, or to none, is in here."""
        return self.name in ("", str(team_id or self.OWN))


class Removed(Http404):
    """For a user whom another one removed from the team: they read its name, who it was, and when."""

    def __init__(self, removal: AccessLoss) -> None:
        super().__init__("No such team.")
        self.removal = removal


EVERYTHING = Space()
# Stands for whoever reads in a query that is written once (core/queries.py).
READER = Slot("reader", BigAutoField())
_TEAM = Slot("team", UUIDField())


def memberships_of(user: User | Slot) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user).select_related("team").order_by("team__name", "team__created_at")


def space(user: User, name: str) -> Space:
    """The space of that name in the address: empty, `own`, or the id of a team one is in. Raises Http404."""
    if name in ("", Space.OWN):
        return Space(name)
    try:
        mine = memberships_of(user).filter(team=UUID(name)).first()
    except ValueError:
        raise Http404("No such team.") from None
    if not mine:
        raise _no_such_team(user, UUID(name))
    return Space(str(mine.team_id), mine.team, mine.role)


def get_membership(user: User, team_id: UUID) -> Membership:
    """The user's membership in a team."""
    mine = memberships_of(user).filter(team=team_id).first()
    if not mine:
        raise _no_such_team(user, team_id)
    return mine


def _no_such_team(user: User, team_id: UUID) -> Http404:
    removal = teams.removal_of(user, team_id)
    return Removed(removal) if removal else Http404("No such team.")


def teams_with_keys(user: User) -> QuerySet[Team]:
    """The user's teams through which they reach keys."""
    return Team.objects.filter(memberships__user=user, key_shares__isnull=False).distinct()


def people_with(least: Role, teams: Iterable[Team]) -> list[User]:
    """The active people with this role or a higher one in these teams, the highest first.

    Only for a reader who is in each of the teams.
    """
    found = Membership.objects.filter(team__in=list(teams), role__gte=least, user__is_active=True)
    return [*dict.fromkeys(one.user for one in found.order_by("-role", "joined_at").select_related("user"))]


def keys_for(user: User | Slot, space: Space = EVERYTHING) -> QuerySet[ApiKey]:
    """The keys this person may work through, each with the best `role` they have with it."""
    shared = KeyShare.objects.filter(team__memberships__user=user)
    roles = Membership.objects.filter(user=user, team__key_shares__key=OuterRef("pk")).order_by("-role")
    in_a_team = Subquery(roles.values("role")[:1], output_field=IntegerField())
    best = Case(When(owner=user, then=Value(int(Role.OWNER))), default=in_a_team)
    keys = ApiKey.objects.filter(Q(owner=user) | Q(pk__in=shared.values("key")))
    if space.team:
        keys = keys.filter(shares__team=space.team)
    elif space.name == Space.OWN:
        keys = keys.filter(owner=user)
    return keys.annotate(role=best).select_related("owner")


def list_keys(user: User, space: Space = EVERYTHING) -> list[ApiKey]:
    """The same as a list, with the state of each key's sync and watch. One query."""
    if space.team:
        return _KEYS_OF_A_TEAM.objects(reader=user.pk, team=space.team.pk)
    return _KEYS[space.name].objects(reader=user.pk)


def sources_for(user: User | Slot, space: Space = EVERYTHING) -> QuerySet[Source]:
    """The sources of these keys, without deleted ones."""
    return Source.objects.present().filter(key__in=keys_for(user, space))


def sources_behind(key_ids: Iterable[UUID | Slot]) -> QuerySet[Source]:
    """The same for the ids of keys from `keys_for`: with explicit ids the database counts and sorts faster."""
    return Source.objects.present().filter(key__pk__in=list(key_ids))


def links_for(user: User, space: Space = EVERYTHING) -> QuerySet[DownloadLink]:
    return DownloadLink.objects.filter(source__in=sources_for(user, space))


def batches_for(user: User) -> QuerySet[DownloadBatch]:
    """The user's own downloads of several files. Each of these files is checked when it is shown and started."""
    return DownloadBatch.objects.filter(user=user)


def exports_for(user: User) -> QuerySet[Export]:
    """The user's own receipts, of sources that they still reach."""
    return Export.objects.filter(user=user, source__in=sources_for(user))


def uploads_for(user: User) -> QuerySet[Upload]:
    """The user's own uploads, through keys that they still reach."""
    return Upload.objects.filter(user=user, key__in=keys_for(user).values("pk"))


def offers_to(user: User) -> QuerySet[Transfer]:
    """Keys and teams that other people offer or offered to this user."""
    return Transfer.objects.filter(receiver=user).select_related("key", "team", "offered_by")


def corrections_for(user: User) -> QuerySet[Correction]:
    """Sources in place of others, through the user's keys, where Claro has the new ones."""
    return Correction.objects.filter(new__key__in=keys_for(user).values("pk"), new__gone_at=None)


def events_for(user: User, space: Space = EVERYTHING) -> QuerySet[AuditEvent]:
    """The events that this user may read.

    These are their own actions, events about their keys (deleted ones too) and their account, and events of the teams
    whose activity they may read now.
    """
    found, mine = AuditEvent.objects.select_related("actor"), Q(actor=user) | Q(owner=user)
    if space.name == Space.OWN:
        return found.filter(mine)
    concerned = AuditEvent.teams.through.objects.filter(auditevent=OuterRef("pk"))
    least, _ = TABLE[Action.LOG]
    led = Membership.objects.filter(user=user, role__gte=least).values("team")
    events = found.filter(mine | Exists(concerned.filter(team__in=led)))
    return events.filter(Exists(concerned.filter(team=space.team))) if space.team else events


def shares_for(user: User, space: Space = EVERYTHING) -> QuerySet[ShareLink]:
    """The share links of these keys, by any user, each with the reader's `role` and `maker_may`."""
    role = Subquery(keys_for(user).filter(pk=OuterRef("key")).values("role")[:1], output_field=IntegerField())
    maker_may = Case(When(_its_maker_may(), then=True), default=False, output_field=BooleanField())
    found = ShareLink.objects.filter(key__in=keys_for(user, space).values("pk"))
    return found.annotate(role=role, maker_may=maker_may).select_related("key", "made_by")


def shares_that_work(now: datetime | Slot | None = None) -> QuerySet[ShareLink]:
    """The valid share links. Each use checks everything that can end one: settings, key, and the maker's rights."""
    return _shares_in_force(now).exclude(key__state=ApiKey.State.INVALID)


def _shares_in_force(now: datetime | Slot | None = None, *, used_up: bool = False) -> QuerySet[ShareLink]:
    """Those that work as long as Claro accepts their key; `used_up`: those that would but for their download limit."""
    in_time = Q(ends_at=None) | Q(ends_at__gt=now or timezone.now())
    uses = is_used_up() if used_up else ~is_used_up()
    return ShareLink.objects.filter(in_time, uses, _its_maker_may(), paused_at=None, ended_at=None)


def get_share(user: User, share_id: UUID) -> ShareLink:
    return get_object_or_404(shares_for(user), pk=share_id)


def open_share(token: str) -> ShareLink | None:
    """The share link of this token, while it is in force; its key may be refused for the moment. One query.

    The token is enough; no account is needed.
    """
    found = _shares_in_force().filter(fingerprint__in=vault.fingerprints(token))
    return found.select_related("key", "made_by").first()


def used_up_share(token: str) -> ShareLink | None:
    """The share link of this token where nothing but its download limit stops it. One query."""
    found = _shares_in_force(used_up=True).filter(fingerprint__in=vault.fingerprints(token))
    return found.select_related("key", "made_by").first()


def views_for(user: User | Slot, space: Space = EVERYTHING) -> QuerySet[SavedView]:
    """Saved views of this person and of their teams, each with the `role` they have with it, in their own order.

    Those of teams one has left and of sources one does not reach (any more) are not there.
    """
    mine = Membership.objects.filter(user=user)
    reached = sources_for(user).filter(datasource_id=OuterRef("datasource_id"))
    views = SavedView.objects.filter(
        Q(owner=user) | Q(owner=None),
        Q(team=None) | Q(team__in=mine.values("team")),
        Q(datasource_id=None) | Exists(reached),
    )
    if space.team:
        views = views.filter(team=space.team)
    elif space.name == Space.OWN:
        views = views.filter(team=None)
    of_team = Subquery(mine.filter(team=OuterRef("team")).values("role")[:1], output_field=IntegerField())
    role = Case(When(owner=user, then=Value(int(Role.OWNER))), default=of_team)
    place = Subquery(ViewPlace.objects.filter(user=user, view=OuterRef("pk")).values("place")[:1])
    views = views.annotate(role=role, place=place).select_related("team")
    return views.order_by(F("place").asc(nulls_last=True), "name", "created_at")


def tags_for(user: User | Slot) -> QuerySet[Tag]:
    """The user's own tags and those of their teams, each with the `role` they have with it, by team and name."""
    mine = Membership.objects.filter(user=user)
    of_team = Subquery(mine.filter(team=OuterRef("team")).values("role")[:1], output_field=IntegerField())
    role = Case(When(owner=user, then=Value(int(Role.OWNER))), default=of_team)
    tags = Tag.objects.filter(Q(owner=user) | Q(team__in=mine.values("team")))
    own_first = F("team__name").asc(nulls_first=True)
    return tags.annotate(role=role).select_related("team").order_by(own_first, "team_id", "folded", "pk")


def names_for(user: User | Slot) -> QuerySet:
    """Everything that the user may open by its name, as one query for the command palette.

    Tuples of texts: kind, id, name, then what its address and order need. A file (once a key): its type, when it was
    uploaded. A view: its page, its source, its parameters, its team. All else is empty, because a union needs it.
    """

    def texts(found: QuerySet, kind: str, pk: str, name: str, *more: str) -> QuerySet:
        columns = [Cast(one, TextField()) for one in (pk, name, *more)]
        blanks = [Value("", TextField()) for _ in range(6 - len(columns))]
        return found.order_by().values_list(Value(kind, CharField()), *columns, *blanks)

    files = texts(sources_for(user), "file", "datasource_id", "file_name", "content_type", "uploaded_at")
    views = texts(views_for(user), "view", "pk", "name", "page", "datasource_id", "query", "team_id")
    teams = texts(Membership.objects.filter(user=user), "team", "team_id", "team__name")
    return files.union(views, teams, all=True)


def deletions_for(user: User | Slot, space: Space = EVERYTHING) -> QuerySet[Deletion]:
    """The bin's content that the user may see, each row with the user's best `role`.

    `is_named` is true if the source is deleted through a key that the user knows. Otherwise the page hides who deleted
    it.
    """
    keys = keys_for(user, space).seeing(OuterRef("datasource_id"))
    role = Subquery(keys.order_by("-role").values("role")[:1], output_field=IntegerField())
    known = Exists(keys_for(user).filter(pk=OuterRef("source__key")))
    return Deletion.objects.annotate(role=role, is_named=known).exclude(role=None)


def people_for(key: ApiKey) -> list[int]:
    """The ids of those who may see what is behind a key; the other direction of `keys_for`."""
    shared = Membership.objects.filter(team__key_shares__key=key.pk)
    return [*{key.owner_id, *shared.values_list("user_id", flat=True)}]


def publish(key: ApiKey, *names: str) -> None:
    """Sends events to the open pages of those users, once the transaction is committed."""
    live.publish(people_for(key), *names)


def require_staff(user: User) -> None:
    """Raises Http404 unless the user is an administrator."""
    if not user.is_staff:
        raise Http404("No such page.")


def get_key(user: User, key_id: UUID) -> ApiKey:
    """A key that one may work through."""
    return get_object_or_404(keys_for(user).select_related("sync", "watch"), pk=key_id)


def get_own_key(user: User, key_id: UUID) -> ApiKey:
    """A key that the user owns. Only its owner can change, check or delete it, whatever the roles in a team."""
    return get_object_or_404(keys_for(user, Space(Space.OWN)).select_related("sync", "watch"), pk=key_id)


def get_view(user: User, view_id: UUID) -> SavedView:
    return get_object_or_404(views_for(user), pk=view_id)


def get_tag(user: User, tag_id: UUID) -> Tag:
    return get_object_or_404(tags_for(user), pk=tag_id)


def get_deletions(user: User, deletion_id: UUID) -> list[Deletion]:
    """One place in the bin, or all of a batch. Raises Http404."""
    found = deletions_for(user).filter(Q(pk=deletion_id) | Q(batch=deletion_id)).select_related("source__key")
    if not found:
        raise Http404("Not in the bin.")
    return list(found)


def get_link(user: User, link_id: UUID) -> DownloadLink:
    return get_object_or_404(links_for(user).select_related("source__key"), pk=link_id)


def get_batch(user: User, batch_id: UUID) -> DownloadBatch:
    return get_object_or_404(batches_for(user), pk=batch_id)


def get_upload(user: User, upload_id: UUID) -> Upload:
    return get_object_or_404(uploads_for(user), pk=upload_id)


def get_offer(user: User, offer_id: UUID) -> Transfer:
    return get_object_or_404(offers_to(user), pk=offer_id)


def get_export(user: User, export_id: UUID) -> Export:
    """A receipt of the user's own; the key of its source has their `role`."""
    export = get_object_or_404(exports_for(user).select_related("source", "user"), pk=export_id)
    export.source.key = get_object_or_404(keys_for(user), pk=export.source.key_id)
    return export


def _with_their_state(space: Space) -> Prepared:
    return Prepared(lambda: keys_for(READER, space).select_related("owner", "sync", "watch"))


_KEYS = {space.name: _with_their_state(space) for space in (EVERYTHING, Space(Space.OWN))}
_KEYS_OF_A_TEAM = _with_their_state(Space(team=_TEAM))


def _its_maker_may() -> Q:
    """A condition on share links: their maker may still share through the key, and maker and owner are active."""
    least = TABLE[Action.SHARE][0]
    there = Membership.objects.filter(user=OuterRef("made_by"), role__gte=least, team__key_shares__key=OuterRef("key"))
    are_active = Q(made_by__is_active=True, key__owner__is_active=True)
    return are_active & (Q(key__owner=F("made_by")) | Exists(there))


def get_outlet(user: User, outlet_id: UUID) -> Outlet:
    return get_object_or_404(Outlet, user=user, pk=outlet_id)
