"""What deliveries lead to: a source read again, once however often it is told, and nothing believed."""

import json
import uuid
from datetime import timedelta

import pytest
import responses
import time_machine
from django.utils import timezone

from core import leases
from datasources import tasks
from datasources.claro import sign
from datasources.mirror import deliveries, watch, webhooks
from datasources.models import Hint, Hook, Source, Watch
from tests.conftest import polled, synced
from tests.support.sandbox import HTML_502
from tests.support.threads import at_once
from tests.support.webhooks import body, registered, tended


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_URL = "http://127.0.0.1:1"


@pytest.fixture
def hook(key) -> Hook:
    return registered(key)


@pytest.fixture
def asked(account):
    """How many calls there were since, below a path."""
    before = len(account.calls())
    return lambda path="/datasources": len([call for call in account.calls()[before:] if path in call["path"]])


def tell(hook: Hook, datasource_id: object = None, **more: object) -> bool:
    """Has a delivery come in, signed by Claro."""
    raw_body = body(datasource_id, **more)
    hook = webhooks.find(hook.derived("token"))
    return deliveries.receive(hook, raw_body, sign(deliveries.signing_secret(hook), raw_body))


def test_a_source_that_is_told_of_is_read_again_with_one_call(key, account, hook, asked):
    source_id = account.add(status="processing")
    synced(key)
    before = asked()
    account.change(source_id, status="completed")
    assert tell(hook, source_id) is True
    assert tended(hook) == "done"
    assert Source.objects.get().status == "completed"
    assert asked() - before == 1
    assert (hook.due_at, hook.deliveries) == (None, 1)


def test_nothing_is_believed(key, account, hook):
    source_id = account.add(status="processing", fileName="real.csv")
    synced(key)
    tell(hook, source_id, status="completed", fileName="invented.csv")
    tended(hook)
    source = Source.objects.get()
    assert (source.status, source.file_name) == ("processing", "real.csv")


def test_a_source_not_known_here_is_read_too(key, account, hook, asked):
    source_id = account.add(fileName="new.csv")
    tell(hook, source_id)
    tended(hook)
    assert Source.objects.get().file_name == "new.csv"
    assert asked() == 1


def test_one_that_is_gone_is_gone_here_too(key, account, hook):
    account.add()
    [source] = synced(key)
    account.sandbox.store.delete(account.sandbox.store.sources[str(source.datasource_id)])
    tell(hook, source.datasource_id)
    tell(hook, uuid.uuid4())  # was never here
    tended(hook)
    source.refresh_from_db()
    assert source.gone_at is not None
    assert not Hint.objects.exclude(due_at=None).exists()


def test_a_thousand_repetitions_cost_one_call_and_no_write(key, account, hook, asked, django_assert_num_queries):
    source_id = account.add()
    raw_body = body(source_id)
    hook = webhooks.find(hook.derived("token"))
    signature = sign(deliveries.signing_secret(hook), raw_body)
    assert deliveries.receive(hook, raw_body, signature) is True
    with django_assert_num_queries(500):
        assert not any(deliveries.receive(hook, raw_body, signature) for _ in range(500))
    tended(hook)
    with django_assert_num_queries(500):
        assert not any(deliveries.receive(hook, raw_body, signature) for _ in range(500))
    hook.refresh_from_db()
    assert (hook.due_at, hook.deliveries) == (None, 1)
    assert asked() == 1


def test_deliveries_at_once_are_one_piece_of_work(key, account, hook, asked):
    source_id = account.add()
    answers = at_once(8, lambda: tell(hook, source_id))
    assert True in answers
    assert set(answers) <= {True, False}
    assert Hint.objects.count() == 1
    tended(hook)
    assert asked() == 1


def test_after_a_minute_the_same_source_is_read_again(key, account, hook, asked):
    source_id = account.add()
    for minutes in (0, 2):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
            assert tell(hook, source_id) is True
            tended(hook)
    assert asked() == 2
    assert Hint.objects.count() == 1


@pytest.mark.slow
def test_many_that_come_together_cost_less_than_a_call_each(key, account, hook, asked):
    ids = account.add_many([{"status": "processing", "fileName": f"{number}.csv"} for number in range(250)])
    synced(key)
    before = asked()
    for source_id in ids:
        account.change(source_id, status="completed")
        tell(hook, source_id)
    tended(hook)
    assert Source.objects.filter(status="completed").count() == 250
    assert asked() - before == 3


@pytest.mark.slow  # on PostgreSQL
def test_pages_are_read_where_there_are_several_and_never_cost_more_than_a_call_each(key, account, hook, asked):
    young = account.add_many([{"status": "processing", "age": number / 100} for number in range(250)])
    account.add_many([{"age": 10} for _ in range(330)])
    old = account.add_many([{"age": 99_999 + number} for number in range(12)])
    synced(key)
    # Two and two are read one by one; 23 are the newest; 330 stand between these and the oldest.
    for wanted, calls in (
        (young[200:202] + old[:2], 4),
        (young[:3] + young[110:130], 1),
        (young[20:90] + old[2:12], 2),
    ):
        before = asked()
        for source_id in wanted:
            account.change(source_id, status="completed", extra={"told": True})
            tell(hook, source_id)
        tended(hook)
        assert all(one.facts.get("told") for one in Source.objects.filter(datasource_id__in=wanted))
        assert asked() - before == calls


def test_in_a_list_of_another_order_one_page_is_read_in_vain(key, account, hook, asked, monkeypatch):
    newest_first = account.sandbox.store.sources_of
    monkeypatch.setattr(account.sandbox.store, "sources_of", lambda name: newest_first(name)[::-1])
    account.add_many([{"age": 500 + number} for number in range(300)])
    told = account.add_many([{"age": age} for age in (1, 2, 3, 620.5, 621.5, 622.5)])  # of two pages
    synced(key)
    before = asked()
    for source_id in told:
        tell(hook, source_id)
    tended(hook)
    assert asked() - before == 1 + 6


def test_what_lies_too_far_back_is_read_one_by_one(key, account, hook, asked, monkeypatch):
    monkeypatch.setattr(deliveries, "NEWEST", 200)
    account.add_many([{"age": 10} for _ in range(330)])
    old = account.add_many([{"age": 99_999} for _ in range(5)])
    synced(key)
    before = asked()
    for source_id in old:
        tell(hook, source_id)
    tended(hook)
    assert asked() - before == 5


def test_pages_that_teach_nothing_are_given_up(key, account, hook, asked):
    account.add_many([{"age": 10} for _ in range(300)])
    old = account.add_many([{"age": 99_999} for _ in range(12)])
    for source_id in old:
        tell(hook, source_id)
    tended(hook)
    assert Source.objects.filter(datasource_id__in=old).count() == 12
    assert asked() == 1 + 12


def test_failed_ones_are_read_where_pages_of_completed_ones_do_not_have_them(key, account, hook):
    for source_id in account.add_many([{"status": "failed", "error": "No room."} for _ in range(15)]):
        tell(hook, source_id)
    tended(hook)
    assert Source.objects.filter(status="failed").count() == 15


def test_claro_may_tell_before_its_own_answers_do(still, key, account, hook, asked):
    source_id = account.add(status="processing")
    tell(hook, source_id)
    tended(hook)
    hook.refresh_from_db()
    assert timedelta(seconds=1) < hook.due_at - timezone.now() < timedelta(seconds=4)
    assert tell(hook, source_id) is False
    still.shift(4)
    account.change(source_id, status="completed")
    tended(hook)
    assert Source.objects.get().status == "completed"
    assert hook.due_at is None
    assert asked(str(source_id)) == 2


def test_one_that_goes_on_processing_is_left_to_polling(key, account, hook, asked):
    source_id = account.add(status="processing")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell(hook, source_id)
        for _ in range(20):
            tended(hook)
            clock.shift(timedelta(seconds=3))
    assert hook.due_at is None
    assert asked(str(source_id)) <= 8


def test_one_source_that_is_refused_holds_up_no_other(key, account, hook):
    refused, fine = account.add(), account.add()
    account.refuse("ACCESS_DENIED", 403, path=str(refused))
    tell(hook, refused)
    tell(hook, fine)
    assert tended(hook) == "done"
    assert Source.objects.get().datasource_id == fine


def test_while_claro_is_away_hints_wait_and_new_ones_do_not_hurry_it(still, key, account, hook):
    first, second = account.add(), account.add()
    account.fault("answer", status=502, body=HTML_502, times=3)
    tell(hook, first)
    assert tended(hook) == "put back"
    waits_until = hook.due_at
    assert waits_until > timezone.now()
    assert (hook.state, hook.problem) == ("registered", None)  # the key's own trouble, and told there
    assert tell(hook, second) is False
    hook.refresh_from_db()
    assert hook.due_at == waits_until
    tended(hook)
    assert Source.objects.count() == 2
    assert hook.attempts == 0


def test_a_hint_that_comes_while_another_is_read_is_read_too(key, account, hook):
    first, late = account.add(), account.add()
    tell(hook, first)

    def answer(request):
        tell(hook, late)
        return 200, {}, json.dumps({"datasourceId": str(first), "status": "completed"})

    with responses.RequestsMock() as api:
        api.add_callback("GET", f"{account.sandbox.base_url}/datasources/{first}", answer)
        api.add_passthru(account.sandbox.base_url)
        assert tended(hook) == "done"
    assert {source.datasource_id for source in Source.objects.all()} == {first, late}
    assert hook.due_at is None


def test_a_hint_that_comes_at_the_very_end_is_due_next(key, hook):
    Hook.objects.update(due_at=timezone.now())
    held = leases.Held(Hook, hook.pk, leases.claim(Hook, hook.pk))
    deliveries.read(held)
    assert tell(hook, uuid.uuid4()) is False  # a worker has it in hand
    webhooks._rest(held)
    hook.refresh_from_db()
    assert hook.due_at <= timezone.now()


def test_a_dead_worker_loses_nothing(key, account, hook):
    source_id = account.add()
    tell(hook, source_id)
    leases.Held(Hook, hook.pk, leases.claim(Hook, hook.pk))  # and is heard of no more
    assert leases.claim(Hook, hook.pk) is None
    with time_machine.travel(timezone.now() + leases.LEASE + timedelta(seconds=1)):
        [(hook_id, lease)] = leases.claim_due(Hook)
        assert webhooks.tend(hook_id, lease) == "done"
    assert Source.objects.get().datasource_id == source_id


def test_test_deliveries_and_other_events_are_counted_and_cost_nothing(key, hook, asked):
    tell(hook, event="webhook.test")
    hook.refresh_from_db()
    assert (hook.deliveries, hook.due_at) == (1, None)
    tell(hook, uuid.uuid4(), event="dataset.created")
    assert not Hint.objects.exists()
    assert asked() == 0


@pytest.mark.parametrize("raw_body", [b"", b"nonsense", body(event="")], ids=["empty", "nonsense", "no event"])
def test_a_delivery_that_names_no_source_brings_the_next_look_forward(still, key, account, hook, raw_body):
    account.add(status="processing", age=90_000)
    synced(key)
    polled(key)
    later = Watch.objects.get().due_at
    for _ in range(50):
        found = webhooks.find(hook.derived("token"))
        deliveries.receive(found, raw_body, sign(deliveries.signing_secret(found), raw_body))
    due_at = Watch.objects.get().due_at
    assert due_at < later
    assert timedelta(seconds=1) < due_at - timezone.now() <= timedelta(seconds=3)
    hook.refresh_from_db()
    assert (hook.deliveries, hook.last_hint_at) == (1, None)


# --- Polling becomes a safety net ---


def test_while_deliveries_arrive_looks_become_rare(key, account, hook):
    account.add(status="processing", age=1)
    synced(key)
    now = timezone.now()
    assert watch.next_poll(key, now, is_seen=True) - now < timedelta(seconds=5)
    tell(hook, account.add())
    assert timedelta(seconds=54) <= watch.next_poll(key, now, is_seen=True) - now <= timedelta(seconds=66)


@pytest.mark.parametrize(("age_min", "seconds"), [(0, 60), (5, 200), (30, 600), (600, 600)])
def test_looks_beside_a_webhook(age_min, seconds):
    assert watch.pause(timedelta(minutes=age_min), is_told=True) == timedelta(seconds=seconds)


def test_what_finished_untold_makes_polling_quick_again(key, account, hook):
    source_id = account.add(status="processing", age=600)
    tell(hook, account.add(age=7200))
    tended(hook)
    synced(key)
    assert deliveries.keep_up(key)
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        account.change(source_id, status="completed")
        synced(key)
        assert not deliveries.keep_up(key)
        tell(hook, source_id)
        assert deliveries.keep_up(key)


def test_a_hook_that_is_off_or_never_told_anything_slows_nothing(key, account, hook):
    assert not deliveries.keep_up(key)
    tell(hook, account.add())
    assert deliveries.keep_up(key)
    webhooks.switch_off(key)
    assert not deliveries.keep_up(key)


# --- Tidying ---


def test_old_hints_are_forgotten_and_open_ones_kept(key, account, hook):
    done, open_ = account.add(), account.add()
    tell(hook, done)
    tended(hook)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        tell(hook, open_)
        tasks.tidy()
    assert [hint.datasource_id for hint in Hint.objects.all()] == [open_]
