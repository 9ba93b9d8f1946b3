"""The consequences of leaving a team or being removed from it: only what the rules of access.py end."""

from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts import teams
from accounts.models import Membership
from accounts.roles import TABLE, Action
from core.text import visible
from datasources import access
from datasources.models import KeyShare, SavedView, ShareLink, Upload


@dataclass(frozen=True)
class Ends:
    """The numbers and keys that a membership takes with it."""

    # Labels of the team's keys that belong to others, and of the person's own, which the team loses.
    keys: list[str]
    own_keys: list[str]
    # Share links of the person, and those that others made through the person's keys.
    shares: int
    shares_of_others: int
    uploads: int
    invitations: int
    views: int


def ends_with(membership: Membership) -> Ends:
    """Seven queries."""
    user, team = membership.user_id, membership.team_id
    shared = KeyShare.objects.filter(team=team).order_by("key__label")
    labels = list(shared.values_list("key__owner", "key__label"))
    links, uploads = _share_links(membership), _queued_uploads(membership)
    return Ends(
        keys=[visible(label) for owner, label in labels if owner != user],
        own_keys=[visible(label) for owner, label in labels if owner == user],
        shares=links.filter(made_by=user).count(),
        shares_of_others=links.filter(key__owner=user).count(),
        uploads=uploads.filter(Q(user=user) | Q(key__owner=user)).count(),
        invitations=sum(one.invited_by_id == user for one in teams.open_invitations(membership.team)),
        views=SavedView.objects.filter(team=team).count(),
    )


def _share_links(membership: Membership) -> QuerySet[ShareLink]:
    """The working share links whose maker may share their key through this team and in no other way."""
    found = access.shares_that_work().filter(key__shares__team=membership.team_id).exclude(key__owner=F("made_by"))
    return found.exclude(Exists(_elsewhere(membership, "made_by", Action.SHARE)))


def _queued_uploads(membership: Membership) -> QuerySet[Upload]:
    """The queued uploads whose user may upload with their key through this team and in no other way.

    One that is being sent may still arrive.
    """
    queued = Upload.objects.filter(state=Upload.State.QUEUED, key__shares__team=membership.team_id)
    found = queued.exclude(key__owner=F("user"))
    return found.exclude(Exists(_elsewhere(membership, "user", Action.UPLOAD)))


def _elsewhere(membership: Membership, user: str, action: Action) -> QuerySet[Membership]:
    """The memberships of a row's user in other teams that permit the action with the row's key."""
    least, _ = TABLE[action]
    there = Membership.objects.filter(user=OuterRef(user), role__gte=least, team__key_shares__key=OuterRef("key"))
    return there.exclude(team=membership.team_id)
