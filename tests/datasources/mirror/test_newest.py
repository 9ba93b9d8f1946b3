"""While a user looks at a list, its newest page is read once a minute."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core import leases, live, redis
from datasources import access, keys
from datasources.mirror import newest
from datasources.models import ApiKey, Newest, Source, Sync
from tests.conftest import polled, synced, taken
from tests.support.html import words
from tests.support.processes import wait_for


@pytest.fixture
def looking(key) -> ApiKey:
    """A swept key whose owner has a list open."""
    synced(key)
    live.note_presence(key.owner_id)
    newest.wake(access.list_keys(key.owner))
    return key


def read() -> str:
    row = Newest.objects.get()
    return newest.read(str(row.pk), taken(row))


def later(**span):
    return time_machine.travel(timezone.now() + timedelta(**span), tick=False)


def test_a_new_file_appears_with_one_call_a_minute(looking, account):
    account.add(fileName="new.csv")
    calls = len(account.calls())
    assert Newest.objects.get().due_at <= timezone.now() + timedelta(seconds=60)
    with later(seconds=61):
        assert read() == "done"
        assert Newest.objects.get().due_at == timezone.now() + timedelta(minutes=1)
    assert Source.objects.filter(file_name="new.csv").exists()
    assert [call["query"] for call in account.calls()[calls:]] == [{"page": "1", "limit": "100"}]


def test_nothing_is_read_when_nobody_looks(looking, account):
    redis.connection().flushall()
    calls = len(account.calls())
    with later(seconds=61):
        assert read() == "nobody looks"
    assert (Newest.objects.get().due_at, len(account.calls())) == (None, calls)


def test_a_page_that_a_sweep_has_just_read_is_not_read_again(looking, account):
    with later(seconds=50):
        synced(looking)
    calls = len(account.calls())
    with later(seconds=61):
        assert read() == "just read"
    assert len(account.calls()) == calls
    assert timezone.now() + timedelta(seconds=105) < Newest.objects.get().due_at


def test_a_look_at_sources_of_an_unknown_status_reads_the_newest_page_too(looking, account):
    account.add(fileName="odd.csv", status="quarantined")
    synced(looking)
    with later(seconds=50):
        polled(looking)
    with later(seconds=61):
        assert read() == "just read"


def test_a_hundred_readers_make_no_call_more(looking):
    with later(minutes=5):
        due = [newest.wake(access.list_keys(looking.owner)) for _ in range(100)]
    assert due == [[]] * 100
    assert Newest.objects.count() == 1


def test_a_list_that_is_opened_after_a_while_is_read_at_once(looking):
    Newest.objects.update(due_at=None, read_at=timezone.now() - timedelta(minutes=5))
    [row] = newest.wake(access.list_keys(looking.owner))
    assert leases.claim(Newest, row.pk)


def test_a_list_that_is_being_swept_is_left_to_the_sweep(looking):
    Newest.objects.update(due_at=None, read_at=timezone.now() - timedelta(minutes=5))
    Sync.objects.update(due_at=timezone.now())
    assert newest.wake(access.list_keys(looking.owner)) == []
    assert Newest.objects.get().due_at > timezone.now() + timedelta(seconds=50)


def test_two_users_with_the_same_key_share_the_call(looking, bob, account):
    synced(keys.add(bob, "Also", account.key, ApiKey.State.VALID))
    newest.wake(access.list_keys(bob))
    account.add(fileName="new.csv")
    calls = len(account.calls())
    with later(seconds=61):
        assert read() == "done"
    assert Source.objects.filter(file_name="new.csv").count() == 2
    assert len(account.calls()) - calls == 1


def test_where_more_files_are_new_than_fit_on_the_page_a_sweep_follows(looking, account):
    account.add_many([{"fileName": f"{n}.csv"} for n in range(150)])
    with later(minutes=2):
        assert read() == "done"
        assert Sync.objects.get().due_at <= timezone.now()


def test_the_list_shows_the_age_of_its_newest_page(looking, web):
    with later(minutes=5):
        assert "Updated 5 min ago" in words(web.get("/sources/"))
        read()
        assert "Updated just now" in words(web.get("/sources/"))
        assert "older files" not in words(web.get("/sources/"))


def test_a_list_of_more_than_the_newest_page_shows_the_age_of_the_rest_too(looking, account, web):
    account.add_many([{"fileName": f"{n}.csv", "age": 600} for n in range(101)])
    synced(looking)
    with later(minutes=5):
        read()
        assert "Updated just now, older files 5 min ago" in words(web.get("/sources/"))


def test_open_lists_are_updated_once_for_each_read(looking, account):
    account.add(fileName="new.csv")
    with redis.connection().pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(live.CHANNEL)
        heard = []
        for minutes in (2, 4):
            with later(minutes=minutes):
                live.note_presence(looking.owner_id)
                assert read() == "done"
            redis.connection().publish(live.CHANNEL, "that was all")
            while (message := wait_for(lambda: channel.get_message(timeout=1))["data"]) != b"that was all":
                heard.append(json.loads(message)["names"])
    assert heard == [["sources-changed"], ["list-checked"]]


def test_it_waits_for_the_limit(looking, account):
    account.fault("answer", status=429, headers={"Retry-After": "20"}, body="slow down")
    with later(seconds=61):
        assert read() == "put back"
        assert timedelta(seconds=15) < Newest.objects.get().due_at - timezone.now() < timedelta(seconds=25)


def test_a_refused_key_is_not_read(looking, account):
    ApiKey.objects.update(state=ApiKey.State.INVALID)
    calls = len(account.calls())
    with later(seconds=61):
        assert read() == "nobody looks"
    assert len(account.calls()) == calls
    Newest.objects.all().delete()
    assert newest.wake(access.list_keys(looking.owner)) == []
    assert not Newest.objects.exists()


def test_a_key_that_is_deleted_is_forgotten(looking):
    looking.delete()
    newest.tidy()
    assert not Newest.objects.exists()
