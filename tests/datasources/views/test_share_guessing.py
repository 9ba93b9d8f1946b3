"""Guessing the password of a share link is slow, is told to its owner, and keeps nobody out who has opened it."""

import base64

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import notices
from datasources.activity.words import What
from datasources.models import AuditEvent, KeyShare, ShareLink
from datasources.models.notices import Topic
from datasources.sharing import shares
from tests.datasources.views.conftest import made
from tests.support.html import words
from tests.support.threads import at_once

PERSON = {"Accept": "text/html"}
RIGHT, WRONG = "open sesame", "wrong password"


@pytest.fixture
def locked(alice, table) -> ShareLink:
    share = shares.make(alice, table.key, [table], password=RIGHT)
    made(shares.renew(share, 1))
    return share


@pytest.fixture
def clock():
    with time_machine.travel("2026-11-24T12:00:10Z", tick=False) as clock:
        yield clock


def post(share: ShareLink, password: str, address: str = "203.0.113.7", client: Client | None = None):
    visitor = client or Client(headers=PERSON)
    return visitor.post(f"/d/{share.unseal()}/", {"password": password}, REMOTE_ADDR=address)


def statuses(share: ShareLink, addresses) -> list[int]:
    return [post(share, WRONG, address).status_code for address in addresses]


@pytest.mark.slow
def test_guesses_from_one_ipv6_network_are_counted_together(locked, clock):
    addresses = [f"2001:db8:1:2::{number:x}" for number in range(1, 41)]
    assert statuses(locked, addresses) == [422] * 5 + [429] * 35
    assert post(locked, WRONG, "2001:db8:1:3::1").status_code == 422


@pytest.mark.slow
def test_guesses_from_many_networks_are_counted_by_link(locked, clock, alice, table):
    addresses = [f"203.0.113.{number}" for number in range(1, 41)]
    assert statuses(locked, addresses) == [422] * 20 + [429] * 20
    other = shares.make(alice, table.key, [table], password=RIGHT)
    assert post(other, RIGHT).status_code == 302


def test_of_guesses_at_the_same_moment_only_the_free_ones_are_checked(locked):
    got = at_once(12, lambda: post(locked, WRONG).status_code)
    assert sorted(got) == [422] * 5 + [429] * 7


def test_one_that_comes_too_early_is_not_checked_and_says_when(locked, clock, settings):
    statuses(locked, ["203.0.113.7"] * 5)
    answer = post(locked, RIGHT)
    assert (answer.status_code, answer["Retry-After"]) == (429, "6")
    assert "Too many wrong passwords. This one was not checked. Try again in 6 s." in words(answer)
    assert not answer.cookies
    settings.PASSWORD_HASHERS = []  # a check would fail
    assert post(locked, RIGHT).status_code == 429


def test_the_wait_grows_and_the_right_password_opens_after_it(locked, clock):
    statuses(locked, ["203.0.113.7"] * 5)
    clock.shift(5.1)
    assert statuses(locked, ["203.0.113.7"] * 2) == [422, 429]
    assert int(post(locked, WRONG)["Retry-After"]) == 11
    clock.shift(10.1)
    assert post(locked, RIGHT).status_code == 302


def test_a_script_is_told_when_to_come_again(locked, clock):
    code = base64.b64encode(f":{WRONG}".encode()).decode()
    script = Client(headers={"Authorization": f"Basic {code}"})
    answers = [script.get(f"/d/{locked.unseal()}/?dl=1") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert (answers[-1]["Retry-After"], answers[-1].content) == ("6", b"Too many wrong passwords. Try again in 6 s.\n")


def test_right_passwords_are_no_guesses(locked, clock):
    """As many as the limit for requests lets through; and they give an attacker no more guesses."""
    assert [post(locked, RIGHT).status_code for _ in range(8)] == [302] * 8
    assert statuses(locked, ["203.0.113.8"] * 6) == [422] * 5 + [429]


@pytest.mark.slow
def test_a_recipient_who_has_opened_the_link_is_not_kept_out_by_others(locked, clock):
    recipient = Client(headers=PERSON)
    assert post(locked, RIGHT, "198.51.100.1", recipient).status_code == 302
    statuses(locked, [f"203.0.113.{number}" for number in range(1, 41)])
    statuses(locked, ["198.51.100.1"] * 9)
    assert post(locked, RIGHT, "198.51.100.2").status_code == 429
    assert recipient.get(f"/d/{locked.unseal()}/").status_code == 200
    clock.shift(3700)
    statuses(locked, [f"203.0.113.{number}" for number in range(1, 41)])
    page = recipient.get(f"/d/{locked.unseal()}/")
    assert "Enter the password" in words(page)
    assert post(locked, RIGHT, "198.51.100.1", recipient).status_code == 302


def test_a_browser_that_opened_the_link_guesses_no_faster_than_others(locked, clock):
    client = Client(headers=PERSON)
    post(locked, RIGHT, client=client)
    assert [post(locked, WRONG, client=client).status_code for _ in range(7)] == [422] * 5 + [429] * 2


@pytest.mark.slow
def test_a_new_password_forgets_who_knew_the_old_one(locked, clock):
    client = Client(headers=PERSON)
    post(locked, RIGHT, client=client)
    shares.change(locked, password="another one")
    statuses(locked, [f"203.0.113.{number}" for number in range(1, 41)])
    assert post(locked, RIGHT, "198.51.100.1", client).status_code == 429


@pytest.mark.slow
def test_the_owner_and_the_maker_are_told_once_while_it_lasts(locked, clock, alice, bob, table):
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(team=team, key=table.key)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    ShareLink.objects.update(made_by=bob)
    notices.choose(alice, table.key, [])
    statuses(locked, ["203.0.113.7"] * 4)
    assert not AuditEvent.objects.exists()
    statuses(locked, ["203.0.113.7"] * 30)
    statuses(locked, [f"203.0.113.{number}" for number in range(8, 60)])
    for person in (alice, bob):
        [notice] = notices.of(person)
        assert (notice.topic, notice.names, notice.count) == (Topic.GUESSED, ["things.csv"], 1)
    event = AuditEvent.objects.get()
    assert (event.what, event.about, event.address) == (What.SHARE_GUESSED, "things.csv", "203.0.113.7")


def test_a_guesser_who_obeys_every_wait_is_told_of_too(locked, clock, alice):
    for _ in range(6):
        post(locked, WRONG)
        clock.shift(50)
    assert [notice.topic for notice in notices.of(alice)] == [Topic.GUESSED]


def test_the_notice_and_activity_say_so_in_words(locked, clock, web):
    statuses(locked, ["203.0.113.7"] * 6)
    assert "Wrong passwords entered on a share link: things.csv. Further attempts are slowed down." in words(
        web.get("/notices/")
    )
    assert "entered several wrong passwords on the share link for things.csv" in words(web.get("/activity/"))
    assert "Share link reached its download limit" in words(web.get("/notices/choices/"))
    assert "Wrong passwords" not in words(web.get("/notices/choices/"))


def test_a_shorter_password_of_before_keeps_working(locked, clock):
    ShareLink.objects.update(password=make_password("short"))
    assert post(locked, "short").status_code == 302


def test_wrong_tokens_are_counted_by_network_too(db, clock):
    got = [Client().get("/d/cd_wrong/", REMOTE_ADDR=f"2001:db8:1:2::{number:x}").status_code for number in range(1, 16)]
    assert got == [404] * 12 + [429] * 3
