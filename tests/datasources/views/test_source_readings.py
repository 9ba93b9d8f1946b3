"""What only the call for the details of a source tells: when it is made, for whom, and what comes of it."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core import live, redis
from datasources import keys, mirror
from datasources.mirror import readings
from datasources.models import ApiKey, Reading, Source
from tests.conftest import synced, taken
from tests.datasources.views.conftest import facts
from tests.support.html import all_words, told
from tests.support.sandbox import HTML_502


def details_read() -> str:
    """The call for the details that a page made due, made here instead of by a worker."""
    [reading] = Reading.objects.exclude(due_at=None)
    return readings.read(str(reading.pk), taken(reading))


def details_only(account, source_id, **fields) -> None:
    """From now on only the call for this one source tells these fields, as of other Claro servers."""
    source = {"datasourceId": str(source_id), "fileName": "a.csv", "contentType": "text/csv", "fileSize": 1}
    body = json.dumps({**source, "status": "failed", "uploadedAt": "2026-11-01T10:00:00Z", **fields})
    headers = {"Content-Type": "application/json"}
    account.fault("answer", status=200, body=body, headers=headers, path=f"/datasources/{source_id}", times=99)


def details_calls(account) -> int:
    return sum(call["path"].count("/") == 2 for call in account.calls("/datasources/"))


def test_a_failure_without_a_reason_says_that(web, account, key):
    source_id = account.add(status="failed")
    synced(key)
    assert "Asking Claro for the reason…" in told(web.get(f"/sources/{source_id}/"))
    assert details_read() == "done"
    assert "Claro gave no reason." in told(web.get(f"/sources/{source_id}/"))


def test_opening_the_page_reads_what_only_the_details_call_tells(web, account, key):
    source_id = account.add(status="failed", fileName="a.csv")
    synced(key)
    details_only(account, source_id, errorMessage="Row 7 is <broken>.", rowCount=12)
    page = web.get(f"/sources/{source_id}/")
    assert (page.status_code, details_calls(account)) == (200, 0)
    assert "Updating…" in told(page)
    assert details_read() == "done"
    page = web.get(f"/sources/{source_id}/")
    assert "Processing failed Row 7 is <broken>." in told(page)
    assert all_words(page, ".//p[@class='summary']")[0].startswith("12 rows")
    assert "Updating…" not in told(page)
    synced(key)  # a list answer, which has none of these fields
    page = web.get(f"/sources/{source_id}/")
    assert all_words(page, ".//p[@class='summary']")[0].startswith("12 rows")
    assert details_calls(account) == 1
    assert "Processing failed Row 7 is <broken>." in told(page)


def test_numbers_of_the_details_keep_their_digits(web, account, key):
    source_id = account.add(status="failed", fileName="a.csv")
    fields = (
        '"score": 0.1234567890123456789, "cost": 1.10, "meta": {"low": 1e-7, "all": [1E5, 12345678901234567890.10]}'
    )
    source = f'{{"datasourceId": "{source_id}", "fileName": "a.csv", "status": "failed", {fields}}}'
    headers = {"Content-Type": "application/json"}
    body = f'{{"dataSources": [{source}], "pagination": {{}}}}'
    account.fault("answer", status=200, body=body, headers=headers, path="/datasources")
    synced(key)
    by_list = facts(web.get(f"/sources/{source_id}/"))
    account.fault("answer", status=200, body=source, headers=headers, path=f"/datasources/{source_id}", times=99)
    details_read()
    page = web.get(f"/sources/{source_id}/")
    for shown in (by_list, facts(page)):
        assert (shown["Score"], shown["Cost"]) == ("0.1234567890123456789", "1.10")
        assert "All 1E5, 12345678901234567890.10" in shown["Meta"]
        assert "Low 1e-7" in shown["Meta"]
    synced(key)
    assert details_calls(account) == 1


def test_details_are_read_again_after_ten_minutes_and_after_a_change(web, account, key):
    source_id = account.add(fileName="a.csv")
    synced(key)
    for _ in range(2):
        web.get(f"/sources/{source_id}/")
        Reading.objects.exclude(due_at=None).exists() and details_read()
    assert details_calls(account) == 1
    account.change(source_id, status="failed")
    synced(key)
    assert "Updating…" in told(web.get(f"/sources/{source_id}/"))
    details_read()
    assert details_calls(account) == 2
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert "Updating…" in told(web.get(f"/sources/{source_id}/"))


def test_one_call_serves_all_readers_also_those_with_a_key_of_their_own(web, client_of, bob, account, key):
    source_id = account.add(fileName="a.csv")
    synced(key)
    synced(keys.add(bob, "Also", account.key, ApiKey.State.VALID))
    details_only(account, source_id, rowCount=12)
    for reader in (web, client_of(bob), web):
        assert "Updating…" in told(reader.get(f"/sources/{source_id}/"))
    assert Reading.objects.count() == 1
    details_read()
    for reader in (web, client_of(bob)):
        assert "Updating…" not in told(reader.get(f"/sources/{source_id}/"))
    assert details_calls(account) == 1
    assert all(source.details["rowCount"] == 12 for source in Source.objects.all())


def test_pages_that_wait_for_details_are_updated_also_where_nothing_is_new(web, alice, account, key):
    source_id = account.add(fileName="a.csv")
    synced(key)
    web.get(f"/sources/{source_id}/")
    details_read()
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        web.get(f"/sources/{source_id}/")
        with redis.connection().pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(live.CHANNEL)
            channel.get_message(timeout=10)
            details_read()
            message = json.loads(channel.get_message(timeout=10)["data"])
    assert message == {"users": [alice.pk], "names": [f"source-{source_id}"]}


def test_details_without_an_answer_are_given_up_until_a_reader_asks_again(web, account, key):
    source_id = account.add(fileName="a.csv")
    synced(key)
    account.fault("answer", status=502, body=HTML_502, times=99, path=f"/datasources/{source_id}")
    web.get(f"/sources/{source_id}/")
    assert [details_read() for _ in range(readings.TRIES)] == ["put back"] * (readings.TRIES - 1) + ["failed"]
    assert "Updating" not in told(web.get(f"/sources/{source_id}/"))


def test_details_wait_for_calls(still, web, account, key):
    source_id = account.add(fileName="a.csv")
    synced(key)
    account.fault("answer", status=429, headers={"Retry-After": "20"}, body="slow down")
    web.get(f"/sources/{source_id}/")
    assert details_read() == "put back"
    assert "Updating in 20 s" in told(web.get(f"/sources/{source_id}/"))
    assert details_calls(account) == 1


def test_details_that_claro_does_not_give_are_not_asked_for_over_and_over(web, account, key):
    source_id = account.add(fileName="a.csv")
    synced(key)
    account.refuse("ACCESS_DENIED", 403, path=f"/datasources/{source_id}", times=9)
    web.get(f"/sources/{source_id}/")
    assert details_read() == "failed"
    page = web.get(f"/sources/{source_id}/")
    assert ("Updating…" in told(page), details_calls(account)) == (False, 1)


@pytest.mark.parametrize("state", ["gone", "refused key"])
def test_no_details_are_asked_for_where_that_is_in_vain(web, account, key, state):
    source_id = account.add(fileName="a.csv")
    [source] = synced(key)
    if state == "gone":
        mirror.mark_gone(source)
    else:
        ApiKey.objects.update(state=ApiKey.State.INVALID)
    assert web.get(f"/sources/{source_id}/").status_code == (404 if state == "gone" else 200)
    assert not Reading.objects.exists()


def test_a_source_that_the_details_call_denies_is_gone(web, account, key):
    source_id = account.add(fileName="a.csv")
    synced(key)
    web.get(f"/sources/{source_id}/")
    account.sandbox.store.sources.clear()
    assert details_read() == "gone"
    calls = len(account.calls())
    assert web.get(f"/sources/{source_id}/").status_code == 404
    assert len(account.calls()) == calls
