"""A link that has ended: a visitor who has used it learns why, and others learn nothing."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from datasources import mirror
from datasources.models import ShareLink
from datasources.sharing import shares
from datasources.views.share_cookies import USED_FOR_S
from tests.datasources.views.conftest import made
from tests.support.html import all_words, words
from tests.support.shares import PERSON, SCRIPT, path

UNKNOWN = f"/d/cd_{'A' * 32}/"
STOPS = {
    "revoked": shares.end,
    "paused": lambda share: shares.pause(share, on=True),
    "expired": lambda share: shares.change(share, ends_at=timezone.now()),
    "deleted": lambda share: share.delete(),
    "file deleted at Claro": lambda share: mirror.mark_gone(share.sources.get()),
    "maker away": lambda share: User.objects.filter(pk=share.made_by_id).update(is_active=False),
}


@pytest.fixture
def once(alice, table) -> ShareLink:
    share = shares.make(alice, table.key, [table], most_uses=1, names_sender=True)
    made(shares.renew(share, 1))
    return share


def used(share: ShareLink, headers=PERSON) -> Client:
    """A browser that has downloaded the file, more than ten minutes ago."""
    client = Client(headers=headers)
    assert client.get(path(share, "?dl=1")).status_code == 302
    client.cookies.pop("file1", None)
    return client


def seen(client: Client, address: str) -> tuple:
    """All that an answer shows of itself."""
    answer = client.get(address)
    varying = {"X-Request-ID", "Expires"}
    return answer.status_code, answer.content, tuple((k, v) for k, v in answer.items() if k not in varying)


@pytest.mark.parametrize("query", ["", "?dl=1", "?dl=2"])
@pytest.mark.parametrize("headers", [PERSON, SCRIPT], ids=["person", "script"])
def test_a_used_up_link_is_to_others_as_one_that_never_was(once, headers, query):
    used(once)
    assert seen(Client(headers=headers), path(once, query)) == seen(Client(headers=headers), UNKNOWN + query)


def test_the_last_download_taken_meanwhile_is_to_others_as_one_that_never_was(once, monkeypatch):
    """The page was open, and another visitor was faster between the question and the count."""
    monkeypatch.setattr(shares, "use", lambda share, number: False)
    assert seen(Client(headers=PERSON), path(once, "?dl=1")) == seen(Client(headers=PERSON), UNKNOWN)


def test_others_cost_the_same_queries_whatever_the_link_was(once, alice, table, outside):
    used(once)
    ended = shares.make(alice, table.key, [table])
    shares.end(ended)
    counts = []
    for address in (UNKNOWN, path(once), path(ended)):
        with CaptureQueriesContext(connection) as queries:
            outside.get(address)
        counts.append(len(queries))
    assert counts == [1, 1, 1]


@pytest.mark.parametrize("query", ["", "?dl=1"])
def test_a_visitor_who_has_used_it_reads_that_its_limit_is_reached(once, query):
    page = used(once).get(path(once, query))
    assert page.status_code == 410
    assert all_words(page, ".//h1") == ["Download limit reached"]
    assert "Ask alice@example.com for a new link." in words(page)
    shares.change(once, most_uses=2)
    script = used(once, SCRIPT).get(path(once, query))
    assert (script.status_code, script.content) == (410, b"Download limit reached.\n")


@pytest.mark.parametrize("stop", STOPS)
def test_a_visitor_who_has_used_it_reads_that_it_was_stopped(alice, table, stop):
    share = shares.make(alice, table.key, [table])
    made(shares.renew(share, 1))
    address, person, script = path(share), used(share), used(share, SCRIPT)
    STOPS[stop](share)
    page = person.get(address)
    assert (page.status_code, all_words(page, ".//h1")) == (404, ["This link no longer works"])
    assert script.get(address).content == b"This link no longer works.\n"
    assert seen(Client(headers=PERSON), address) == seen(Client(headers=PERSON), UNKNOWN)


def test_a_replaced_link_tells_its_visitor_and_the_new_one_is_new(alice, table):
    share = shares.make(alice, table.key, [table], most_uses=1)
    made(shares.renew(share, 1))
    old, visitor = path(share), used(share)
    cookie = visitor.cookies["used"].value
    shares.rotate(share)
    assert all_words(visitor.get(old), ".//h1") == ["This link no longer works"]
    other = Client(headers=PERSON)
    other.cookies["used"] = cookie
    assert other.get(path(share)).status_code == 404
    assert "mistyped" in words(other.get(path(share)))


def test_the_cookie_holds_no_token_and_is_for_this_address_for_ninety_days(once):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = used(once)
        cookie = client.cookies["used"]
        assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (path(once), True, "Lax")
        assert cookie["max-age"] == USED_FOR_S == timedelta(days=90).total_seconds()
        for private in (once.unseal(), once.unseal().removeprefix("cd_"), str(once.pk), once.fingerprint, "alice"):
            assert private not in cookie.value
        clock.shift(USED_FOR_S + 1)
        client.cookies["used"] = cookie.value
        assert client.get(path(once)).status_code == 404


@pytest.mark.parametrize("value", ["", "x", "x:y:z", "forged"])
def test_a_forged_cookie_tells_nothing(once, value):
    right = used(once).cookies["used"].value
    thief = Client(headers=PERSON)
    thief.cookies["used"] = f"{right[:-1]}{'a' if right[-1] != 'a' else 'b'}" if value == "forged" else value
    assert seen(thief, path(once)) == seen(Client(headers=PERSON), UNKNOWN)


def test_opening_the_page_is_no_use(once, outside):
    outside.get(path(once))
    outside.head(path(once, "?dl=1"))
    assert not outside.cookies
