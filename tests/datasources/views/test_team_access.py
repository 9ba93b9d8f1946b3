"""The pages of a team and of an invitation, once access was taken."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import teams
from accounts.models import Invitation, Membership, Team
from accounts.roles import Role
from datasources import notices
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import AuditEvent, KeyShare, SavedView
from datasources.models.notices import Topic
from datasources.sharing import shares
from tests.datasources.views.conftest import made
from tests.support.html import told, words


@pytest.fixture
def team(alice, bob, key) -> Team:
    """Alice's, with Bob as an admin and her key."""
    team = teams.create("Catalogue", alice)
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    KeyShare.objects.create(team=team, key=key)
    return team


@pytest.fixture
def page(team) -> str:
    return f"/teams/{team.pk}/"


def invited(team, by, role=Role.MEMBER, **what) -> Invitation:
    return teams.invite(team, by, role, timezone.now() + timedelta(days=1), **what)


def address(invitation: Invitation) -> str:
    return f"/invitations/{teams.token(invitation)}/"


def test_the_page_lists_the_open_links_with_their_maker_role_uses_and_end(web, team, page, alice, bob):
    invited(team, bob, Role.VIEWER, is_single_use=False)
    invited(team, alice, Role.ADMIN, email="carol@example.com")
    shown = words(web.get(page))
    assert "carol@example.com as admin, by alice@example.com, expires in" in shown
    assert "Anyone with the link as viewer, by bob@example.com, expires in" in shown
    assert "used 0 times" in shown
    assert shown.count("Cancel invitation") == 2


@pytest.mark.parametrize("act", ["remove", "role"])
def test_removing_or_demoting_an_admin_ends_what_he_invited_and_says_so(web, client_of, team, page, bob, act):
    invitation, theirs = invited(team, bob, is_single_use=False), team.memberships.get(user=bob)
    web.post(f"{page}people/{theirs.pk}/{act}/", {"role": Role.MEMBER})
    shown = web.get(page)
    assert "1 open invitation was cancelled too." in told(shown)
    assert "Cancel invitation" not in words(shown)
    event = AuditEvent.objects.get(what=What.INVITATION_REVOKED)
    assert (event.about, list(event.teams.all())) == ("anyone with the link", [team])
    assert client_of(bob).get(address(invitation)).status_code == 410


def test_leaving_says_what_ended_with_it(client_of, team, page, bob):
    invited(team, bob)
    web = client_of(bob)
    web.post(f"{page}leave/")
    assert "1 open invitation was cancelled too." in told(web.get("/teams/"))


def test_a_removed_person_reads_why_an_older_link_does_not_work(client_of, team, alice, bob):
    invitation = invited(team, alice, is_single_use=False)
    teams.remove(team.memberships.get(user=bob))
    web = client_of(bob)
    for answer in (web.get(address(invitation)), web.post(address(invitation))):
        assert answer.status_code == 410
        assert "Invitation no longer valid" in words(answer)
    assert not team.memberships.filter(user=bob).exists()


def test_an_invitation_of_a_removed_admin_opens_no_sign_up(client, team, bob, settings):
    settings.SIGNUP_OPEN = False
    client.get(address(invited(team, bob)))
    assert "closed" not in words(client.get("/accounts/signup/")).lower()
    teams.remove(team.memberships.get(user=bob))
    assert "closed" in words(client.get("/accounts/signup/")).lower()


# --- Other access that must not outlive a removal ---


@pytest.mark.parametrize("lose", [lambda one: teams.remove(one), lambda one: teams.set_role(one, Role.VIEWER)])
def test_share_links_of_a_removed_or_demoted_person_stop(client, team, bob, table, lose):
    share = shares.make(bob, table.key, [table])
    made(shares.renew(share, 1))
    token = share.unseal()
    assert client.get(f"/d/{token}/?dl=1").status_code == 302
    lose(team.memberships.get(user=bob))
    assert [client.get(f"/d/{token}/{query}").status_code for query in ("", "?dl=1")] == [404, 404]


def test_nothing_of_a_team_is_left_for_a_removed_person(client_of, team, bob, key, ready):
    """Pages, a ready download link, saved views, notices, the log: all start in access.py."""
    view = SavedView.objects.create(team=team, name="Prices", page=SavedView.Page.SOURCES)
    notices.choose(bob, key, [Topic.FAILED])
    notices.tell_of(key, Topic.FAILED, [ready.source])
    log.record(What.TEAM_RENAMED, key.owner, about="Catalogue", teams=[team])
    web = client_of(bob)
    source = f"/sources/{ready.source.datasource_id}/"
    paths = [source, f"{source}rows/", f"/downloads/{ready.pk}/", f"/downloads/{ready.pk}/file/", f"/teams/{team.pk}/"]
    assert {web.get(path).status_code for path in paths} <= {200, 302}
    assert notices.unread(bob) == 1
    teams.remove(team.memberships.get(user=bob))
    assert {web.get(path).status_code for path in paths} == {404}
    assert web.get(f"/views/{view.pk}/rename/").status_code == 404
    assert notices.unread(bob) == 0
    assert "renamed the team" not in words(web.get("/activity/"))


def test_the_keys_of_a_removed_owner_go_with_him(web, team, alice, bob, key):
    teams.set_role(team.memberships.get(user=bob), Role.OWNER)
    teams.remove(team.memberships.get(user=alice))
    assert not KeyShare.objects.filter(team=team).exists()
