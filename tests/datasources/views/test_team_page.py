"""One page of a team: sharing a key, inviting several people, and who is there."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts import sessions, teams
from accounts.models import Invitation, Membership, Team, User
from accounts.roles import Role
from datasources import keys
from datasources.activity.words import What
from datasources.models import ApiKey, AuditEvent, KeyShare
from tests.support.html import dom, field, told, words


@pytest.fixture
def team(alice) -> Team:
    return teams.create("Catalogue", alice)


@pytest.fixture
def page(team) -> str:
    return f"/teams/{team.pk}/"


def invite(web, page, email: str, **what):
    return web.post(page, {"email": email, "role": Role.VIEWER, "days": 7, **what})


def open_to() -> list[str]:
    return sorted(Invitation.objects.values_list("email", flat=True))


# --- Keys ---


def test_a_key_is_shared_on_the_team_s_page(web, page, team, key):
    shown = web.get(page)
    assert [words(one) for one in field(shown, "key").iter("option")] == [str(key)]
    web.post(f"{page}keys/share/", {"key": key.pk})
    assert list(key.shares.values_list("team", flat=True)) == [team.pk]
    shown = web.get(page)
    assert "Main is shared with Catalogue." in told(shown)
    assert field(shown, "key") is None
    event = AuditEvent.objects.get()
    assert (event.what, event.key_label, list(event.teams.all())) == (What.KEY_SHARED, "Main", [team])


def test_only_an_own_key_is_shared_and_only_with_this_team(client_of, bob, page, team, key, account):
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    web = client_of(bob)
    assert "Add a key" in words(web.get(page))
    web.post(f"{page}keys/share/", {"key": key.pk})
    assert "Choose one of your keys" in told(web.get(page))
    assert not KeyShare.objects.exists()
    theirs = keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID)
    web.post(f"{page}keys/share/", {"key": theirs.pk})
    assert list(KeyShare.objects.values_list("key", "team")) == [(theirs.pk, team.pk)]


# --- Several addresses ---


def test_several_people_are_invited_at_once_as_viewers(web, page):
    roles = [one for one in dom(web.get(page)).iter("option") if one.get("selected") is not None]
    assert "Viewer: browse, download and export" in map(words, roles)
    text = "carol@example.com, Dora@Example.com; eve@example.com\r\nFay Fox <fay@example.com>\r\n carol@example.com"
    assert invite(web, page, text).status_code == 302
    assert open_to() == ["carol@example.com", "dora@example.com", "eve@example.com", "fay@example.com"]
    assert set(Invitation.objects.values_list("role", "is_single_use")) == {(Role.VIEWER, True)}
    assert "Invitations for 4 people created. Copy their links below" in told(web.get(page))
    assert AuditEvent.objects.filter(what=What.INVITED).count() == 4


def test_good_addresses_are_invited_and_bad_ones_stay_with_a_sentence_each(web, page, team, bob):
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    invite(web, page, "dora@example.com")
    shown = invite(web, page, "carol@example.com, nobody, Bob@example.com dora@example.com x@\u202e")
    assert shown.status_code == 422
    assert open_to() == ["carol@example.com", "dora@example.com"]
    assert "Invitation for carol@example.com created." in told(shown)
    assert words(field(shown, "email")) == "nobody, bob@example.com, dora@example.com, x@\u202e"
    for sentence in (
        "“nobody” is not an e-mail address.",
        "bob@example.com is already in the team.",
        "dora@example.com already has an open invitation. Cancel it to send another.",
    ):
        assert words(shown).count(sentence) == 1
    assert "“x@\u202e”" not in words(shown)
    # A live update would take them away.
    assert dom(shown).find(".//section[@id='team']").get("hx-get") is None


def test_separators_alone_make_no_link_for_anybody(web, page):
    shown = invite(web, page, " , ;")
    assert "Enter an address, or leave the field empty." in words(shown)
    assert not Invitation.objects.exists()


def test_each_address_counts_as_one_invitation(web, page, settings):
    settings.INVITATIONS_AN_HOUR = 3
    shown = invite(web, page, "nobody " + " ".join(f"person{number}@example.com" for number in range(5)))
    assert (shown.status_code, len(open_to())) == (422, 3)
    assert words(field(shown, "email")) == "nobody, person3@example.com, person4@example.com"
    assert words(shown).count("Limit reached: 3 invitations an hour.") == 1
    assert invite(web, page, "").status_code == 422


def test_an_address_that_had_three_mails_does_not_stop_the_others(web, page, team, alice):
    for _ in range(3):
        invite(web, page, "carol@example.com")
        Invitation.objects.all().delete()
    shown = invite(web, page, "carol@example.com dora@example.com")
    assert open_to() == ["dora@example.com"]
    assert "carol@example.com: Daily limit for this address reached." in words(shown)


# --- The address is fixed at sign-up ---


@pytest.mark.parametrize("is_open", [True, False])
def test_who_follows_an_invitation_signs_up_with_its_address_only(web, client, settings, page, is_open):
    settings.SIGNUP_OPEN = is_open
    invite(web, page, "carol@example.com")
    address = f"/invitations/{teams.token(Invitation.objects.get())}/"
    assert "Create an account for carol@example.com" in words(client.get(address))
    form = field(client.get("/accounts/signup/"), "email")
    assert (form.get("value"), form.get("readonly")) == ("carol@example.com", "")
    secret = "correct-horse-battery"
    answer = client.post("/accounts/signup/", {"email": "eve@example.com", "password1": secret, "password2": secret})
    assert "Your invitation is for carol@example.com. Sign up with this address." in words(answer)
    assert not User.objects.filter(email="eve@example.com").exists()
    client.post("/accounts/signup/", {"email": "Carol@example.com", "password1": secret, "password2": secret})
    assert client.post(address)["Location"].startswith("/sources/")


# --- Who is there ---


def test_the_page_shows_what_people_may_do_and_the_day_of_their_last_activity(web, team, page, bob):
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    for days, shown in {0: "active today", 1: "active yesterday", 3: "active 3 days ago"}.items():
        User.objects.filter(pk=bob.pk).update(active_at=timezone.now() - timedelta(days=days))
        line = words(dom(web.get(page)).find(f".//li[@id='person-{team.memberships.get(user=bob).pk}']"))
        assert shown in line
        assert "can also upload, share and save views" in line
    User.objects.filter(pk=bob.pk).update(active_at=timezone.now() - timedelta(days=40))
    assert "active over a month ago" in words(web.get(page))
    User.objects.filter(pk=bob.pk).update(active_at=None, last_login=None)
    assert "not active yet" in words(web.get(page))


def test_the_last_activity_is_written_once_an_hour_and_outlives_the_session(client_of, alice, time_machine):
    web = client_of(alice)

    def active():
        return User.objects.get(pk=alice.pk).active_at.strftime("%H:%M")

    for at, written in (("08:00", "08:00"), ("08:59", "08:00"), ("09:01", "09:01")):
        time_machine.move_to(f"2026-11-27T{at}:00Z", tick=False)
        sessions.seen_lately.forget()
        cache.clear()  # where each session is noted once in five minutes
        web.get("/teams/")
        assert active() == written
    web.post("/accounts/logout/")
    assert active() == "09:01"
