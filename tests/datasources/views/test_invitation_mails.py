"""Invitations go out by mail, but the dashboard is nobody's relay."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts import invitations, teams
from accounts.models import Invitation, Membership, Team
from accounts.roles import Role
from datasources import tasks
from datasources.models import ApiKey, SavedView
from tests.support.html import field, told, words
from tests.support.threads import at_once

HOSTILE = ["Catalogue\nBcc: x@evil.example", "a\r\nb", "a\x0bb", "a\u2028b", "a\x1b[2J", "a\u202eb"]


@pytest.fixture
def team(alice) -> Team:
    return teams.create("Catalogue", alice)


@pytest.fixture
def page(team) -> str:
    return f"/teams/{team.pk}/"


@pytest.fixture
def mailing(settings, monkeypatch) -> list[str]:
    """A mail server; what is handed to a worker is sent at once, here."""
    settings.EMAIL_URL = "smtp://mail"
    outcomes: list[str] = []
    monkeypatch.setattr(tasks.mail_invitation, "delay", lambda *what: outcomes.append(invitations.mail(*what)))
    return outcomes


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


def invite(web, page, email: str = "", **what):
    return web.post(page, {"email": email, "role": Role.MEMBER, "days": 7, **what})


def invited(team, by, email: str = "") -> Invitation:
    return invitations.invite(team, by, Role.MEMBER, timezone.now() + timedelta(days=1), email)


def test_one_person_invites_twenty_times_an_hour_at_most(web, page, mailing, clock):
    answers = [invite(web, page, f"person{number}@example.com") for number in range(25)]
    assert [answer.status_code for answer in answers] == [302] * 20 + [422] * 5
    assert "Limit reached: 20 invitations an hour. Try again in 60 minutes." in words(answers[-1])
    assert words(field(answers[-1], "email")) == "person24@example.com"
    assert len(mail.outbox) == Invitation.objects.count() == 20
    clock.shift(3599)
    assert invite(web, page, "late@example.com").status_code == 422
    clock.shift(2)
    assert invite(web, page, "late@example.com").status_code == 302


def test_a_new_team_gives_nobody_more_invitations(web, page, alice, mailing, settings):
    settings.INVITATIONS_AN_HOUR = 2
    for number in range(2):
        invite(web, page, f"person{number}@example.com")
    Team.objects.all().delete()
    other = teams.create("Another", alice)
    assert invite(web, f"/teams/{other.pk}/", "person3@example.com").status_code == 422
    assert len(mail.outbox) == 2


def test_of_invitations_at_the_same_moment_no_more_are_made(team, alice, settings):
    settings.INVITATIONS_AN_HOUR = 3
    outcomes = at_once(8, lambda: invited(team, alice))
    assert sum(isinstance(one, Invitation) for one in outcomes) == Invitation.objects.count() == 3


def test_one_address_gets_three_a_day_from_all_senders_together(team, alice, bob, clock):
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    for by, email in ((alice, "carol@example.com"), (bob, "Carol@Example.com"), (alice, "carol+1@example.com")):
        invited(team, by, email)
    for by in (alice, bob):
        with pytest.raises(invitations.TooManyInvitations, match="Daily limit for this address"):
            invited(team, by, "carol+2@example.com")
    invited(team, bob, "dora@example.com")
    clock.shift(86_401)
    invited(team, alice, "carol@example.com")


def test_without_redis_an_invitation_is_a_link(team, alice, redis_server):
    redis_server.stop()
    try:
        assert invited(team, alice).pk
    finally:
        redis_server.start()


def test_the_subject_is_ours_alone(web, page, mailing):
    Team.objects.update(name="Buy pills now")
    invite(web, page, "carol@example.com")
    assert (mailing, mail.outbox[0].subject) == (["sent"], invitations.SUBJECT)


@pytest.mark.parametrize("name", ["Win at https://evil.example", "www.evil.example", "call evil@example.com"])
def test_a_name_that_a_mail_program_would_make_a_link_of_is_left_out(web, page, mailing, name):
    Team.objects.update(name=name)
    invite(web, page, "carol@example.com")
    assert name not in mail.outbox[0].body
    assert "invited you to a team on Claro Dashboard" in mail.outbox[0].body


def test_a_name_of_before_with_a_line_break_is_mailed_and_harmless(web, page, mailing):
    Team.objects.update(name="Catalogue\nBcc: x@evil.example")
    invite(web, page, "carol@example.com")
    [message] = mail.outbox
    assert (mailing, message.recipients()) == (["sent"], ["carol@example.com"])
    assert "evil" not in str(message.message())


@pytest.mark.parametrize("name", HOSTILE)
def test_names_with_line_breaks_or_control_characters_are_refused_at_the_field(web, page, key, name):
    view = SavedView.objects.create(owner=key.owner, name="Prices", page=SavedView.Page.SOURCES)
    forms = {
        "/teams/": "name",
        f"{page}rename/": "name",
        "/keys/add/": "label",
        f"/keys/{key.pk}/edit/": "label",
        f"/views/{view.pk}/rename/": "name",
        "/views/add/?path=/sources/&query=q%3Da": "name",
    }
    for path, which in forms.items():
        shown = web.post(path, {which: name, "secret": "a-key"})
        assert shown.status_code == 422, path
        assert "Use one line of text" in words(shown), path
    assert list(Team.objects.values_list("name", flat=True)) == ["Catalogue"]
    assert list(ApiKey.objects.values_list("label", flat=True)) == ["Main"]
    assert list(SavedView.objects.values_list("name", flat=True)) == ["Prices"]


def test_the_note_of_a_share_link_may_have_lines_but_no_control_characters(web, table):
    path = f"/sources/{table.datasource_id}/share/"
    assert web.post(path, {"ends": "month", "note": "a\r\nb"}).status_code == 302
    shown = web.post(path, {"ends": "month", "note": "a\x1b[2J"})
    assert (shown.status_code, "Use one line of text" in words(shown)) == (422, True)


@pytest.mark.parametrize("error", [OSError, ValueError("Header values can't contain newlines")])
def test_a_mail_that_could_not_be_sent_is_told_on_the_page(web, page, mailing, monkeypatch, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    invite(web, page, "carol@example.com")
    assert mailing == ["not sent"]
    assert "The mail server refused the mail. Copy the link and send it." in words(web.get(page))


def test_a_mail_that_no_worker_could_be_asked_for_is_told_at_once(web, page, settings, monkeypatch):
    def refuse(*args):
        raise OperationalError

    settings.EMAIL_URL = "smtp://mail"
    monkeypatch.setattr(tasks.mail_invitation, "delay", refuse)
    invite(web, page, "carol@example.com")
    shown = web.get(page)
    assert "Invitation for carol@example.com created, but not mailed." in told(shown)
    assert "No worker could send the mail." in words(shown)


def test_a_mail_that_is_not_sent_yet_is_not_called_sent(web, page, settings, monkeypatch):
    settings.EMAIL_URL = "smtp://mail"
    monkeypatch.setattr(tasks.mail_invitation, "delay", lambda *what: None)
    invite(web, page, "carol@example.com")
    assert "not mailed yet" in words(web.get(page))


def test_an_invitation_that_ended_meanwhile_is_not_mailed(team, alice, bob):
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    invitation = invited(team, bob, "carol@example.com")
    Membership.objects.filter(user=bob).delete()
    assert invitations.mail(str(invitation.pk), "http://testserver/") == "not needed"
    assert mail.outbox == []
