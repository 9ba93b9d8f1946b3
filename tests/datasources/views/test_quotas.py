"""How much one user may have, and what they read when they have it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import teams
from accounts.models import Invitation, Membership, Team
from accounts.quotas import QuotaReached
from accounts.roles import Role
from datasources import keys
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, SavedView, ShareLink
from datasources.sharing import shares
from tests.conftest import synced
from tests.support.html import words
from tests.support.threads import at_once


@pytest.fixture
def at_most(settings):
    """Sets quotas for a test."""

    def set_to(**quotas: int) -> None:
        settings.QUOTAS = settings.QUOTAS | quotas

    return set_to


@pytest.fixture
def team(alice) -> Team:
    return teams.create("Catalogue", alice)


def made_at_once(act) -> tuple[int, int]:
    """How many of eight at the same moment got one, and how many met the quota."""
    outcomes = at_once(8, act)
    refused = sum(isinstance(one, QuotaReached) for one in outcomes)
    assert not [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, QuotaReached)]
    return 8 - refused, refused


def test_keys(web, alice, account, sandbox, at_most):
    at_most(keys=1)
    keys.add(alice, "First", account.key, ApiKey.State.VALID)
    shown = web.post("/keys/add/", {"label": "Second", "secret": sandbox.account().key})
    assert (shown.status_code, ApiKey.objects.count()) == (422, 1)
    assert "Limit reached: 1 API keys. Remove some, then try again." in words(shown)
    assert "Second" in shown.content.decode()


def test_teams(web, team, at_most):
    at_most(teams=1)
    shown = web.post("/teams/", {"name": "Prices"})
    assert (shown.status_code, Team.objects.count()) == (422, 1)
    assert "Limit reached: 1 teams you own." in words(shown)


def test_memberships(client_of, team, alice, bob, at_most):
    until = timezone.now() + timedelta(days=1)
    both = (team, teams.create("Prices", alice))
    first, second = (teams.invite(one, alice, Role.VIEWER, until) for one in both)
    at_most(memberships=1)
    web = client_of(bob)
    assert web.post(f"/invitations/{teams.token(first)}/").status_code == 302
    shown = web.post(f"/invitations/{teams.token(second)}/")
    assert (shown.status_code, Membership.objects.filter(user=bob).count()) == (422, 1)
    assert "Limit reached: 1 team memberships." in words(shown)
    assert teams.is_open(Invitation.objects.get(pk=second.pk))


def test_invitations(web, team, at_most):
    at_most(invitations=1)
    form = {"email": "", "role": Role.MEMBER, "days": 7}
    assert web.post(f"/teams/{team.pk}/", form).status_code == 302
    shown = web.post(f"/teams/{team.pk}/", form)
    assert (shown.status_code, Invitation.objects.count()) == (422, 1)
    assert "Limit reached: 1 open invitations." in words(shown)
    teams.revoke(Invitation.objects.get())
    assert web.post(f"/teams/{team.pk}/", form).status_code == 302


def test_saved_views_of_a_person_and_of_a_team(web, team, at_most):
    at_most(saved_views=1)
    add = "/views/add/?path=/sources/&query=q%3Da"
    for form in ({"name": "Mine"}, {"name": "Ours", "team": team.pk}):
        assert web.post(add, form).status_code == 302
        shown = web.post(add, form)
        assert (shown.status_code, "Limit reached: 1 saved views." in words(shown)) == (422, True)
    assert SavedView.objects.count() == 2


def test_share_links_that_work(web, table, alice, at_most):
    at_most(share_links=1)
    path = f"/sources/{table.datasource_id}/share/"
    assert web.post(path, {"ends": "month"}).status_code == 302
    shown = web.post(path, {"ends": "month", "note": "Typed"})
    assert (shown.status_code, ShareLink.objects.count()) == (422, 1)
    assert "Limit reached: 1 active share links." in words(shown)
    assert "Typed" in shown.content.decode()
    shares.end(ShareLink.objects.get())
    assert web.post(path, {"ends": "month"}).status_code == 302


def test_download_links_under_way(web, account, key, table, at_most):
    account.upload("more.csv", "id\n1\n")
    first, second = synced(key)
    at_most(download_links=1)
    assert web.post(f"/sources/{first.datasource_id}/download/").status_code == 302
    assert web.post(f"/sources/{first.datasource_id}/download/").status_code == 302  # the same
    shown = web.post(f"/sources/{second.datasource_id}/download/")
    assert (shown.status_code, DownloadLink.objects.count()) == (422, 1)
    assert "Limit reached: 1 pending download links." in words(shown)
    batch = web.post("/sources/chosen/download/", {"source": [second.datasource_id]}).url
    chosen = web.post(f"{batch}begin/")
    assert (chosen.status_code, DownloadLink.objects.count()) == (422, 1)
    assert "1 link has to be created" in words(web.get(batch))


def test_visitors_of_a_share_link_don_t_meet_its_maker_s_quota(alice, table, at_most):
    share = shares.make(alice, table.key, [table])
    at_most(download_links=0)
    assert Client(headers={"Accept": "text/html"}).get(f"/d/{share.unseal()}/?dl=1").status_code == 202


def test_of_those_made_at_the_same_moment_no_more_are_made(alice, bob, table, team, at_most):
    at_most(teams=3, share_links=3, invitations=3, memberships=100)
    until = timezone.now() + timedelta(days=1)
    assert made_at_once(lambda: shares.make(alice, table.key, [table])) == (3, 5)
    assert made_at_once(lambda: teams.create("Another", bob)) == (3, 5)
    assert made_at_once(lambda: teams.invite(team, alice, Role.MEMBER, until)) == (3, 5)
    assert (ShareLink.objects.count(), Team.objects.count(), Invitation.objects.count()) == (3, 4, 3)


def test_several_links_are_asked_for_together_or_not_at_all(alice, account, key, table, at_most):
    account.upload("more.csv", "id\n1\n")
    at_most(download_links=1)
    with pytest.raises(QuotaReached):
        links.ask_all(synced(key), alice, 3600)
    assert not DownloadLink.objects.exists()
