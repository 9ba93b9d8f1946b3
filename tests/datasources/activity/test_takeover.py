"""What single sign-on cuts off when it hands an account to the owner of its address, and what it lists."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from accounts import teams
from accounts.models import Invitation, Membership, User
from accounts.roles import Role
from datasources import transfers
from datasources.activity.words import What
from datasources.models import AuditEvent, KeyShare, Outlet, SavedView, ShareLink, Transfer
from datasources.notices import channels
from datasources.sharing import shares
from tests.accounts.conftest import go, provider, the_provider  # noqa: F401 - fixtures
from tests.datasources.views.conftest import made
from tests.support.html import link, told, words
from tests.support.mfa import app_of


@pytest.fixture
def prepared(alice, bob, table) -> User:
    """Alice's account as a stranger left it who made it in her name."""
    team = teams.create("Catalogue", bob)
    Membership.objects.create(team=team, user=alice, role=Role.ADMIN)
    KeyShare.objects.create(team=team, key=table.key)
    shares.make(alice, table.key, [table], note="For me")
    channels.save(alice, Outlet.Kind.WEBHOOK, "https://evil.example/hook")
    transfers.offer_key(table.key, alice, "thief@example.com")
    for email in ("", "thief@example.com"):
        teams.invite(team, alice, Role.ADMIN, timezone.now() + timedelta(days=1), email, is_single_use=bool(email))
    SavedView.objects.create(owner=alice, name="Prices", page=SavedView.Page.SOURCES)
    return alice


def sign_on(provider, user: User, query: str = "") -> Client:  # noqa: F811
    provider.person["email"] = user.email
    client = Client()
    client.page = client.get(go(client, query), follow=True)
    return client


def test_channels_and_invitations_are_deleted_and_share_links_paused(provider, prepared, bob):  # noqa: F811
    [share] = ShareLink.objects.all()
    made(shares.renew(share, 1))
    token, open_ones = share.unseal(), list(Invitation.objects.all())
    theirs = teams.invite(Membership.objects.get(user=bob).team, bob, Role.VIEWER, timezone.now() + timedelta(days=1))
    sign_on(provider, prepared)
    assert not Outlet.objects.exists()
    assert not Transfer.objects.open().exists()
    assert list(Invitation.objects.all()) == [theirs]
    for invitation in open_ones:
        with pytest.raises(teams.InvitationEnded):
            teams.accept(invitation, bob)
    assert ShareLink.objects.get().is_paused
    assert Client().get(f"/d/{token}/?dl=1").status_code == 404
    assert AuditEvent.objects.filter(what=What.TAKEN_OVER, actor=prepared).count() == 1


@pytest.mark.parametrize("query", ["", "?next=/downloads/"])
def test_the_owner_lands_on_a_page_that_lists_everything_else(provider, prepared, query):  # noqa: F811
    thief = Client()
    thief.force_login(prepared)
    thief.get("/keys/")
    shown = sign_on(provider, prepared, query).page
    assert shown.request["PATH_INFO"] == "/accounts/holdings/"
    assert "Also removed or paused: 1 session, 2 invitations, 1 notice channel, 1 share link." in told(shown)
    text = words(shown)
    for line in (
        "Catalogue as admin, joined",
        "Main shared with Catalogue, added",
        "For me key Main, paused",
        "Prices",
        "Open invitations None",
        "Notice channels None",
    ):
        assert line in text


def test_an_account_that_was_confirmed_here_keeps_everything(provider, prepared):  # noqa: F811
    EmailAddress.objects.create(user=prepared, email=prepared.email, verified=True, primary=True)
    shown = sign_on(provider, prepared).page
    assert shown.request["PATH_INFO"] == "/sources/"
    assert (Outlet.objects.count(), Invitation.objects.count()) == (1, 2)
    assert not ShareLink.objects.get().is_paused


def test_the_account_page_leads_to_the_list_and_it_is_one_s_own(web, client_of, prepared, bob):
    assert link(web.get("/accounts/"), "Review account contents") == "/accounts/holdings/"
    mine, theirs = words(web.get("/accounts/holdings/")), words(client_of(bob).get("/accounts/holdings/"))
    assert "evil.example" in mine
    assert "anyone with the link, as admin" in mine
    for foreign in ("Main", "For me", "Prices", "evil.example", "thief"):
        assert foreign not in theirs


def test_a_visitor_has_no_account_that_holds_anything(client, db):
    assert client.get("/accounts/holdings/")["Location"] == "/accounts/login/?next=/accounts/holdings/"


@pytest.mark.parametrize("path", ["/accounts/2fa/authenticate/", "/accounts/login/", "/accounts/confirm-email/"])
def test_a_sign_in_that_a_stranger_has_begun_is_not_completed_afterwards(provider, prepared, path):  # noqa: F811
    app_of(prepared)
    thief = Client()
    answer = thief.post("/accounts/login/", {"login": prepared.email, "password": "alices-password"})
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    sign_on(provider, prepared)
    for act in (thief.get, thief.post):
        act(path)
        assert thief.get("/keys/").status_code == 302
