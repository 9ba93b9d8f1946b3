"""A share link with a download limit: a download that broke off can be repeated, and nobody else gets in by that."""

import pytest
import requests
import time_machine
from django.test import Client
from django.utils import timezone

from datasources.models import ShareLink
from datasources.sharing import shares
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.html import all_words, words
from tests.support.shares import PERSON, path, uses
from tests.support.threads import at_once


@pytest.fixture
def once(alice, table) -> ShareLink:
    return limited(alice, table)


@pytest.fixture
def recipient() -> Client:
    return Client(headers=PERSON)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


def limited(alice, *sources, most_uses: int = 1, **settings) -> ShareLink:
    share = shares.make(alice, sources[0].key, sources, most_uses=most_uses, **settings)
    for file in share.files.all():
        made(shares.renew(share, file.number))
    return share


@pytest.mark.parametrize("headers", [PERSON, {"User-Agent": "curl/8.5"}])
def test_a_download_that_broke_off_is_repeated_and_not_counted(once, headers):
    visitor = Client(headers=headers)
    first = visitor.get(path(once, "?dl=1"))
    with requests.get(first["Location"], stream=True, timeout=30) as broken_off:
        next(broken_off.iter_content(10))
    again = visitor.get(path(once, "?dl=1"))
    assert again.status_code == 302
    assert requests.get(again["Location"], timeout=30).text.startswith("id,name")
    assert uses(once) == 1


def test_for_ten_minutes_from_the_first_time(once, recipient, clock):
    cookie = recipient.get(path(once, "?dl=1")).cookies["file1"]
    assert (cookie["path"], cookie["httponly"], cookie["max-age"]) == (path(once), True, 600)
    clock.shift(599)
    again = recipient.get(path(once, "?dl=1"))
    assert (again.status_code, dict(again.cookies)) == (302, {})
    clock.shift(2)
    recipient.cookies["file1"] = cookie.value
    assert recipient.get(path(once, "?dl=1")).status_code == 410


def test_the_page_stays_for_that_recipient_and_says_so(once, recipient):
    recipient.get(path(once, "?dl=1"))
    shown = recipient.get(path(once))
    assert all_words(shown, ".//h1") == ["things.csv"]
    assert "If the download failed, repeat it within 10 minutes" in words(shown)


def test_that_the_limit_is_reached_counts_as_no_guess(once, recipient, settings):
    recipient.get(path(once, "?dl=1"))
    del recipient.cookies["file1"]
    assert {recipient.get(path(once)).status_code for _ in range(20)} == {410}


def test_the_limit_admits_nobody_more_however_many_come_at_once(alice, table):
    share = limited(alice, table, most_uses=3)
    got = at_once(8, lambda: Client(headers=PERSON).get(path(share, "?dl=1")).status_code)
    assert sorted(got) == [302] * 3 + [404] * 5
    assert uses(share) == 3


@pytest.mark.parametrize("spoil", ["other link", "other file", "forged", "new address", "empty"])
def test_what_is_remembered_is_good_for_this_file_of_this_address_only(alice, account, key, table, spoil):
    account.upload("more.csv", "id\n1\n")
    share, other = limited(alice, *synced(key)), limited(alice, table)
    client = Client(headers=PERSON)
    cookie = client.get(path(share, "?dl=1")).cookies["file1"].value
    target, name = share, "file1"
    if spoil == "other link":
        assert Client().get(path(other, "?dl=1")).status_code == 302  # used up
        target = other
    elif spoil == "other file":
        name = "file2"
    elif spoil == "new address":
        shares.rotate(share)
    elif spoil in ("forged", "empty"):
        cookie = "" if spoil == "empty" else f"{cookie[:-1]}{'a' if cookie[-1] != 'a' else 'b'}"
    thief = Client(headers=PERSON)
    thief.cookies[name] = cookie
    assert thief.get(path(target, f"?dl={name[-1]}")).status_code == 404


def test_each_file_of_a_page_is_counted(alice, account, key, table):
    account.upload("more.csv", "id\n1\n")
    share = limited(alice, *synced(key), most_uses=2)
    client = Client(headers=PERSON)
    got = [client.get(path(share, f"?dl={number}")).status_code for number in (1, 1, 2, 2, 1)]
    assert got == [302] * 5
    assert uses(share) == 2


@pytest.mark.parametrize("stop", [shares.end, lambda share: shares.pause(share, on=True)])
def test_a_link_that_is_stopped_stops_repetitions_too(once, recipient, stop):
    recipient.get(path(once, "?dl=1"))
    stop(once)
    assert recipient.get(path(once, "?dl=1")).status_code == 404


def test_a_repetition_still_asks_for_the_password(alice, table, clock):
    share = limited(alice, table, password="open sesame")
    client = Client(headers=PERSON)
    client.post(path(share), {"password": "open sesame"})
    assert client.get(path(share, "?dl=1")).status_code == 302
    assert client.get(path(share, "?dl=1")).status_code == 302
    del client.cookies["share"]
    assert "Enter the password" in words(client.get(path(share, "?dl=1")))


def test_looking_is_still_no_download(once, recipient):
    recipient.head(path(once, "?dl=1"))
    Client(headers=PERSON | {"User-Agent": "Slackbot"}).get(path(once, "?dl=1"))
    assert uses(once) == 0
    recipient.get(path(once, "?dl=1"))
    assert "Location" not in recipient.head(path(once, "?dl=1"))


@pytest.mark.parametrize(("left", "said"), [(1, "1 download left."), (3, "3 downloads left.")])
def test_the_page_warns_beforehand_with_the_size(alice, table, recipient, left, said):
    shown = words(recipient.get(path(limited(alice, table, most_uses=left))))
    assert f"{said} Make sure you have room for 2.1 kB. If the download fails" in shown


def test_an_unlimited_link_warns_of_nothing_and_allows_no_repeat_beyond_it(alice, table, recipient):
    share = limited(alice, table, most_uses=None)
    assert "Make sure" not in words(recipient.get(path(share)))
    assert list(recipient.get(path(share, "?dl=1")).cookies) == ["used"]


def test_cookies_are_secure_where_those_of_the_session_are(alice, table, recipient, settings):
    settings.SESSION_COOKIE_SECURE = True
    share = limited(alice, table, password="open sesame")
    kept = recipient.post(path(share), {"password": "open sesame"}).cookies["__Secure-share"]
    counted = recipient.get(path(share, "?dl=1")).cookies["__Secure-file1"]
    assert all(cookie["secure"] and cookie["path"] == path(share) for cookie in (kept, counted))
    assert recipient.get(path(share, "?dl=1")).status_code == 302
