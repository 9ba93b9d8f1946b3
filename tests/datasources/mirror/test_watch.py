import random
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core import live, redis
from datasources.mirror import watch
from datasources.models import ApiKey, Source, Watch
from tests.conftest import polled, synced
from tests.support.sandbox import Account


def processing(account: Account, count: int) -> list[uuid.UUID]:
    """So many, the newest first."""
    return account.add_many([{"fileName": f"{n}.csv", "status": "processing", "age": n / 100} for n in range(count)])


@pytest.fixture
def asked(account):
    """How many calls there were since it was asked last."""
    before = 0

    def since() -> int:
        nonlocal before
        before, now = len(account.calls()), before
        return before - now

    return since


def somebody_is_there(key: ApiKey) -> None:
    redis.connection().set(f"claro:present:{key.owner_id}", 1)


def test_one_sweep_a_poll_however_many_are_processing(key, account):
    account.add_many([{"fileName": f"{number}.csv", "status": "processing", "age": 1} for number in range(60)])
    synced(key)
    before = len(account.calls())
    assert polled(key) == "done"
    assert len(account.calls()) - before == 1
    assert account.calls()[-1]["query"] == {"page": "1", "limit": "100", "status": "processing"}


def test_what_left_the_sweep_is_read_again_and_its_change_recorded(key, account):
    source_id = account.add(fileName="a.csv", status="processing")
    synced(key)
    account.change(source_id, status="failed", error="Broken header")
    polled(key)
    source = Source.objects.get(datasource_id=source_id)
    assert (source.status, source.failure) == ("failed", "Broken header")
    assert [change.status for change in source.timeline()] == ["processing", "failed"]
    key.watch.refresh_from_db()
    assert key.watch.due_at is None


def test_a_source_deleted_while_processing_is_gone(key, account):
    account.add(fileName="a.csv", status="processing")
    synced(key)
    account.sandbox.store.sources.clear()
    polled(key)
    assert Source.objects.get().gone_at is not None


@pytest.mark.slow
def test_300_processing_ones_to_the_end_cost_few_calls(key, account):
    ids = account.add_many([{"fileName": f"{number}.csv", "status": "processing"} for number in range(300)])
    synced(key)
    before = len(account.calls())
    while Source.objects.filter(status="processing").exists():
        for source_id in ids[:100]:
            account.change(source_id, status="completed")
        ids = ids[100:]
        polled(key)
    # polls at 200, 100 and none, each with one page of what finished
    assert len(account.calls()) - before <= 2 + 1 + 1 + 3


def test_a_source_uploaded_elsewhere_appears_with_the_next_poll(key, account):
    account.add(fileName="old.csv", status="processing")
    synced(key)
    account.add(fileName="new.csv", status="processing")
    polled(key)
    assert Source.objects.filter(file_name="new.csv").exists()


@pytest.mark.parametrize(
    ("age_min", "seconds"), [(0, 3), (1, 3), (5, 10), (30, 30), (180, 120), (600, 600), (60 * 24 * 30, 600)]
)
def test_polls_become_rarer_with_age(age_min, seconds):
    assert watch.pause(timedelta(minutes=age_min)) == timedelta(seconds=seconds)


def test_nothing_is_polled_when_nothing_is_processing(key, account):
    account.add(fileName="a.csv")
    synced(key)
    assert watch.next_poll(key, timezone.now()) is None


def test_the_youngest_one_decides(key, account):
    account.add(fileName="old.csv", status="processing", age=90_000)
    account.add(fileName="young.csv", status="processing", age=1)
    synced(key)
    now = timezone.now()
    assert watch.next_poll(key, now, is_seen=True) - now < timedelta(seconds=5)


def test_nobody_there_slows_the_polls_down_and_a_page_that_opens_brings_them_forward(key, account):
    account.add(fileName="a.csv", status="processing", age=1)
    synced(key)
    polled(key)
    now = timezone.now()
    assert Watch.objects.get().due_at > now + timedelta(seconds=50)
    watch.bring_forward([key])
    assert Watch.objects.get().due_at < now + timedelta(seconds=5)
    somebody_is_there(key)
    polled(key)
    assert Watch.objects.get().due_at < timezone.now() + timedelta(seconds=5)


def test_a_page_opened_just_before_a_poll_is_put_off_still_brings_the_next_one_forward(key, account, monkeypatch):
    account.add(fileName="a.csv", status="processing", age=1)
    synced(key)
    answers = iter([False, True])
    monkeypatch.setattr(live, "is_present", lambda user_ids: next(answers))
    polled(key)
    assert Watch.objects.get().due_at < timezone.now() + timedelta(seconds=5)


@pytest.mark.slow
def test_the_more_calls_a_poll_took_the_later_the_next_so_that_polling_takes_a_share_of_them(key, account):
    ids = processing(account, 1000)
    synced(key)
    ApiKey.objects.update(calls_per_minute=100)
    key.refresh_from_db()
    assert polled(key) == "done"
    assert timedelta(seconds=2) < next_pause(key) < timedelta(seconds=4)
    for source_id in ids[::2]:
        account.change(source_id, status="completed")
    assert polled(key) == "done"  # six calls: one page of processing ones, five of completed ones
    ApiKey.objects.update(calls_per_minute=100)
    assert timedelta(seconds=16) < next_pause(key) < timedelta(seconds=20)


def next_pause(key: ApiKey) -> timedelta:
    now = timezone.now()
    return watch.next_poll(ApiKey.objects.get(pk=key.pk), now, is_seen=True) - now


def test_however_many_process_a_poll_at_which_none_has_finished_costs_one_call(key, account, asked):
    processing(account, 1000)
    synced(key)
    asked()
    assert polled(key) == "done"
    assert asked() == 1
    account.add(fileName="new.csv", status="processing", age=0)
    assert polled(key) == "done"
    assert asked() == 1
    assert Source.objects.filter(status="processing").count() == 1001


def test_what_the_number_alone_tells_is_known_since_the_poll_began(key, account):
    ids = processing(account, 150)
    synced(key)
    for finished in (0, 2):
        for source_id in ids[140 : 140 + finished]:
            account.change(source_id, status="completed")
        before = timezone.now()
        polled(key)
        key.watch.refresh_from_db()
        assert before <= key.watch.counted_at
        # The first page was read after that.
        assert key.sources.filter(last_seen_at__gte=key.watch.counted_at).count() >= 100
        assert key.sources.filter(status="processing", last_seen_at__lt=before).count() == 50 - finished


def test_who_was_met_by_name_was_not_counted(key, account):
    processing(account, 50)
    synced(key)
    polled(key)
    key.watch.refresh_from_db()
    assert key.watch.checked_at is not None
    assert key.watch.counted_at is None


def test_one_that_appears_where_no_new_one_is_expected_is_looked_for(key, account, asked):
    processing(account, 300)
    synced(key)
    asked()
    account.add(fileName="odd.csv", status="processing", age=99_999)
    polled(key)
    assert asked() == 4
    assert Source.objects.filter(file_name="odd.csv").exists()


@pytest.mark.slow
def test_who_has_finished_is_found_on_the_pages_of_finished_ones(key, account, asked):
    ids = processing(account, 1000)
    synced(key)
    asked()
    for calls, part in enumerate((ids[:90], ids[100:190], ids[200:290]), start=2):
        for source_id in part:
            account.change(source_id, status="completed")
        polled(key)
        assert asked() == calls
        assert Source.objects.filter(status="completed", datasource_id__in=part).count() == 90
    for source_id in ids[300:309]:
        account.change(source_id, status="failed")
    polled(key)
    assert asked() == 1 + 3 + 1
    assert Source.objects.filter(status="failed").count() == 9


def test_a_status_we_do_not_know_is_read_again_beside_many_others(key, account, asked):
    source_id, *_ = processing(account, 300)
    account.change(source_id, extra={"status": "queued"})
    account.sandbox.store.sources[str(source_id)].outcome = "queued"
    account.sandbox.store.sources[str(source_id)].ready_at = 1.0
    synced(key)
    assert Source.objects.filter(status="queued").count() == 1
    asked()
    polled(key)
    assert asked() == 2
    account.change(source_id, status="completed", extra={"status": "completed"})
    polled(key)
    assert not Source.objects.filter(status="queued").exists()


def of_unknown_status(account: Account, count: int, status: str = "quarantined", **what) -> list[uuid.UUID]:
    sources = [{"fileName": f"odd{n}.csv", "status": status, "age": n / 100, **what} for n in range(count)]
    return account.add_many(sources)


@pytest.mark.parametrize("count", [1, 5, 30])
def test_sources_of_an_unknown_status_cost_no_call_more(key, account, asked, count):
    account.add_many([{"fileName": "old.csv", "age": 99_999} for _ in range(300)])
    odd = of_unknown_status(account, count)
    new = account.add(fileName="a.csv", status="processing", age=0)
    synced(key)
    asked()
    assert polled(key) == "done"
    assert asked() == 1
    for source_id in (odd[0], new):
        account.change(source_id, status="completed")
    account.add(fileName="new.csv", status="processing", age=0)
    assert polled(key) == "done"
    assert asked() == 1
    ready = Source.objects.filter(status="completed", datasource_id__in=[odd[0], new])
    assert (ready.count(), Source.objects.filter(file_name="new.csv").count()) == (2, 1)


def test_beside_many_processing_sources_those_of_an_unknown_status_are_read_together(key, account, asked):
    processing(account, 300)
    odd = of_unknown_status(account, 30)
    synced(key)
    asked()
    polled(key)
    assert asked() == 2
    account.change(odd[7], status="failed")
    polled(key)
    assert asked() == 2
    assert Source.objects.get(status="failed").datasource_id == odd[7]


def test_an_old_source_of_an_unknown_status_is_not_read_each_time_a_new_one_is(key, account, asked):
    old = of_unknown_status(account, 3, age=99_999)
    account.add_many([{"fileName": "between.csv", "age": 9999} for _ in range(150)])
    account.add(fileName="a.csv", status="processing", age=0)
    synced(key)
    Source.objects.filter(datasource_id__in=old).update(first_seen_at=timezone.now() - timedelta(days=1))
    asked()
    polled(key)
    assert asked() == 1
    account.change(old[0], status="completed")
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        polled(key)
    assert asked() <= 1 + 1 + 1
    assert Source.objects.filter(datasource_id=old[0], status="completed").exists()


def test_where_the_list_has_another_order_sources_of_an_unknown_status_are_found_too(key, account, monkeypatch):
    oldest_first(account, monkeypatch)
    account.add_many([{"fileName": "old.csv", "age": 99_999} for _ in range(150)])
    odd = of_unknown_status(account, 5)
    synced(key)
    account.change(odd[0], status="completed")
    polled(key)
    assert Source.objects.filter(datasource_id=odd[0], status="completed").exists()


@pytest.mark.parametrize("latest", ["uploaded_at", "first_seen_at", "restarted_at"])
def test_the_latest_of_upload_first_sight_and_restart_decides(key, account, latest):
    account.add(fileName="a.csv", status="processing", age=900_000)
    synced(key)
    now, long_ago = timezone.now(), timezone.now() - timedelta(days=10)
    times = {"uploaded_at": long_ago, "first_seen_at": long_ago, "restarted_at": None}
    Source.objects.update(**times)
    assert watch.next_poll(key, now, is_seen=True) - now > timedelta(minutes=8)
    Source.objects.update(**times | {latest: now})
    assert watch.next_poll(key, now, is_seen=True) - now < timedelta(seconds=5)


def test_a_run_of_an_old_upload_is_polled_often(key, account):
    source_id = account.add(fileName="a.csv", age=900_000)
    synced(key)
    Source.objects.update(first_seen_at=timezone.now() - timedelta(days=10))
    account.change(source_id, status="processing")
    synced(key)
    now = timezone.now()
    assert watch.next_poll(key, now, is_seen=True) - now < timedelta(seconds=5)


def test_an_upload_that_lies_ahead_does_not_keep_polls_frequent(key, account):
    account.add(fileName="a.csv", status="processing")
    synced(key)
    now = timezone.now()
    Source.objects.update(uploaded_at=now + timedelta(days=9999), first_seen_at=now - timedelta(days=9))
    assert watch.next_poll(key, now, is_seen=True) - now > timedelta(minutes=8)


def oldest_first(account, monkeypatch) -> None:
    newest_first = account.sandbox.store.sources_of
    monkeypatch.setattr(account.sandbox.store, "sources_of", lambda name: newest_first(name)[::-1])


def without_numbers(account, monkeypatch) -> None:
    def has_next(page, limit, total):
        return {"hasNext": page * limit < total}

    monkeypatch.setattr("sandbox.api._pagination", has_next)


def as_it_is(account, monkeypatch) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("api", [as_it_is, oldest_first, without_numbers])
def test_whatever_happened_our_copy_says_the_same_after_a_poll(key, account, monkeypatch, api, seed):
    chance = random.Random(seed)  # noqa: S311
    api(account, monkeypatch)
    ids = account.add_many(
        [
            {"status": chance.choice(["processing", "processing", "completed"]), "age": chance.randrange(100_000)}
            for _ in range(450)
        ]
    )
    synced(key)
    for few in (0, 3, 40, 200):
        for source_id in chance.sample(ids, few):
            happens = chance.choice(["completed"] * 6 + ["failed", "gone"])
            source = account.sandbox.store.sources.get(str(source_id))
            if source and source.status == "processing" and happens == "gone":
                account.sandbox.store.delete(source)
            elif source and source.status == "processing":
                account.change(source_id, status=happens)
        account.add_many([{"status": "processing", "age": 0} for _ in range(few)])
        polled(key)
        theirs = {uuid.UUID(one.id): one.status for one in account.sandbox.store.sources_of(account.name)}
        assert dict(Source.objects.filter(gone_at=None).values_list("datasource_id", "status")) == theirs


def test_the_number_is_not_trusted_where_new_ones_may_stand_anywhere(key, account, monkeypatch):
    oldest_first(account, monkeypatch)
    ids = processing(account, 300)
    synced(key)
    account.change(ids[7], status="completed")
    account.add(fileName="new.csv", status="processing", age=0)
    polled(key)
    assert Source.objects.get(status="completed").datasource_id == ids[7]
    assert Source.objects.filter(file_name="new.csv").exists()


@pytest.mark.slow
def test_pages_of_finished_ones_are_read_while_that_is_cheaper(key, account):
    ids = account.add_many([{"fileName": f"{n}.csv", "status": "processing", "age": 1} for n in range(250)])
    account.add_many([{"fileName": f"old{n}.csv", "age": 99_999} for n in range(1000)])
    synced(key)
    for source_id in ids[:240]:
        account.change(source_id, status="completed")
    for source_id in ids[240:248]:
        account.change(source_id, status="failed")
    before = len(account.calls())
    polled(key)
    assert Source.objects.filter(status="processing").count() == 2
    # one page of processing ones, three of completed ones, one of failed ones
    assert len(account.calls()) - before == 5
