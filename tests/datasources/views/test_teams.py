import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import invitations, teams
from accounts.models import Invitation, Membership, Team, User
from accounts.roles import Role
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import AuditEvent, KeyShare
from tests.conftest import htmx
from tests.support.html import as_shown, field, link, told, words


@pytest.fixture
def team(alice) -> Team:
    return teams.create("Catalogue", alice)


@pytest.fixture
def page(team) -> str:
    return f"/teams/{team.pk}/"


def what_happened() -> list[tuple[str, str]]:
    return [(event.what, event.about) for event in AuditEvent.objects.order_by("pk")]


def test_who_has_no_team_is_told_what_one_is_for(web):
    shown = web.get("/teams/")
    assert "colleagues browse and download with your key, without ever seeing it" in words(shown)
    assert field(shown, "name") is not None


def test_a_team_is_made_and_its_maker_owns_it(web, alice):
    answer = web.post("/teams/", {"name": "Catalogue"})
    made = Team.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/teams/{made.pk}/")
    assert made.memberships.get(user=alice).role == Role.OWNER
    assert "Team created: Catalogue." in told(web.get(answer["Location"]))
    assert what_happened() == [(What.TEAM_MADE, "Catalogue")]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_team_needs_a_name_that_fits(web, name):
    shown = web.post("/teams/", {"name": name})
    assert shown.status_code == 422
    assert not Team.objects.exists()


def test_roles_are_explained_by_the_table_that_decides(web, page):
    assert "Delete files no no yes yes" in words(web.get(page))


def test_a_team_is_renamed(web, team, page):
    assert web.post(f"{page}rename/", {"name": "Prices"}).status_code == 302
    assert "Team renamed to Prices." in told(web.get(page))
    assert what_happened() == [(What.TEAM_RENAMED, "Prices")]


def test_a_team_is_deleted_once_its_name_was_typed(web, team, page, key):
    KeyShare.objects.create(key=key, team=team)
    wrong = web.post(f"{page}delete/", {"confirm": "Catalog"})
    assert (wrong.status_code, field(wrong, "confirm").get("value")) == (422, "Catalog")
    assert Team.objects.exists()
    assert web.post(f"{page}delete/", {"confirm": "Catalogue"}).status_code == 302
    assert not Team.objects.exists()
    key.refresh_from_db()
    assert not KeyShare.objects.exists()


# --- People ---


def test_a_role_is_changed_and_a_person_removed(web, team, page, bob):
    theirs = Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    web.post(f"{page}people/{theirs.pk}/role/", {"role": Role.ADMIN})
    theirs.refresh_from_db()
    assert theirs.role == Role.ADMIN
    assert "bob@example.com is now an admin." in told(web.get(page))
    web.post(f"{page}people/{theirs.pk}/remove/")
    assert not team.memberships.filter(user=bob).exists()
    assert what_happened() == [(What.ROLE_CHANGED, bob.email), (What.REMOVED, bob.email)]


def test_the_last_owner_is_told_why_they_can_t_leave(web, page):
    web.post(f"{page}leave/")
    assert "A team needs an owner." in told(web.get(page))


def test_who_leaves_is_out(client_of, bob, team, page):
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    web = client_of(bob)
    assert web.post(f"{page}leave/")["Location"] == "/teams/"
    assert web.get(page).status_code == 404


def test_people_of_another_team_are_not_there(web, team, page, bob):
    theirs = teams.create("Theirs", bob).memberships.get()
    assert web.post(f"{page}people/{theirs.pk}/remove/").status_code == 404
    assert Membership.objects.filter(pk=theirs.pk).exists()


# --- Keys ---


def test_a_key_is_shared_by_its_owner_and_its_sources_are_there_at_once(web, client_of, bob, team, key, source):
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    theirs = client_of(bob)
    assert "things.csv" not in words(theirs.get("/sources/"))
    web.post(f"/keys/{key.pk}/share/", {"teams": [team.pk]})
    assert "Shared with Catalogue" in words(web.get("/keys/"))
    assert "things.csv" in words(theirs.get(f"/sources/?team={team.pk}"))
    assert "owned by alice@example.com, shared with Catalogue" in words(theirs.get("/keys/"))
    web.post(f"/keys/{key.pk}/share/", {"initial-teams": [team.pk]})
    assert "things.csv" not in words(theirs.get("/sources/"))
    assert [what for what, _ in what_happened()] == [What.KEY_SHARED, What.KEY_UNSHARED]


def test_keys_are_shared_only_where_one_may(web, bob, alice, key):
    others, mine = teams.create("Others", bob), teams.create("Where I am viewer", bob)
    Membership.objects.create(team=mine, user=alice, role=Role.MEMBER)
    for chosen in (others, mine):
        shown = web.post(f"/keys/{key.pk}/share/", {"teams": [chosen.pk]})
        assert "You can't share this key yet" in words(shown)
    assert not KeyShare.objects.exists()


def test_an_owner_without_a_role_takes_their_key_back(web, alice, bob, team, key):
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    teams.set_role(team.memberships.get(user=alice), Role.VIEWER)
    assert "Catalogue" in words(web.get(f"/keys/{key.pk}/share/"))
    web.post(f"/keys/{key.pk}/share/", {"initial-teams": [team.pk]})
    assert not KeyShare.objects.exists()


def test_a_form_that_was_open_for_long_gives_no_team_back_what_it_lost(web, alice, team, key):
    others, third = teams.create("Others", alice), teams.create("Third", alice)
    KeyShare.objects.create(key=key, team=team)
    shown = as_shown(web.get(f"/keys/{key.pk}/share/"))
    assert shown["teams"] == shown["initial-teams"] == [str(team.pk)]
    KeyShare.objects.all().delete()
    KeyShare.objects.create(key=key, team=third)
    web.post(f"/keys/{key.pk}/share/", shown | {"teams": [team.pk, others.pk]})
    assert {share.team for share in KeyShare.objects.all()} == {others, third}


def test_an_admin_takes_a_key_away(client_of, bob, team, page, key):
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    path = f"{page}keys/{key.pk}/unshare/"
    question = client_of(bob).get(path)
    assert "Only alice@example.com can share the key again." in words(question)
    assert KeyShare.objects.exists()
    client_of(bob).post(path)
    assert not KeyShare.objects.exists()
    event = AuditEvent.objects.get()
    assert (event.what, event.who, event.key_label) == (What.KEY_UNSHARED, bob.email, key.label)
    assert list(event.teams.all()) == [team]


# --- Spaces ---


def test_the_address_holds_the_team_and_pages_keep_it(web, team, key, source):
    KeyShare.objects.create(key=key, team=team)
    shown = web.get(f"/sources/?team={team.pk}&q=things")
    for text in ("Downloads", "Keys"):
        assert link(shown, text).endswith(f"?team={team.pk}")
    assert f"team={team.pk}" in link(shown, "things.csv")
    assert field(shown, "team").get("value") == str(team.pk)
    details = web.get(link(shown, "things.csv"))
    assert link(details, "All data sources") == f"/sources/?team={team.pk}&q=things"


def test_a_space_without_keys_says_how_to_fill_it(web, client_of, bob, team):
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    assert "Share one of your keys" in words(web.get(f"/sources/?team={team.pk}"))
    assert "when an owner or admin shares a key" in words(client_of(bob).get(f"/sources/?team={team.pk}"))


@pytest.mark.parametrize("path", ["/sources/", "/downloads/", "/keys/"])
def test_a_team_that_is_not_one_s_own_is_not_there(client_of, bob, team, path):
    for name in (str(team.pk), "nonsense"):
        shown = client_of(bob).get(f"{path}?team={name}")
        assert shown.status_code == 404
        assert "Page not found" in words(shown)


def test_the_team_page_answers_its_part(web, page):
    part = web.get(page, headers=htmx())
    assert part.content.lstrip().startswith(b'<section id="team"')


def test_a_team_page_costs_the_same_for_many(web, team, page):
    def cost() -> int:
        person = User.objects.create_user(f"{team.memberships.count()}@example.com")
        Membership.objects.create(team=team, user=person, role=Role.VIEWER)
        with CaptureQueriesContext(connection) as queries:
            web.get(page)
        return len(queries)

    _, few, *_, many = [cost() for _ in range(20)]
    assert few == many


# --- Invitations ---


def invite(web, page, **what):
    return web.post(page, {"email": "", "role": Role.MEMBER, "days": 7, **what})


def test_somebody_is_invited_by_a_link(web, client_of, bob, page, team):
    assert invite(web, page).status_code == 302
    invitation = Invitation.objects.get()
    answer = web.post(f"{page}invitations/{invitation.pk}/link/")
    address = answer.content.decode()
    assert address == f"http://testserver/invitations/{teams.token(invitation)}/"
    assert "no-store" in answer["Cache-Control"]
    theirs = client_of(bob)
    shown = theirs.get(address)
    assert "alice@example.com invited you to this team as member" in words(shown)
    joined = theirs.post(address)
    assert joined["Location"] == f"/sources/?team={team.pk}"
    assert team.memberships.get(user=bob).role == Role.MEMBER
    assert [what for what, _ in what_happened()] == [What.INVITED, What.JOINED]


def test_the_link_stands_in_no_page(web, page):
    invite(web, page)
    assert teams.token(Invitation.objects.get()) not in web.get(page).content.decode()


def test_an_invitation_is_taken_back(web, client_of, bob, page):
    invite(web, page)
    invitation = Invitation.objects.get()
    web.post(f"{page}invitations/{invitation.pk}/revoke/")
    for answer in (client_of(bob).get(f"/invitations/{teams.token(invitation)}/"),):
        assert (answer.status_code, "Invitation no longer valid" in words(answer)) == (410, True)
    assert web.post(f"{page}invitations/{invitation.pk}/link/").status_code == 410


def test_a_forged_link_is_nothing(client, db):
    assert client.get("/invitations/x.y/").status_code == 404


def test_one_for_somebody_else_says_so(web, client_of, bob, page, team):
    invite(web, page, email="carol@example.com")
    address = f"/invitations/{teams.token(Invitation.objects.get())}/"
    theirs = client_of(bob)
    assert "This invitation is for carol@example.com" in words(theirs.get(address))
    assert theirs.post(address).status_code == 403
    assert not team.memberships.filter(user=bob).exists()


def test_the_invited_sign_up_although_sign_up_is_closed_and_come_back(web, client, settings, page, team):
    settings.SIGNUP_OPEN = False
    invite(web, page)
    address = f"/invitations/{teams.token(Invitation.objects.get())}/"
    assert "closed" in words(client.get("/accounts/signup/")).lower()
    shown = client.get(address)
    assert link(shown, "Create an account") == f"/accounts/signup/?next={address}"
    form = {"email": "dora@example.com", "password1": "correct-horse-battery", "password2": "correct-horse-battery"}
    answer = client.post("/accounts/signup/", {**form, "next": address})
    assert answer["Location"] == address
    client.post(address)
    assert team.memberships.filter(user__email="dora@example.com").exists()


def test_the_invited_come_back_after_they_have_confirmed_their_address(web, client, settings, page):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    invite(web, page)
    address = f"/invitations/{teams.token(Invitation.objects.get())}/"
    client.get(address)
    secret = "correct-horse-battery"
    form = {"email": "dora@example.com", "password1": secret, "password2": secret, "next": address}
    assert client.post("/accounts/signup/", form)["Location"] == "/accounts/confirm-email/"
    client.post(re.search(r"/accounts/confirm-email/\S+", mail.outbox[0].body)[0])
    sign_in = {"login": "dora@example.com", "password": secret}
    assert client.post("/accounts/login/", sign_in)["Location"] == address
    client.post(address)
    client.post("/accounts/logout/")
    assert client.post("/accounts/login/", sign_in)["Location"] == "/sources/"


def test_the_form_of_an_invitation_comes_with_its_origin(client_of, bob, web, page):
    """Under `no-referrer` browsers send `Origin: null` with a form, and Django takes it for a forged one."""
    invite(web, page)
    answer = client_of(bob).get(f"/invitations/{teams.token(Invitation.objects.get())}/")
    assert "Join as bob@example.com" in words(answer)
    assert answer["Referrer-Policy"] == "same-origin"


def test_an_invitation_that_has_ended_opens_no_sign_up(web, client, settings, page):
    settings.SIGNUP_OPEN = False
    invite(web, page)
    client.get(f"/invitations/{teams.token(Invitation.objects.get())}/")
    Invitation.objects.update(revoked_at=timezone.now())
    assert "closed" in words(client.get("/accounts/signup/")).lower()


def test_the_session_holds_no_token(web, client, page):
    invite(web, page)
    token = teams.token(Invitation.objects.get())
    client.get(f"/invitations/{token}/")
    assert token not in str(dict(client.session))


def test_what_can_t_be_invited_is_told_and_what_was_typed_stays(web, page):
    shown = invite(web, page, email="nobody")
    assert (shown.status_code, words(field(shown, "email"))) == (422, "nobody")
    assert not Invitation.objects.exists()


def test_without_a_mail_server_the_page_says_that_one_copies_the_link(web, page):
    assert "No mail server is set up" in words(web.get(page))
    invite(web, page, email="carol@example.com")
    assert "Copy its link below" in told(web.get(page))
    assert mail.outbox == []


def test_with_a_mail_server_the_invitation_is_mailed_once(web, page, settings, monkeypatch):
    settings.EMAIL_URL = "smtp://mail"
    handed_on = []
    monkeypatch.setattr("datasources.tasks.mail_invitation.delay", lambda *what: handed_on.append(what))
    invite(web, page, email="carol@example.com")
    [(invitation_id, site)] = handed_on
    assert [invitations.mail(invitation_id, site) for _ in range(2)] == ["sent", "not needed"]
    [message] = mail.outbox
    assert message.to == ["carol@example.com"]
    assert f"http://testserver/invitations/{teams.token(Invitation.objects.get())}/" in message.body
    assert "mailed just now" in words(web.get(page))


def test_a_mail_that_fails_is_told(web, page, team, alice, monkeypatch):
    invitation = teams.invite(team, alice, Role.MEMBER, timezone.now() + timedelta(days=1), "c@example.com")

    def refuse(*args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr(invitations, "send_mail", refuse)
    assert invitations.mail(str(invitation.pk), "https://claro.example.com/") == "not sent"
    assert "The mail server refused the mail." in words(web.get(page))


def test_where_somebody_came_from_is_noted(web, page):
    web.post("/teams/", {"name": "Catalogue"}, headers={"User-Agent": "Firefox\x1b[2J"})
    event = AuditEvent.objects.get()
    assert (event.address, event.agent.startswith("Firefox")) == ("127.0.0.1", True)
    assert "\x1b" not in event.agent
    assert log.origin.get() == log.NOWHERE
