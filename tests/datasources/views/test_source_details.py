import json
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core import live, redis
from datasources import keys, mirror
from datasources.mirror import readings
from datasources.models import ApiKey, Reading, Source, StatusChange
from tests.conftest import polled, synced, taken
from tests.support.html import all_words, dom, link, told
from tests.support.sandbox import HTML_502


def details_read() -> str:
    """The call for the details that a page made due, made here instead of by a worker."""
    [reading] = Reading.objects.exclude(due_at=None)
    return readings.read(str(reading.pk), taken(reading))


def facts(page) -> dict[str, str]:
    """What stands in the list of facts, by name."""
    pairs = zip(all_words(page, ".//dl/dt"), all_words(page, ".//dl/dd"), strict=True)
    return dict(pairs)


def test_everything_that_claro_says_is_shown(web, account, key):
    source_id = account.add(fileName="Beans.csv", fileSize=1_500_000, age=7200, extra={"rowCount": 12, "tags": []})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert page.status_code == 200
    assert all_words(page, ".//h1") == ["Beans.csv"]
    shown = facts(page)
    assert shown["Status"] == "Completed Checked just now"
    assert shown["Kind"] == "CSV text/csv"
    assert shown["Size"] == "1.5 MB (1,500,000 bytes)"
    assert (shown["Uploaded"], shown["Processed"]) == ("2 h ago", "1 h ago, took 1 h")
    assert (shown["ID"], shown["Key"]) == (str(source_id), "Main")
    assert (shown["Table"], shown["tags"]) == ("12 rows, 0 columns", "[]")
    assert link(page, "Open table") == f"/sources/{source_id}/rows/"
    assert link(page, "Delete") == f"/sources/{source_id}/delete/"
    assert dom(page).find(".//div[@class='download']/form").get("action") == f"/sources/{source_id}/download/"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        ("", ""),
        (None, "–"),
        (False, "False"),
        (0, "0"),
        (1.5, "1.5"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("\u202egpj", "�gpj"),
        ([1, None, "<i>ü</i>"], '[ 1, null, "<i>ü</i>" ]'),
    ],
)
def test_a_field_that_nobody_knows_is_shown_under_its_own_name(web, account, key, value, shown):
    source_id = account.add(extra={"<u>new</u>": value})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert facts(page)["<u>new</u>"] == shown
    assert dom(page).find(".//u") is None


def test_nested_json_is_laid_out(web, account, key):
    source_id = account.add(extra={"schema": {"columns": [{"name": "größe"}]}})
    synced(key)
    laid_out = [pre.text for pre in dom(web.get(f"/sources/{source_id}/")).iterfind(".//dd/pre")]
    # among them, because PostgreSQL orders the fields its own way
    assert '{\n  "columns": [\n    {\n      "name": "größe"\n    }\n  ]\n}' in laid_out


def test_the_timeline_tells_the_states_and_how_long_they_lasted(web, account, key):
    start = timezone.now() - timedelta(hours=1)
    source_id = account.add(fileName="a.csv", status="processing", age=3600)
    synced(key)
    account.change(source_id, status="failed", error="Row 7 is broken.")
    polled(key)
    StatusChange.objects.filter(status="processing").update(at=start)
    StatusChange.objects.filter(status="failed").update(at=start + timedelta(minutes=5))
    page = web.get(f"/sources/{source_id}/")
    assert all_words(page, ".//ol/li") == ["Processing 1 h ago for 5 min", "Failed 55 min ago"]


def test_a_source_that_was_ready_when_first_seen_has_a_timeline_too(web, account, key):
    source_id = account.add(age=7200)
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert all_words(page, ".//ol/li") == ["Processing 2 h ago for 1 h", "Completed 1 h ago"]


def test_a_failed_source_says_why_and_has_no_rows_to_show(web, account, key):
    source_id = account.add(status="failed", error="No <header> row.")
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert "Processing failed No <header> row. Check the file, then upload it to Claro again." in told(page)
    assert f"/sources/{source_id}/rows/" not in {one.get("href") for one in dom(page).iter("a")}


def test_a_failure_without_a_reason_says_that(web, account, key):
    source_id = account.add(status="failed")
    synced(key)
    assert "Asking Claro for the reason…" in told(web.get(f"/sources/{source_id}/"))
    assert details_read() == "done"
    assert "Claro gave no reason." in told(web.get(f"/sources/{source_id}/"))


def test_columns_are_one_line(web, table):
    assert facts(web.get(f"/sources/{table.datasource_id}/"))["Columns"] == "id (number), name (text), price (number)"


@pytest.mark.parametrize("columns", [[], ["id"], [{"name": "id"}], [{"name": "id", "type": 7}], {"id": "number"}])
def test_columns_of_another_shape_are_shown_as_they_are(web, account, key, columns):
    source_id = account.add(extra={"columns": columns})
    synced(key)
    assert json.loads(facts(web.get(f"/sources/{source_id}/"))["columns"]) == columns


def details_only(account, source_id, **fields) -> None:
    """From now on only the call for this one source tells these fields, as of other Claro servers."""
    source = {"datasourceId": str(source_id), "fileName": "a.csv", "contentType": "text/csv", "fileSize": 1}
    body = json.dumps({**source, "status": "failed", "uploadedAt": "2026-11-01T10:00:00Z", **fields})
    headers = {"Content-Type": "application/json"}
    account.fault("answer", status=200, body=body, headers=headers, path=f"/datasources/{source_id}", times=99)


def details_calls(account) -> int:
    return sum(call["path"].count("/") == 2 for call in account.calls("/datasources/"))


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
    assert facts(page)["Table"] == "12 rows"
    assert "Updating…" not in told(page)
    synced(key)  # a list answer, which has none of these fields
    page = web.get(f"/sources/{source_id}/")
    assert (facts(page)["Table"], details_calls(account)) == ("12 rows", 1)
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
        assert (shown["score"], shown["cost"]) == ("0.1234567890123456789", "1.10")
        assert "[ 1E5, 12345678901234567890.10 ]" in shown["meta"]
        assert '"low": 1e-7' in shown["meta"]
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


@pytest.mark.parametrize(
    ("status", "shown"),
    [("processing", "Processing for 2 min Checked just now"), ("quarantined", "quarantined Checked just now")],
)
def test_a_processing_source_is_followed_and_has_no_download(web, account, key, status, shown):
    source_id = account.add(status=status, age=120)
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert "Claro is processing this file. This page updates automatically." in told(page)
    assert facts(page)["Status"] == shown
    trigger = dom(page).find(".//section").get("hx-trigger")
    assert f"source-{source_id} from:body" in trigger
    assert "watch-checked from:body" in trigger
    assert dom(page).find(".//select[@name='expires_in']") is None


def test_what_claro_does_not_tell_is_left_open(web, account, key):
    body = f'{{"dataSources": [{{"datasourceId": "{uuid.uuid4()}", "status": "completed"}}]}}'
    account.fault("answer", status=200, body=body, headers={"Content-Type": "application/json"})
    [source] = synced(key)
    page = web.get(f"/sources/{source.datasource_id}/")
    assert all_words(page, ".//h1") == [str(source.datasource_id)]
    assert (facts(page)["Size"], facts(page)["Uploaded"], facts(page)["Kind"]) == ("–", "–", "unknown")


def test_a_source_that_several_keys_see_is_shown_through_the_one_asked_for(web, alice, account, source):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    synced(other)
    here = f"/sources/{source.datasource_id}/"
    assert facts(web.get(here))["Key"] == "Other"
    assert facts(web.get(f"{here}?key={source.key.pk}"))["Key"] == "Main"
    assert link(web.get(f"{here}?key={source.key.pk}"), "Open table") == f"{here}rows/?key={source.key.pk}"
    ApiKey.objects.filter(pk=other.pk).update(state="invalid")
    assert facts(web.get(here))["Key"] == "Main"


@pytest.mark.parametrize("path", ["", "rows/", "delete/"])
def test_a_malformed_or_strange_key_in_the_address_leads_nowhere(web, source, path):
    for key in ("not-a-uuid", "1", str(uuid.uuid4()), "%00"):
        assert web.get(f"/sources/{source.datasource_id}/{path}?key={key}").status_code == 404


@pytest.mark.parametrize("path", ["not-a-uuid", "0" * 32, "00000000-0000-4000-8000-000000000000"])
def test_what_is_no_source_is_not_there(web, source, path):
    assert web.get(f"/sources/{path}/").status_code == 404


def test_times_stand_in_the_readers_zone(web, account, key):
    source_id = account.add(age=7200)
    synced(key)
    web.cookies["timezone"] = "Asia/Tokyo"
    with time_machine.travel(timezone.now(), tick=False):
        times = dom(web.get(f"/sources/{source_id}/")).iter("time")
    assert {one.get("title").rsplit(" ", 1)[1] for one in times} == {"JST"}
    web.cookies["timezone"] = "../../etc/passwd"
    assert web.get(f"/sources/{source_id}/").status_code == 200
