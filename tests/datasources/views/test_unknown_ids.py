"""The address of a source that our copy lacks: Claro is asked once before the page says that it does not exist."""

import uuid
from types import SimpleNamespace

import pytest
import time_machine

from core import redis
from datasources import keys, mirror
from datasources.models import ApiKey, Source
from datasources.sources import lookups
from tests.conftest import asked_again, synced
from tests.support.breaker import the_breaker_opens
from tests.support.html import words
from tests.support.sandbox import HTML_502
from tests.support.threads import at_once

PAGES = ("", "rows/", "share/", "delete/")


@pytest.fixture
def swept(key, account) -> ApiKey:
    """A key whose list our copy has."""
    account.add(fileName="old.csv")
    synced(key)
    return key


def asked(account) -> int:
    return sum(call["path"].count("/") == 2 for call in account.calls("/datasources/", "GET"))


@pytest.mark.parametrize("page", PAGES)
def test_a_source_that_was_uploaded_just_now_opens_by_its_address(web, swept, account, page):
    new = account.upload("new.csv", "id,name\n1,x\n")
    assert web.get(f"/sources/{new}/{page}").status_code == 200
    assert web.get(f"/sources/{new}/").status_code == 200
    assert asked(account) == 1
    assert Source.objects.get(datasource_id=new).key == swept


def test_a_download_of_such_a_source_is_asked_for(web, swept, account):
    new = account.upload("new.csv", "id,name\n1,x\n")
    assert web.post(f"/sources/{new}/download/").status_code == 302


def test_an_id_that_claro_does_not_know_is_asked_for_once(web, swept, account):
    unknown = uuid.uuid4()
    for page in PAGES * 2:
        assert web.get(f"/sources/{unknown}/{page}").status_code == 404
    assert asked(account) == 1


def test_what_claro_said_no_to_is_asked_for_again_after_some_minutes(web, swept, account):
    unknown = uuid.uuid4()
    web.get(f"/sources/{unknown}/")
    assert 0 < redis.connection().ttl(f"claro:lookup:{swept.fingerprint}:{unknown}") <= lookups.NO_S


def test_random_ids_cannot_use_up_the_calls_of_a_key(web, client_of, bob, swept, account):
    with time_machine.travel("2026-11-27T12:00:10Z", tick=False):
        answers = [web.get(f"/sources/{uuid.uuid4()}/") for _ in range(15)]
        assert [page.status_code for page in answers] == [404] * 10 + [429] * 5
        assert int(answers[-1]["Retry-After"]) == 50
        assert "Too many unknown addresses were opened. Try again in 50 s." in words(answers[-1])
        keys.add(bob, "Also", account.key, ApiKey.State.VALID)
        assert client_of(bob).get(f"/sources/{uuid.uuid4()}/").status_code == 429  # the key's share
    assert asked(account) == 10
    assert web.get("/sources/").status_code == 200


def test_random_ids_cannot_use_up_the_calls_of_a_user_with_many_keys(web, alice, sandbox, swept, account):
    accounts = [account, *(sandbox.account() for _ in range(4))]
    for number, one in enumerate(accounts[1:]):
        keys.add(alice, f"Key {number}", one.key, ApiKey.State.VALID)
    with time_machine.travel("2026-11-27T12:00:10Z", tick=False):
        answers = [web.get(f"/sources/{uuid.uuid4()}/").status_code for _ in range(8)]
    assert (answers[0], answers[-1], sum(map(asked, accounts))) == (404, 429, lookups.A_MINUTE_BY_USER)


def test_the_id_of_another_users_source_looks_and_costs_like_a_random_one(web, client_of, bob, sandbox, swept, account):
    theirs = sandbox.account()
    their_key = keys.add(bob, "Theirs", theirs.key, ApiKey.State.VALID)
    known = theirs.add(fileName="secret.csv")
    synced(their_key)
    calls, pages = [], []
    for one in (known, uuid.uuid4()):
        before = len(account.calls())
        page = web.get(f"/sources/{one}/")
        pages.append((page.status_code, words(page).replace(str(one), "")))
        calls.append(len(account.calls()) - before)
    assert pages[0] == pages[1]
    assert (pages[0][0], calls) == (404, [1, 1])


def test_the_key_of_the_address_is_asked_and_no_other(web, alice, sandbox, swept, account):
    other = sandbox.account()
    second = keys.add(alice, "Second", other.key, ApiKey.State.VALID)
    new = other.add(fileName="new.csv")
    assert web.get(f"/sources/{new}/?key={swept.pk}").status_code == 404
    assert (asked(account), asked(other)) == (1, 0)
    assert web.get(f"/sources/{new}/?key={second.pk}").status_code == 200
    assert web.get(f"/sources/{uuid.uuid4()}/?key={uuid.uuid4()}").status_code == 404


def test_of_several_keys_a_few_are_asked(web, alice, sandbox, swept):
    accounts = [sandbox.account() for _ in range(5)]
    for number, one in enumerate(accounts):
        keys.add(alice, f"Key {number}", one.key, ApiKey.State.VALID)
    assert web.get(f"/sources/{uuid.uuid4()}/").status_code == 404
    assert sum(map(asked, accounts)) <= lookups.KEYS


def test_a_user_without_a_key_gets_a_404_at_once(client_of, bob, account):
    assert client_of(bob).get(f"/sources/{uuid.uuid4()}/").status_code == 404
    assert account.calls() == []


def test_a_source_that_was_seen_to_go_is_not_asked_for(web, swept, account):
    source = Source.objects.get()
    mirror.mark_gone(source)
    assert web.get(f"/sources/{source.datasource_id}/").status_code == 404
    assert asked(account) == 0


def test_without_calls_left_the_page_says_so(still, web, swept, account):
    account.fault("answer", status=429, headers={"Retry-After": "20"}, body="slow down")
    for _ in range(2):
        page = web.get(f"/sources/{uuid.uuid4()}/")
        assert (page.status_code, 15 <= int(page["Retry-After"]) <= 21) == (429, True)
        assert "Try again in" in words(page)
    assert asked(account) == 1


def test_while_claro_does_not_answer_the_page_says_so(web, swept, account):
    the_breaker_opens(swept)
    page = web.get(f"/sources/{uuid.uuid4()}/")
    assert (page.status_code, "Retry-After" in page) == (503, True)
    assert "Claro does not answer right now. Try again in" in words(page)


def test_an_answer_that_says_nothing_is_no_404(web, swept, account):
    new = account.add(fileName="new.csv")
    account.fault("answer", status=502, body=HTML_502, times=3)
    assert web.get(f"/sources/{new}/").status_code == 503
    assert web.get(f"/sources/{new}/").status_code == 200


def test_a_refused_key_can_say_nothing_about_an_id(web, swept, account):
    account.revoke()
    unknown = uuid.uuid4()
    assert web.get(f"/sources/{unknown}/").status_code == 503
    asked_again(swept)
    page = web.get(f"/sources/{unknown}/")
    assert (page.status_code, "Claro refuses this key." in words(page)) == (502, True)


def test_an_answer_about_another_source_is_not_believed(web, swept, account):
    other = uuid.uuid4()
    body = f'{{"datasourceId": "{other}", "status": "completed"}}'
    account.fault("answer", status=200, body=body, headers={"Content-Type": "application/json"})
    assert web.get(f"/sources/{uuid.uuid4()}/").status_code == 404
    assert not Source.objects.filter(datasource_id=other).exists()


def test_of_many_who_open_it_at_once_one_asks(client_of, alice, swept, account, monkeypatch):
    new = account.add(fileName="new.csv")
    account.hold_up(path=f"/datasources/{new}")
    waiting, wait = [], lookups._wait

    def let_go_once_all_wait(*arguments):
        waiting.append(arguments)
        if len(waiting) == 4:
            account.let_go()
        return wait(*arguments)

    monkeypatch.setattr(lookups, "_wait", let_go_once_all_wait)
    got = at_once(5, lambda: client_of(alice).get(f"/sources/{new}/").status_code)
    assert (set(got), asked(account)) == ({200}, 1)


def test_a_page_waits_for_one_slow_call_at_most(web, alice, sandbox, swept, account, monkeypatch):
    other = sandbox.account()
    keys.add(alice, "Second", other.key, ApiKey.State.VALID)
    unknown, now_s, call = uuid.uuid4(), 0.0, lookups._call

    def slow_call(*arguments):
        nonlocal now_s
        now_s += 0.3
        return call(*arguments)

    monkeypatch.setattr(lookups, "WAIT_S", 0.1)
    monkeypatch.setattr(lookups, "_call", slow_call)
    monkeypatch.setattr(lookups, "time", SimpleNamespace(monotonic=lambda: now_s))
    page = web.get(f"/sources/{unknown}/")
    assert (page.status_code, page["Retry-After"]) == (503, "1")
    assert "The dashboard is asking Claro for this file." in words(page)
    assert asked(account) + asked(other) == 1
    assert web.get(f"/sources/{unknown}/").status_code == 404
    assert asked(account) + asked(other) == 2
