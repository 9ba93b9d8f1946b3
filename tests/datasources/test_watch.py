from datetime import timedelta

import pytest
from django.utils import timezone

from datasources import keys, redis, watch
from datasources.models import ApiKey, Source, Watch
from tests.conftest import looked, synced


def somebody_is_there(key: ApiKey) -> None:
    redis.connection().set(f"claro:present:{key.owner_id}", 1)


def test_one_sweep_a_look_however_many_are_processing(key, account):
    account.add_many([{"fileName": f"{number}.csv", "status": "processing", "age": 1} for number in range(60)])
    synced(key)
    before = len(account.calls())
    assert looked(key) == "done"
    assert len(account.calls()) - before == 1
    assert account.calls()[-1]["query"] == {"page": "1", "limit": "100", "status": "processing"}


def test_what_left_the_sweep_is_read_again_and_its_change_recorded(key, account):
    source_id = account.add(fileName="a.csv", status="processing")
    synced(key)
    account.change(source_id, status="failed", error="Broken header")
    looked(key)
    source = Source.objects.get(datasource_id=source_id)
    assert (source.status, source.failure) == ("failed", "Broken header")
    assert [change.status for change in source.timeline()] == ["processing", "failed"]
    key.watch.refresh_from_db()
    assert key.watch.due_at is None


def test_a_source_deleted_while_processing_is_gone(key, account):
    account.add(fileName="a.csv", status="processing")
    synced(key)
    account.sandbox.store.sources.clear()
    looked(key)
    assert Source.objects.get().gone_at is not None


def test_300_processing_ones_to_the_end_cost_few_calls(key, account):
    ids = account.add_many([{"fileName": f"{number}.csv", "status": "processing"} for number in range(300)])
    synced(key)
    before = len(account.calls())
    while Source.objects.filter(status="processing").exists():
        for source_id in ids[:100]:
            account.change(source_id, status="completed")
        ids = ids[100:]
        looked(key)
    # looks at 200, 100 and none, each with one page of what finished
    assert len(account.calls()) - before <= 2 + 1 + 1 + 3


def test_a_source_uploaded_elsewhere_appears_with_the_next_look(key, account):
    account.add(fileName="old.csv", status="processing")
    synced(key)
    account.add(fileName="new.csv", status="processing")
    looked(key)
    assert Source.objects.filter(file_name="new.csv").exists()


@pytest.mark.parametrize(
    ("age_min", "seconds"), [(0, 3), (1, 3), (5, 10), (30, 30), (180, 120), (600, 600), (60 * 24 * 30, 600)]
)
def test_looks_become_rarer_with_age(age_min, seconds):
    assert watch.pause(timedelta(minutes=age_min)) == timedelta(seconds=seconds)


def test_nothing_is_looked_at_when_nothing_is_processing(key, account):
    account.add(fileName="a.csv")
    synced(key)
    assert watch.next_look(key, timezone.now()) is None


def test_the_youngest_one_decides(key, account):
    account.add(fileName="old.csv", status="processing", age=90_000)
    account.add(fileName="young.csv", status="processing", age=1)
    synced(key)
    now = timezone.now()
    assert watch.next_look(key, now, is_seen=True) - now < timedelta(seconds=5)


def test_nobody_there_slows_the_looks_down_and_a_page_that_opens_brings_them_forward(key, account):
    account.add(fileName="a.csv", status="processing", age=1)
    synced(key)
    looked(key)
    now = timezone.now()
    assert Watch.objects.get().due_at > now + timedelta(seconds=50)
    watch.somebody_looks([key])
    assert Watch.objects.get().due_at < now + timedelta(seconds=5)
    somebody_is_there(key)
    looked(key)
    assert Watch.objects.get().due_at < timezone.now() + timedelta(seconds=5)


def test_many_sources_are_looked_at_as_often_as_a_share_of_the_calls_allows(key, account):
    ApiKey.objects.update(calls_per_minute=100)
    key.refresh_from_db()
    account.add_many([{"fileName": f"{n}.csv", "status": "processing", "age": 1} for n in range(1000)])
    synced(key)
    ApiKey.objects.update(calls_per_minute=100)
    key.refresh_from_db()
    now = timezone.now()
    assert timedelta(seconds=26) < watch.next_look(key, now, is_seen=True) - now < timedelta(seconds=34)


def test_a_look_that_the_limit_cut_goes_on_where_it_stopped(alice, sandbox):
    account = sandbox.account(calls_per_minute=100)
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    account.add_many([{"fileName": f"{n}.csv", "status": "processing", "age": 1} for n in range(300)])
    synced(key)
    account.fault("answer", status=429, body="slow down", headers={"Retry-After": "1"}, skip=2)
    assert looked(key) == "put back"
    key.watch.refresh_from_db()
    assert (key.watch.next_page, key.watch.started_at is not None) == (3, True)
    redis.connection().flushall()
    before = len(account.calls())
    assert looked(key) == "done"
    assert len(account.calls()) - before == 1


def test_pages_of_finished_ones_are_read_while_that_is_cheaper(key, account):
    ids = account.add_many([{"fileName": f"{n}.csv", "status": "processing", "age": 1} for n in range(250)])
    account.add_many([{"fileName": f"old{n}.csv", "age": 99_999} for n in range(1000)])
    synced(key)
    for source_id in ids[:240]:
        account.change(source_id, status="completed")
    for source_id in ids[240:248]:
        account.change(source_id, status="failed")
    before = len(account.calls())
    looked(key)
    assert Source.objects.filter(status="processing").count() == 2
    # one page of processing ones, three of completed ones and one that taught nothing, one of failed ones
    assert len(account.calls()) - before == 6


def test_a_server_that_repeats_a_page_is_not_asked_for_ever(key, account):
    ids = account.add_many([{"fileName": f"{n}.csv", "status": "processing", "age": 1} for n in range(2)])
    synced(key)
    sources = ", ".join(f'{{"datasourceId": "{one}", "status": "processing"}}' for one in ids)
    body = f'{{"dataSources": [{sources}], "pagination": {{"hasNext": true}}}}'
    account.fault("answer", status=200, body=body, times=50, headers={"Content-Type": "application/json"})
    before = len(account.calls())
    assert looked(key) == "done"
    assert len(account.calls()) - before == 2


def test_a_refused_key_rests_until_a_person_helps(key, account):
    account.add(fileName="a.csv", status="processing")
    synced(key)
    account.revoke()
    assert looked(key) == "put back"
    key.watch.refresh_from_db()
    assert key.watch.due_at is None
