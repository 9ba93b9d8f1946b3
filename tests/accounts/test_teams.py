import itertools
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import teams
from accounts.models import Invitation, Membership, Team, User
from accounts.roles import TABLE, Action, Role, may
from tests.support.threads import at_once


@pytest.fixture
def team(alice) -> Team:
    return teams.create("Catalogue", alice)


def invited(team, alice, role=Role.MEMBER, email="", *, is_single_use=True, **changes) -> Invitation:
    invitation = teams.invite(team, alice, role, timezone.now() + timedelta(days=1), email, is_single_use=is_single_use)
    Invitation.objects.filter(pk=invitation.pk).update(**changes or {"uses": 0})
    invitation.refresh_from_db()
    return invitation


def role_of(user: User, team: Team) -> int | None:
    membership = Membership.objects.filter(user=user, team=team).first()
    return membership and membership.role


# --- Roles ---


def test_each_role_may_do_what_those_before_it_may_and_more():
    allowed = [{action for action in Action if may(role, action)} for role in Role]
    assert all(less < more for less, more in itertools.pairwise(allowed))
    assert allowed[-1] == set(Action) == set(TABLE)


def test_who_is_not_in_the_team_may_nothing():
    assert not any(may(None, action) for action in Action)


# --- Owners ---


def test_whoever_makes_a_team_owns_it(team, alice):
    assert role_of(alice, team) == Role.OWNER


@pytest.mark.parametrize("act", [teams.remove, lambda membership: teams.set_role(membership, Role.ADMIN)])
def test_the_last_owner_can_t_go_nor_step_down(team, act):
    with pytest.raises(teams.LastOwner):
        act(team.memberships.get())
    assert team.memberships.get().role == Role.OWNER


def test_an_owner_hands_over_and_goes(team, alice, bob):
    theirs = Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    teams.set_role(theirs, Role.OWNER)
    teams.remove(team.memberships.get(user=alice))
    assert (role_of(alice, team), role_of(bob, team)) == (None, Role.OWNER)


def test_of_two_owners_who_leave_at_once_one_stays(team, bob):
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    each = list(team.memberships.all())

    def leave():
        try:
            teams.remove(each.pop())
        except teams.LastOwner:
            return "stays"
        return "leaves"

    assert sorted(at_once(2, leave)) == ["leaves", "stays"]
    assert team.memberships.count() == 1


# --- Invitations ---


def test_an_invitation_is_accepted_with_its_role(team, alice, bob):
    invitation = teams.find_invitation(teams.token(invited(team, alice, Role.VIEWER)))
    teams.accept(invitation, bob)
    assert role_of(bob, team) == Role.VIEWER


@pytest.mark.parametrize("spoil", [lambda token: token[:-1], lambda token: f"x{token}", lambda token: "", str.swapcase])
def test_a_link_that_we_did_not_make_finds_nothing(team, alice, spoil):
    assert teams.find_invitation(spoil(teams.token(invited(team, alice)))) is None


def test_the_link_is_kept_nowhere(team, alice):
    invitation = invited(team, alice)
    signature = teams.token(invitation).removeprefix(str(invitation.pk))
    assert signature not in str(Invitation.objects.values().get())


@pytest.mark.parametrize(
    "changes",
    [{"expires_at": timezone.now() - timedelta(seconds=1)}, {"revoked_at": timezone.now()}, {"uses": 1}],
    ids=["expired", "revoked", "used"],
)
def test_one_that_has_ended_lets_nobody_in(team, alice, bob, changes):
    invitation = invited(team, alice, **changes)
    assert not invitation.is_open
    with pytest.raises(teams.InvitationEnded):
        teams.accept(invitation, bob)
    assert role_of(bob, team) is None


def test_a_revoked_one_lets_nobody_in(team, alice, bob):
    invitation = invited(team, alice)
    teams.revoke(invitation)
    with pytest.raises(teams.InvitationEnded):
        teams.accept(invitation, bob)


def test_one_for_somebody_lets_nobody_else_in(team, alice, bob):
    with pytest.raises(teams.ForSomebodyElse):
        teams.accept(invited(team, alice, email="carol@example.com"), bob)
    teams.accept(invited(team, alice, email="BOB@example.com"), bob)
    assert role_of(bob, team) == Role.MEMBER


def test_one_for_many_is_accepted_by_many(team, alice):
    invitation = invited(team, alice, is_single_use=False)
    people = [User.objects.create_user(f"{number}@example.com") for number in range(3)]
    for person in people:
        teams.accept(invitation, person)
    assert team.memberships.count() == 4


def test_of_two_who_accept_a_single_one_at_once_one_gets_in(team, alice, bob):
    people = [bob, User.objects.create_user("carol@example.com")]
    invitation = invited(team, alice)

    def accept():
        try:
            teams.accept(invitation, people.pop())
        except teams.InvitationEnded:
            return "ended"
        return "in"

    assert sorted(at_once(2, accept)) == ["ended", "in"]
    assert team.memberships.count() == 2


def test_who_is_in_already_keeps_the_higher_role_and_uses_nothing_up(team, alice, bob):
    teams.accept(invited(team, alice, Role.ADMIN), bob)
    lower = invited(team, alice, Role.VIEWER)
    teams.accept(lower, bob)
    lower.refresh_from_db()
    assert (role_of(bob, team), lower.is_open) == (Role.ADMIN, True)
    teams.accept(invited(team, alice, Role.OWNER), bob)
    assert role_of(bob, team) == Role.OWNER
