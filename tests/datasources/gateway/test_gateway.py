import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone

from core import redis, vault
from datasources import gateway, keys
from datasources.claro import ApiError, ClaroError, DatasourceNotFound, RateLimited, Unauthorized, Unreachable
from datasources.gateway import breaker
from datasources.gateway.breaker import CircuitOpen
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, Refusal
from tests.conftest import asked_again
from tests.support.breaker import the_breaker_opens, the_pause_is_over
from tests.support.dripping import Dripping
from tests.support.processes import wait_for
from tests.support.sandbox import HTML_502
from tests.support.threads import at_once


def ask(key, **options) -> None:
    with gateway.client(key, Lane.PERSON, **options) as claro:
        claro.list_datasources(limit=1)


def test_a_call_that_works_says_so_on_the_key(key):
    ApiKey.objects.update(state="unchecked", problem={"kind": "Unreachable"})
    key.refresh_from_db()
    ask(key)
    key.refresh_from_db()
    assert (key.state, key.problem, key.calls_per_minute) == ("valid", None, 10_000)
    assert key.last_used_at is not None
    assert gateway.calls_left(key).calls == 9_999


def test_last_used_is_not_written_with_every_call(key, django_assert_num_queries):
    ask(key)
    with django_assert_num_queries(0):
        ask(key)


def test_a_key_that_is_refused_twice_is_not_asked_with_again(still, key, account):
    account.revoke()
    with pytest.raises(gateway.RefusalInDoubt) as raised:
        ask(key)
    assert timezone.now() < raised.value.retry_at < timezone.now() + timedelta(seconds=10)
    assert asked_again(key) == "refused"
    for _ in range(3):
        with pytest.raises(gateway.KeyRefused):
            ask(key)
    assert key.state == "invalid"
    assert len(account.calls()) == 2


def test_a_check_may_ask_with_a_refused_key(key, account):
    ApiKey.objects.update(state="invalid")
    key.refresh_from_db()
    gateway.check_stored(key)
    key.refresh_from_db()
    assert key.state == "valid"


@pytest.mark.slow
def test_trouble_on_the_way_is_noted_with_its_beginning(key, account):
    account.fault("answer", status=502, body=HTML_502, times=99)
    with time_machine.travel("2026-11-24T12:00Z", tick=False), pytest.raises(Unreachable):
        ask(key)
    with pytest.raises(Unreachable):
        ask(key)
    key.refresh_from_db()
    assert isinstance(key.trouble, Unreachable)
    assert f"{key.problem_since:%H:%M}" == "12:00"
    assert key.state == "valid"


def test_what_is_wrong_with_one_source_is_no_trouble_of_the_key(key):
    with pytest.raises(DatasourceNotFound), gateway.client(key, Lane.PERSON) as claro:
        claro.get_datasource(key.pk)
    key.refresh_from_db()
    assert (key.state, key.problem) == ("valid", None)


def test_two_people_with_one_key_share_its_budget(key, bob, sandbox, account):
    theirs = keys.add(bob, "Also", account.key, ApiKey.State.VALID)
    ask(key)
    assert theirs.fingerprint == key.fingerprint
    assert gateway.calls_left(theirs).calls == 9_999


def test_used_up_calls_are_not_asked_for(alice, sandbox):
    account = sandbox.account(calls_per_minute=2)
    key = keys.add(alice, "Small", account.key, ApiKey.State.VALID)
    ask(key)
    ask(key)
    with pytest.raises(RateLimited):
        ask(key)
    assert len(account.calls()) == 2


def test_a_secret_that_does_not_open_is_told(key, settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    with pytest.raises(gateway.KeyUnreadable) as raised:
        ask(key)
    assert "paste it again" in raised.value.user_message


def test_what_an_old_secret_meets_says_nothing_about_the_new_one(key, account):
    stale = ApiKey.objects.get(pk=key.pk)
    account.revoke()
    keys.replace_secret(key, account.another_key(), ApiKey.State.VALID)
    with pytest.raises(Unauthorized):
        ask(stale)
    key.refresh_from_db()
    assert key.state == "valid"
    assert not Refusal.objects.exists()  # the new one is not asked about


# --- Claro does not answer -------------------------------------------------------------------------------------------
@pytest.fixture
def silent(key, account, monkeypatch):
    """A key that Claro has not answered lately, and answers now."""
    monkeypatch.setattr(breaker, "JITTER", (1, 1))
    the_breaker_opens(key)
    return key


def small_question(call: dict) -> bool:
    return call["path"] == "/datasources" and call["query"] == {"page": "1", "limit": "1"}


def test_after_failures_in_a_row_no_call_is_made_and_the_error_says_when(still, key, account):
    account.fault("answer", status=500, body="oops", times=99)
    for _ in range(3):
        with pytest.raises(ApiError):
            ask(key)
    for _ in range(5):
        with pytest.raises(CircuitOpen) as raised:
            ask(key)
    assert raised.value.retry_at > timezone.now()
    assert len(account.calls()) == 3
    key.refresh_from_db()
    assert key.problem["status"] == 500


def test_what_claro_says_about_one_source_never_shuts_the_key(key, account):
    for _ in range(4):
        with pytest.raises(DatasourceNotFound), gateway.client(key, Lane.PERSON) as claro:
            claro.get_datasource(key.pk)
    ask(key)


def test_when_the_pause_is_over_a_small_question_goes_ahead_and_all_goes_on(silent, account):
    the_pause_is_over(silent)
    with pytest.raises(DatasourceNotFound), gateway.client(silent, Lane.PERSON) as claro:
        claro.get_datasource(silent.pk)
    ask(silent)
    assert [small_question(call) for call in account.calls()] == [True, False, True]
    silent.refresh_from_db()
    assert silent.problem is None


def test_a_question_in_vain_is_asked_once_and_whoever_asked_waits_like_the_others(silent, account):
    account.fault("drop", times=99)
    pauses, now = [the_pause_is_over(silent)], timezone.now()
    with (
        time_machine.travel(now, tick=False),
        pytest.raises(CircuitOpen) as raised,
        gateway.client(silent, Lane.LINK) as claro,
    ):
        claro.sign_download(silent.pk)
    assert raised.value.retry_at == now + timedelta(seconds=10)
    with pytest.raises(CircuitOpen):
        ask(silent)
    assert [small_question(call) for call in account.calls()] == [True]
    pauses.append(the_pause_is_over(silent))
    assert pauses[1] > pauses[0] * 1.3


def test_of_many_who_wait_one_asks(silent, account):
    account.hold_up()
    the_pause_is_over(silent)
    others = []

    def one() -> None:
        try:
            ask(silent)
        except CircuitOpen as error:
            others.append(error)
            if len(others) == 9:
                account.let_go()
            raise

    got = at_once(10, one)
    assert sorted(type(one).__name__ for one in got) == ["CircuitOpen"] * 9 + ["NoneType"]
    assert len(account.calls()) == 2  # the small question, and what was asked for


def test_one_question_that_claro_never_answers_does_not_shut_out_the_others(key, account):
    """A filter may be too much for Claro; whoever asks it over and over must not take every probe and fail it."""
    account.fault("answer", status=500, body="oops", path=f"{key.pk}/data", times=99)
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(ClaroError), gateway.client(key, Lane.PERSON) as claro:
                claro.get_rows(key.pk, filter="too much")
        assert the_pause_is_over(key) < 6500
        with pytest.raises(ApiError), gateway.client(key, Lane.PERSON) as claro:
            claro.get_rows(key.pk, filter="too much")
        ask(key)


def test_a_probe_may_find_the_key_refused(silent, account):
    account.revoke()
    the_pause_is_over(silent)
    with pytest.raises(Unauthorized):
        ask(silent)
    assert asked_again(silent) == "refused"
    assert silent.state == "invalid"
    assert [small_question(call) for call in account.calls()] == [True, True]


def test_a_probe_that_the_limit_holds_back_is_left_to_another(alice, sandbox):
    account = sandbox.account(calls_per_minute=1)
    key = keys.add(alice, "Small", account.key, ApiKey.State.VALID)
    ask(key)
    the_breaker_opens(key)
    the_pause_is_over(key)
    for _ in range(2):
        with pytest.raises(RateLimited):
            ask(key)


def test_a_check_that_a_person_asks_for_always_goes_through_and_opens_the_way(silent, account):
    account.fault("drop", times=3)
    with pytest.raises(Unreachable):
        gateway.check_stored(silent)
    with pytest.raises(CircuitOpen):
        ask(silent)
    gateway.check_stored(silent)
    ask(silent)


def test_whoever_else_has_the_same_key_is_told_too(silent, bob, account):
    theirs = keys.add(bob, "Also", account.key, ApiKey.State.VALID)
    with pytest.raises(CircuitOpen):
        ask(theirs)
    theirs.refresh_from_db()
    assert isinstance(theirs.trouble, CircuitOpen)


def test_an_error_of_claros_is_no_word_on_the_key(key, account):
    ApiKey.objects.update(state="unchecked")
    key.refresh_from_db()
    account.fault("answer", status=500, body="oops")
    with pytest.raises(ApiError):
        ask(key)
    key.refresh_from_db()
    assert (key.state, key.trouble.user_message) == ("unchecked", "Claro answered with an error (500).")


def test_a_slow_key_leaves_threads_to_the_others(key, account, alice, sandbox):
    other = keys.add(alice, "Other", sandbox.account().key, ApiKey.State.VALID)

    def link(of: ApiKey) -> None:
        with gateway.client(of, Lane.LINK) as claro:
            claro.list_datasources(limit=1)

    ask(other)  # else its budget is as careful as the first calls are
    redis.connection().hset(f"claro:budget:{{{key.fingerprint}}}", mapping={"limit": 1000, "remaining": 1000})
    account.hold_up(times=gateway.AT_ONCE)
    with ThreadPoolExecutor(gateway.AT_ONCE) as pool:
        slow = [pool.submit(link, key) for _ in range(gateway.AT_ONCE)]
        wait_for(lambda: account.held_up() == gateway.AT_ONCE)
        with pytest.raises(gateway.Crowded):
            link(key)
        link(other)
        ask(key)
        account.let_go()
    assert [one.exception() for one in slow] == [None] * gateway.AT_ONCE
    link(key)


# --- Calls that users wait for ---


def asked_by(key: ApiKey, person: object) -> None:
    with gateway.client(key, Lane.PERSON, person) as claro:
        claro.list_datasources(limit=1)


@contextlib.contextmanager
def under_way(account, *calls) -> Iterator[None]:
    """These calls are at Claro, and stay there for the block."""
    account.hold_up(times=len(calls))
    with ThreadPoolExecutor(len(calls)) as pool:
        waiting = [pool.submit(call) for call in calls]
        wait_for(lambda: account.held_up() == len(calls))
        try:
            yield
        finally:
            account.let_go()
    assert [one.exception() for one in waiting] == [None] * len(calls)


@pytest.fixture
def rich(key, account) -> ApiKey:
    """A key with calls enough, as the first of them has told."""
    ask(key)
    return key


def test_a_user_has_a_few_calls_under_way_and_leaves_threads_to_others(still, rich, account):
    with under_way(account, *[lambda: asked_by(rich, 1)] * gateway.AT_ONCE_OF_USER):
        with pytest.raises(gateway.Crowded) as raised:
            asked_by(rich, 1)
        assert raised.value.retry_at > timezone.now()
        asked_by(rich, 2)
    asked_by(rich, 1)


def test_the_users_of_one_key_leave_threads_to_those_of_others(rich, account, alice, sandbox):
    other = keys.add(alice, "Other", sandbox.account().key, ApiKey.State.VALID)
    users = range(gateway.AT_ONCE_OF_USERS_OF_KEY)
    with under_way(account, *[partial(asked_by, rich, user) for user in users]):
        with pytest.raises(gateway.Crowded):
            asked_by(rich, "another")
        asked_by(other, "another")


def test_a_check_counts_as_one_of_the_user_s_calls(rich, account, alice):
    with under_way(account, *[lambda: gateway.check_stored(rich)] * gateway.AT_ONCE_OF_USER):
        with pytest.raises(gateway.Crowded):
            gateway.check_stored(rich)
        with pytest.raises(gateway.Crowded):
            gateway.check(account.key, alice.pk)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="its connections belong to threads, and hold nothing")
def test_no_database_connection_is_held_during_a_call(rich, account):
    held = []

    def look() -> None:
        rich.refresh_from_db()  # as a page has asked the database before
        held.append(connections["default"])
        ask(rich)
        connections.close_all()

    with under_way(account, look):
        [theirs] = held
        assert theirs.connection is None


@pytest.mark.parametrize("kind", ["headers", "continue", "body", "chunks"])
def test_a_call_to_a_claro_that_drips_ends_at_the_deadline(key, settings, monkeypatch, kind):
    monkeypatch.setattr(gateway, "DEADLINE_S", 0.5)
    with Dripping(kind) as dripping:
        settings.CLARO_API_BASE_URL = dripping.url
        for _ in range(3):  # on a busy machine the deadline may pass before Claro is met
            with pytest.raises(Unreachable):
                ask(key)
            if dripping.met:
                break
    assert dripping.met >= 1
