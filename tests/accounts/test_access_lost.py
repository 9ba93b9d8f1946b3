"""Access to a team that was taken stays taken, whatever links people still hold."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts import teams
from accounts.models import Invitation, Membership, Team, User
from accounts.roles import Role
from tests.support.threads import at_once


@pytest.fixture
def team(alice) -> Team:
    return teams.create("Catalogue", alice)


@pytest.fixture
def carol(db) -> User:
    return User.objects.create_user("carol@example.com")


def member(team: Team, user: User, role: Role) -> Membership:
    return Membership.objects.create(team=team, user=user, role=role)


def link(team: Team, by: User, role: Role = Role.MEMBER, email: str = "") -> Invitation:
    """An invitation for many, or for one address."""
    return teams.invite(team, by, role, timezone.now() + timedelta(days=1), email, is_single_use=bool(email))


def role_of(user: User, team: Team) -> int | None:
    return team.memberships.filter(user=user).values_list("role", flat=True).first()


def refuses(invitation: Invitation, user: User, error: type[Exception] = teams.InvitationEnded) -> bool:
    with pytest.raises(error):
        teams.accept(invitation, user)
    return True


# --- Invitations of people who lost access ---


def test_a_removed_admin_cannot_rejoin_by_his_own_link(team, alice, bob, carol):
    theirs = member(team, bob, Role.ADMIN)
    own, of_alice = link(team, bob, Role.ADMIN), link(team, alice)
    assert teams.remove(theirs) == [own]
    for user in (bob, carol):
        assert refuses(own, user)
    assert teams.open_invitations(team) == [of_alice]


def test_leaving_revokes_what_that_person_invited_too(team, bob, carol):
    theirs, own = member(team, bob, Role.ADMIN), None
    own = link(team, bob, email=carol.email)
    teams.remove(theirs)
    assert refuses(own, carol)
    own.refresh_from_db()
    assert own.revoked_at


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (Role.ADMIN, Role.MEMBER, []),
        (Role.ADMIN, Role.VIEWER, []),
        (Role.OWNER, Role.ADMIN, [Role.ADMIN, Role.VIEWER]),
        (Role.ADMIN, Role.OWNER, [Role.ADMIN, Role.VIEWER]),
    ],
)
def test_a_demotion_revokes_invitations_beyond_the_new_role(team, bob, before, after, kept):
    theirs = member(team, bob, before)
    roles = [Role.VIEWER, Role.ADMIN, *([Role.OWNER] if before == Role.OWNER else [])]
    made = [link(team, bob, role) for role in roles]
    revoked = teams.set_role(theirs, after)
    assert [one.role for one in teams.open_invitations(team)] == kept
    assert len(revoked) == len(made) - len(kept)


def test_an_invitation_gives_no_role_that_its_maker_may_not_give_any_more(team, bob, carol):
    """Also where the role was changed without teams.py, by a query for example."""
    member(team, bob, Role.OWNER)
    as_owner, as_admin = link(team, bob, Role.OWNER), link(team, bob, Role.ADMIN)
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    assert refuses(as_owner, carol)
    Membership.objects.filter(user=bob).update(role=Role.MEMBER)
    assert refuses(as_admin, carol)
    assert teams.open_invitations(team) == []


@pytest.mark.parametrize("lose", ["deactivate", "delete", "membership"])
def test_an_invitation_ends_with_the_account_or_membership_of_its_maker(team, bob, carol, lose):
    theirs = member(team, bob, Role.ADMIN)
    invitation = link(team, bob)
    if lose == "deactivate":
        User.objects.filter(pk=bob.pk).update(is_active=False)
    else:
        (bob if lose == "delete" else theirs).delete()
    invitation.refresh_from_db()
    assert not teams.is_open(invitation)
    assert refuses(invitation, carol)


def test_an_invitation_of_a_deleted_team_lets_nobody_in(team, alice, carol):
    invitation = link(team, alice)
    team.delete()
    assert refuses(invitation, carol)


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.MEMBER])
def test_people_who_may_not_invite_make_no_invitation(team, bob, role):
    if role:
        member(team, bob, role)
    with pytest.raises(PermissionDenied):
        link(team, bob, Role.VIEWER)


def test_an_admin_makes_no_invitation_for_an_owner(team, bob):
    member(team, bob, Role.ADMIN)
    with pytest.raises(PermissionDenied):
        link(team, bob, Role.OWNER)


# --- People who lost access ---


@pytest.mark.parametrize("email", ["", "bob@example.com"])
def test_a_removed_person_needs_an_invitation_made_after_the_removal(team, alice, bob, carol, email):
    used, other = link(team, alice, Role.VIEWER), link(team, alice, email=email)
    teams.accept(used, bob)
    teams.remove(team.memberships.get(user=bob))
    for invitation in (used, other):
        assert refuses(invitation, bob, teams.MadeBeforeLeaving)
    assert role_of(bob, team) is None
    teams.accept(used, carol)
    teams.accept(link(team, alice), bob)
    assert (role_of(bob, team), role_of(carol, team)) == (Role.MEMBER, Role.VIEWER)


def test_a_second_removal_counts_like_the_first(team, alice, bob):
    member(team, bob, Role.VIEWER)
    teams.remove(team.memberships.get(user=bob))
    again = link(team, alice)
    teams.accept(again, bob)
    teams.remove(team.memberships.get(user=bob))
    assert refuses(again, bob, teams.MadeBeforeLeaving)


def test_another_address_of_the_account_does_not_get_round_a_removal(team, alice, bob):
    invitation, theirs = link(team, alice), member(team, bob, Role.VIEWER)
    teams.remove(theirs)
    bob.email = "robert@example.com"
    bob.save()
    assert refuses(invitation, bob, teams.MadeBeforeLeaving)


@pytest.mark.parametrize("email", ["bob@example.com", "bob@work.example"])
def test_a_new_account_with_an_address_of_a_removed_one_does_not_get_round_it(team, alice, bob, email):
    EmailAddress.objects.create(user=bob, email="bob@work.example", verified=True)
    invitation, theirs = link(team, alice), member(team, bob, Role.VIEWER)
    teams.remove(theirs)
    bob.delete()
    assert refuses(invitation, User.objects.create_user(email), teams.MadeBeforeLeaving)


def test_a_demoted_person_does_not_get_the_role_back_by_an_older_link(team, alice, bob):
    theirs, older = member(team, bob, Role.ADMIN), link(team, alice, Role.ADMIN)
    teams.set_role(theirs, Role.VIEWER)
    assert refuses(older, bob, teams.MadeBeforeLeaving)
    assert role_of(bob, team) == Role.VIEWER
    teams.accept(link(team, alice, Role.ADMIN), bob)
    assert role_of(bob, team) == Role.ADMIN


def test_a_removal_from_one_team_says_nothing_about_another(team, alice, bob):
    other = teams.create("Prices", alice)
    invitation, theirs = link(other, alice), member(team, bob, Role.VIEWER)
    teams.remove(theirs)
    teams.accept(invitation, bob)
    assert role_of(bob, other) == Role.MEMBER


# --- At the same moment ---


@pytest.mark.parametrize("round_number", range(4))
def test_a_link_accepted_while_its_maker_is_removed_is_accepted_before_or_not_at_all(team, bob, round_number):
    theirs = member(team, bob, Role.ADMIN)
    invitation = link(team, bob)
    acts = [lambda: teams.accept(invitation, person), lambda: teams.remove(theirs)]
    person = User.objects.create_user("dora@example.com")
    outcomes = at_once(2, lambda: acts.pop()())
    invitation.refresh_from_db()
    ended = any(isinstance(one, teams.InvitationEnded) for one in outcomes)
    assert (role_of(person, team) is None) is ended
    assert invitation.uses == (0 if ended else 1)
    assert not teams.is_open(invitation)


@pytest.mark.parametrize("round_number", range(4))
def test_a_link_accepted_while_it_is_revoked_is_accepted_before_or_not_at_all(team, alice, round_number):
    invitation = link(team, alice)
    person = User.objects.create_user("dora@example.com")
    acts = [lambda: teams.accept(invitation, person), lambda: teams.revoke(invitation)]
    outcomes = at_once(2, lambda: acts.pop()())
    ended = any(isinstance(one, teams.InvitationEnded) for one in outcomes)
    assert (role_of(person, team) is None) is ended


@pytest.mark.parametrize("round_number", range(4))
def test_a_person_who_accepts_an_old_link_while_being_removed_is_out_afterwards(team, alice, bob, round_number):
    old, theirs = link(team, alice, Role.ADMIN), member(team, bob, Role.VIEWER)
    acts = [lambda: teams.accept(old, bob), lambda: teams.remove(theirs)]
    at_once(2, lambda: acts.pop()())
    assert role_of(bob, team) is None
    assert refuses(old, bob, teams.MadeBeforeLeaving)


def test_a_role_set_for_a_person_who_was_removed_meanwhile_changes_nothing(team, bob):
    theirs = member(team, bob, Role.VIEWER)
    Membership.objects.filter(pk=theirs.pk).delete()
    assert teams.set_role(theirs, Role.ADMIN) == []
    assert role_of(bob, team) is None
