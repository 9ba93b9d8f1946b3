import pytest
import time_machine

from datasources import gateway, vault
from datasources.budget import Lane
from datasources.claro import DatasourceNotFound, RateLimited, Unauthorized, Unreachable
from datasources.models import ApiKey
from tests.support.sandbox import HTML_502


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


def test_a_refused_key_is_noted_and_not_asked_with_again(key, account):
    account.revoke()
    for _ in range(3):
        with pytest.raises(Unauthorized):
            ask(key)
    key.refresh_from_db()
    assert key.state == "invalid"
    assert len(account.calls()) == 1


def test_a_check_may_ask_with_a_refused_key(key, account):
    ApiKey.objects.update(state="invalid")
    key.refresh_from_db()
    gateway.check_stored(key)
    key.refresh_from_db()
    assert key.state == "valid"


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
    from datasources import keys

    theirs = keys.add(bob, "Also", account.key, ApiKey.State.VALID)
    ask(key)
    assert theirs.fingerprint == key.fingerprint
    assert gateway.calls_left(theirs).calls == 9_999


def test_used_up_calls_are_not_asked_for(alice, sandbox):
    from datasources import keys

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
    from datasources import keys

    stale = ApiKey.objects.get(pk=key.pk)
    account.revoke()
    keys.replace_secret(key, account.another_key(), ApiKey.State.VALID)
    with pytest.raises(Unauthorized):
        ask(stale)
    key.refresh_from_db()
    assert key.state == "valid"
