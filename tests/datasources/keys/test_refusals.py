"""A refusal is confirmed before the key counts as refused; a refused key is probed until it is accepted."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from datasources import gateway, keys, tasks
from datasources.claro import ClaroError, Unauthorized
from datasources.downloads import links
from datasources.gateway.budget import Lane
from datasources.keys import refusals
from datasources.models import ApiKey, AuditEvent, DownloadLink, Hook, Notice, Refusal, Sync, Watch
from tests.conftest import asked_again, synced, taken
from tests.support.breaker import the_breaker_opens
from tests.support.sandbox import HTML_502
from tests.support.webhooks import registered, tended


def ask(key: ApiKey) -> None:
    with gateway.client(key, Lane.PERSON) as claro:
        claro.list_datasources()


def refused_once(key: ApiKey, account) -> None:
    account.refuse("UNAUTHORIZED", 401)
    with pytest.raises(gateway.RefusalInDoubt):
        ask(key)


def small_questions(account) -> int:
    return sum(call["query"] == {"page": "1", "limit": "1"} for call in account.calls())


def test_one_false_refusal_stops_the_key_for_nobody(key, account):
    refused_once(key, account)
    ask(ApiKey.objects.get(pk=key.pk))  # another user, in the seconds before the second call
    assert asked_again(key) == "accepted"
    assert (key.state, Refusal.objects.get().due_at) == ("valid", None)
    assert not AuditEvent.objects.exists()
    assert not Notice.objects.exists()


def test_the_second_call_is_due_within_seconds_and_small(still, key, account):
    refused_once(key, account)
    due_in = Refusal.objects.get().due_at - timezone.now()
    assert timedelta(seconds=1) < due_in <= timedelta(seconds=3)
    asked_again(key)
    assert small_questions(account) == 1


def test_however_many_calls_are_refused_one_more_is_made(key, account):
    account.revoke()
    for _ in range(5):
        with pytest.raises(gateway.RefusalInDoubt):
            ask(ApiKey.objects.get(pk=key.pk))
    assert Refusal.objects.count() == 1
    assert asked_again(key) == "refused"
    assert (small_questions(account), AuditEvent.objects.count(), Notice.objects.count()) == (1, 1, 1)


def test_where_single_calls_are_refused_over_and_over_the_key_is_asked_once_a_minute(key, account):
    refused_once(key, account)
    asked_again(key)
    account.refuse("UNAUTHORIZED", 401, times=9)
    with pytest.raises(Unauthorized) as raised:
        ask(key)
    assert not isinstance(raised.value, gateway.RefusalInDoubt)  # an answer to this call alone
    assert Refusal.objects.get().due_at > timezone.now() + timedelta(seconds=50)


def test_probes_follow_after_minutes_then_hours_up_to_a_cap(key, account):
    account.revoke()
    with pytest.raises(gateway.RefusalInDoubt):
        ask(key)
    pauses = []
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(8):
            assert asked_again(key) == "refused"
            pauses.append((Refusal.objects.get().due_at - timezone.now()) / timedelta(minutes=1))
    assert pauses == [2, 5, 15, 60, 180, 360, 360, 360]
    assert (AuditEvent.objects.count(), Notice.objects.count()) == (1, 1)


def test_a_probe_that_is_accepted_lets_everything_continue(key, account, alice, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    account.add(fileName="a.csv", status="processing")
    [source] = synced(key)
    hook = registered(key)
    link = links.ask(source, alice, 300)
    account.refuse("UNAUTHORIZED", 401, times=99)
    for _ in range(2):
        synced(key)
        if key.state == "valid":
            assert asked_again(key) == "refused"
    tended(hook)
    links.make(str(link.pk), taken(link))
    Watch.objects.update(due_at=None, attempts=1)
    assert Sync.objects.get().due_at is None
    account.sandbox.faults.clear()
    assert asked_again(key) == "accepted"
    now = timezone.now()
    assert key.state == "valid"
    for model in (Sync, Watch, DownloadLink, Hook):
        assert model.objects.get().due_at <= now
    ask(key)


@pytest.mark.parametrize("state", ["in doubt", "refused"])
def test_a_call_that_claro_does_not_answer_decides_nothing(key, account, state):
    account.refuse("UNAUTHORIZED", 401, times=1 + (state == "refused"))
    with pytest.raises(gateway.RefusalInDoubt):
        ask(key)
    if state == "refused":
        assert asked_again(key) == "refused"
    before = key.state
    account.fault("answer", status=502, body=HTML_502, times=3)
    assert asked_again(key) == "put back"
    assert key.state == before
    assert timedelta(seconds=50) < Refusal.objects.get().due_at - timezone.now() <= timedelta(minutes=1)


def test_a_probe_waits_while_claro_does_not_answer_the_key(key, account):
    refused_once(key, account)
    the_breaker_opens(key)
    calls = len(account.calls())
    assert asked_again(key) == "put back"
    assert len(account.calls()) == calls


def test_a_new_secret_ends_the_probes_of_the_old_one(key, account):
    account.revoke()
    with pytest.raises(gateway.RefusalInDoubt):
        ask(key)
    refusal = Refusal.objects.get()
    lease = taken(refusal)
    keys.replace_secret(key, account.another_key(), ApiKey.State.VALID)
    assert tasks.ask_refused_key(str(refusal.pk), lease) == "taken"
    key.refresh_from_db()
    assert key.state == "valid"


def test_a_check_by_a_person_that_is_accepted_ends_the_probes(key, account):
    account.refuse("UNAUTHORIZED", 401, times=2)
    with pytest.raises(gateway.RefusalInDoubt):
        ask(key)
    asked_again(key)
    gateway.check_stored(key)
    keys.go_on(key)
    assert (key.state, Refusal.objects.get().due_at) == ("valid", None)


def test_the_first_probe_of_an_unreadable_key_costs_no_call(key, account, settings):
    from core import vault

    refused_once(key, account)
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert asked_again(key) == "put back"
    assert small_questions(account) == 0


# --- The gateway notes a success only after a call ---
def test_a_client_that_made_no_call_says_nothing_about_the_key(key):
    the_breaker_opens(key)
    ApiKey.objects.update(state="unchecked")
    key.refresh_from_db()
    with gateway.client(key, Lane.PERSON):
        pass
    key.refresh_from_db()
    assert (key.state, key.problem is None, key.last_used_at) == ("unchecked", False, None)
    with pytest.raises(ClaroError):
        ask(key)  # the breaker is still open


def test_an_error_before_any_call_says_nothing_about_the_key(key):
    the_breaker_opens(key)
    with pytest.raises(ClaroError), gateway.client(key, Lane.PERSON):
        raise ClaroError("found before a call was made")
    key.refresh_from_db()
    assert key.problem is not None
    with pytest.raises(ClaroError):
        ask(key)


def test_the_pauses_are_those_that_the_docs_name():
    assert [pause / timedelta(minutes=1) for pause in refusals.PAUSES] == [2, 5, 15, 60, 180, 360]
