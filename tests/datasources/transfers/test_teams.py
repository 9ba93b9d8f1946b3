"""A team gets another owner who accepts it; the former owner becomes an admin, and everything of the team stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, Team, User
from accounts.roles import Role
from datasources import access, transfers
from datasources.models import AuditEvent, KeyShare, Notice, SavedView, Transfer
from datasources.models.notices import Topic
from datasources.sharing import shares
from datasources.transfers import teams as of_teams


@pytest.fixture
def team(alice, bob, key) -> Team:
    """Alice owns it and her key is shared with it. Bob is a viewer."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(team=team, key=key)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    return team


def accept(found: Transfer, by: User) -> list:
    return of_teams.accept(found, by, transfers.edition(found))


def roles(team: Team) -> dict[str, int]:
    return dict(team.memberships.values_list("user__email", "role"))


def test_the_receiver_owns_the_team_and_the_former_owner_is_an_admin(alice, bob, key, table, team):
    share = shares.make(alice, key, [table])
    view = SavedView.objects.create(name="Failed", team=team, page="sources:list")
    week = timezone.now() + timedelta(days=7)
    stays, beyond = (teams.invite(team, alice, role, week, f"{role.name}@x.org") for role in (Role.ADMIN, Role.OWNER))
    found = transfers.offer_team(team, alice, bob)
    assert roles(team) == {"alice@example.com": Role.OWNER, "bob@example.com": Role.VIEWER}
    # An admin can't make owners, so neither can an invitation of theirs.
    assert accept(found, bob) == [beyond]
    assert roles(team) == {"alice@example.com": Role.ADMIN, "bob@example.com": Role.OWNER}
    assert access.keys_for(bob).get() == key
    assert access.open_share(share.unseal()).made_by == alice
    assert access.get_view(bob, view.pk)
    assert teams.is_open(stays)
    teams.remove(team.memberships.get(user=alice))
    assert not team.key_shares.exists()


def test_activity_and_notices_record_both_steps(alice, bob, team):
    accept(transfers.offer_team(team, alice, bob), bob)
    steps = [("team_offered", "bob@example.com"), ("team_taken_over", "alice@example.com")]
    for user in (alice, bob):
        found = access.events_for(user).filter(what__startswith="team_").exclude(what="team_made").order_by("pk")
        assert [(event.what, event.about) for event in found] == steps
    assert AuditEvent.objects.get(what="team_taken_over").details["team"] == "Catalogue"
    assert [(one.user, one.topic, one.names[2]) for one in Notice.objects.order_by("pk")] == [
        (bob, Topic.OFFERED, "team"),
        (alice, Topic.ACCEPTED, "team"),
    ]


def lose_the_member(team: Team) -> None:
    teams.remove(team.memberships.get(user__email="bob@example.com"))


def lose_and_invite_again(team: Team) -> None:
    lose_the_member(team)
    Membership.objects.create(team=team, user=User.objects.get(email="bob@example.com"), role=Role.ADMIN)


def lose_the_row(team: Team) -> None:
    team.memberships.get(user__email="bob@example.com").delete()


def lose_the_owner(team: Team) -> None:
    carol = User.objects.create_user("carol@example.com")
    Membership.objects.create(team=team, user=carol, role=Role.OWNER)
    teams.set_role(team.memberships.get(user__email="alice@example.com"), Role.MEMBER)


@pytest.mark.parametrize("change", [lose_the_member, lose_the_row, lose_and_invite_again, lose_the_owner])
def test_an_offer_ends_with_the_rights_of_either_side(alice, bob, team, change):
    found = transfers.offer_team(team, alice, bob)
    change(team)
    before = roles(team)
    with pytest.raises(transfers.OfferEnded):
        accept(found, bob)
    assert roles(team) == before
    transfers.tidy()
    assert AuditEvent.objects.filter(what="team_offer_expired").exists()


def test_a_member_who_became_an_owner_meanwhile_still_relieves_the_former_one(alice, bob, team):
    found = transfers.offer_team(team, alice, bob)
    teams.set_role(team.memberships.get(user=bob), Role.OWNER)
    accept(found, bob)
    assert roles(team) == {"alice@example.com": Role.ADMIN, "bob@example.com": Role.OWNER}


def test_a_full_receiver_accepts_nothing(alice, bob, team, settings):
    found = transfers.offer_team(team, alice, bob)
    settings.QUOTAS = {**settings.QUOTAS, "teams": 0}
    with pytest.raises(transfers.CannotAccept, match="Limit reached"):
        accept(found, bob)
    assert found.is_open
    assert roles(team)["alice@example.com"] == Role.OWNER


def test_a_renamed_team_is_read_again_and_a_deleted_one_takes_its_offer_along(alice, bob, team):
    found = transfers.offer_team(team, alice, bob)
    seen = transfers.edition(found)
    Team.objects.filter(pk=team.pk).update(name="Other")
    with pytest.raises(transfers.CannotAccept, match="renamed"):
        of_teams.accept(found, bob, seen)
    team.delete()
    assert not Transfer.objects.exists()
