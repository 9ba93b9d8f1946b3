"""Polls that end early: by the rate limit, by a server that repeats itself, by a refused key."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core import redis
from datasources import keys
from datasources.models import ApiKey, Source, Watch
from tests.conftest import asked_again, polled, synced
from tests.datasources.mirror.test_watch import processing, without_numbers


@pytest.mark.slow
def test_a_poll_that_the_limit_cut_goes_on_where_it_stopped(alice, sandbox):
    account = sandbox.account(calls_per_minute=100)
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    ids = processing(account, 600)
    synced(key)
    for source_id in ids[:300]:
        account.change(source_id, status="completed")
    account.fault("answer", status=429, body="slow down", headers={"Retry-After": "1"}, skip=2)
    assert polled(key) == "put back"
    key.watch.refresh_from_db()
    assert (key.watch.reads, key.watch.next_page, key.watch.started_at is not None) == ("completed", 2, True)
    redis.connection().flushall()
    before = len(account.calls())
    assert polled(key) == "done"
    assert len(account.calls()) - before == 2
    assert Source.objects.filter(status="completed").count() == 300
    key.watch.refresh_from_db()
    assert key.watch.calls == 4


@pytest.mark.slow
def test_a_poll_that_was_cut_for_long_leaves_to_the_next_what_has_shifted_meanwhile(alice, sandbox):
    account = sandbox.account(calls_per_minute=100)
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    ids = processing(account, 900)
    synced(key)
    for source_id in ids[600:]:
        account.change(source_id, status="completed")
    account.fault("answer", status=429, body="slow down", headers={"Retry-After": "1"}, skip=2)
    assert polled(key) == "put back"
    redis.connection().flushall()
    for source_id in ids[:100]:
        account.change(source_id, status="completed")
    before = len(account.calls())
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert polled(key) == "done"
        assert len(account.calls()) - before == 2  # a page that was the first before, and one of failed ones
        assert Watch.objects.get().counted_at is None
        assert polled(key) == "done"
    assert len(account.calls()) - before == 2 + 1 + 4
    assert Source.objects.filter(status="completed").count() == 400


def test_a_poll_by_name_that_the_limit_cut_goes_on_where_it_stopped(alice, sandbox, monkeypatch):
    account = sandbox.account(calls_per_minute=100)
    without_numbers(account, monkeypatch)
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    processing(account, 300)
    synced(key)
    account.fault("answer", status=429, body="slow down", headers={"Retry-After": "1"}, skip=2)
    assert polled(key) == "put back"
    key.watch.refresh_from_db()
    assert (key.watch.reads, key.watch.next_page, key.watch.started_at is not None) == ("processing", 3, True)
    redis.connection().flushall()
    before = len(account.calls())
    assert polled(key) == "done"
    assert len(account.calls()) - before == 1


def test_a_server_that_repeats_a_page_is_not_asked_for_ever(key, account):
    ids = account.add_many([{"fileName": f"{n}.csv", "status": "processing", "age": 1} for n in range(2)])
    synced(key)
    sources = ", ".join(f'{{"datasourceId": "{one}", "status": "processing"}}' for one in ids)
    body = f'{{"dataSources": [{sources}], "pagination": {{"hasNext": true}}}}'
    account.fault("answer", status=200, body=body, times=50, headers={"Content-Type": "application/json"})
    before = len(account.calls())
    assert polled(key) == "done"
    assert len(account.calls()) - before == 2


def test_the_watch_of_a_refused_key_rests(key, account):
    account.add(fileName="a.csv", status="processing")
    synced(key)
    account.revoke()
    assert polled(key) == "put back"
    assert asked_again(key) == "refused"
    assert polled(key) == "put back"
    key.watch.refresh_from_db()
    assert key.watch.due_at is None
