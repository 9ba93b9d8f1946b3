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
from tests.conftest import htmx, polled, synced, taken
from tests.support.copies import copied
from tests.support.html import all_words, dom, link, told, words
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
    assert shown["Tags"] == "None"
    assert all_words(page, ".//p[@class='summary']") == ["12 rows · 0 columns · 1.5 MB"]
    assert link(page, "Open table") == f"/sources/{source_id}/rows/"
    assert link(page, "Delete") == f"/sources/{source_id}/delete/"
    assert dom(page).find(".//div[@class='download']/form").get("action") == f"/sources/{source_id}/download/"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        ("", ""),
        (None, "–"),
        (False, "No"),
        (True, "Yes"),
        (0, "0"),
        (1.5, "1.5"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("\u202egpj", "�gpj"),
        ([1, None, "<i>ü</i>"], "1, –, <i>ü</i>"),
        ([], "None"),
        ({}, "None"),
        ("2026-11-01T10:00:00Z", "1 Nov 2026, 10:00"),
        ("2026-99-01T10:00:00Z", "2026-99-01T10:00:00Z"),
    ],
)
def test_a_field_that_nobody_knows_is_shown_under_its_own_name(web, account, key, value, shown):
    source_id = account.add(extra={"<u>new</u>": value})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert facts(page)["<u>new</u>"] == shown
    assert dom(page).find(".//u") is None


def test_nested_fields_are_folded_lists_and_no_json(web, account, key):
    nested = {"columnOrder": {"<b>a</b>": [{"name": "größe"}, True]}}
    source_id = account.add(extra={"fileSchema": nested})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert facts(page)["File schema"] == "1 field Column order 1 field <b>a</b> 2 items 1 field Name größe Yes"
    assert {fold.get("open") for fold in dom(page).iterfind(".//dd//details")} == {None}
    assert dom(page).find(".//dd/pre") is None


def test_fields_of_any_depth_and_length_are_shown(web, account, key):
    deep = "<end>"
    for _ in range(20):
        deep = [deep, {}]
    source_id = account.add(extra={"deep": deep, "many": [[n] for n in range(300)]})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert "<end>" in dom(page).find(".//dd//pre").text
    assert facts(page)["Many"].startswith("300 items 0 1 2 ")
    assert facts(page)["Many"].endswith(" 99 200 more")


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


def columns(page) -> list[str]:
    """The lines of the table of columns."""
    return all_words(page, ".//*[@id='columns']//tbody/tr")


def test_columns_are_a_table(web, table, account):
    calls = len(account.calls())
    page = web.get(f"/sources/{table.datasource_id}/")
    assert columns(page) == ["id number", "name text", "price number"]
    assert "Columns" not in facts(page)
    assert "Claro is fetching the first rows." in told(page)
    assert len(account.calls()) == calls


def test_the_page_asks_for_the_first_rows_and_shows_them(web, table, account):
    path = f"/sources/{table.datasource_id}/"
    [loads] = [one for one in dom(web.get(path)).iter() if one.get("hx-get", "").startswith(f"{path}first-rows/")]
    assert dom(web.get(path)).find(".//*[@id='source']").get("hx-get") == path
    for _ in range(2):
        page = web.get(loads.get("hx-get"), headers=htmx())
        assert "<html" not in page.content.decode()
        assert dom(page).find(".//*[@id='source']").get("hx-get") == path
        lines = all_words(page, ".//*[@id='preview']//tbody/tr")
        assert lines == [f"{n} {n} thing {n} {n * 1.5}" for n in range(1, 6)]
        assert columns(page) == ["id whole number 0% 1", "name text 0% thing 1", "price number 0% 1.5"]
        assert all_words(page, ".//p[@class='summary']")[0].startswith("120 rows · 3 columns · ")
    assert sum(call["path"].endswith("/data") for call in account.calls()) == 1
    assert "thing 5" in words(web.get(path))


def test_a_copy_gives_the_profile_and_the_first_rows_without_calls(web, table, copy, account):
    calls = len(account.calls())
    page = web.get(f"/sources/{table.datasource_id}/")
    assert [line.split()[:2] for line in columns(page)][3] == ["note", "text"]
    assert len(dom(page).findall(".//*[@id='columns']//*[@class='head-chart']")) == 3
    assert dom(page).find(".//*[@id='columns']//*[@class='head-chart']//a") is None
    assert all_words(page, ".//*[@id='preview']//tbody/tr")[4] == "5 5 thing 5 7.5 note 1"
    assert all_words(page, ".//p[@class='summary']")[0].startswith("120 rows · 4 columns · ")
    assert len(account.calls()) == calls


def test_empty_cells_long_cells_and_hostile_names_are_shown(web, table):
    hostile = "<script>x</script>\u202e"
    names = [hostile, "", *(f"c{n}" for n in range(300))]
    rows = [[None, "<b>" + "x" * 999, *range(300)], ["", None, *range(300)], ["a", "b", *range(300)]]
    copied(table, names, rows)
    page = web.get(f"/sources/{table.datasource_id}/")
    assert columns(page)[0].startswith("<script>x</script>� text 67% ")
    assert columns(page)[1].startswith("no name, column 2 text 33% ")
    assert len(columns(page)) == 200
    assert "102 more columns. Open table" in words(page)
    assert "<script>x" not in page.content.decode()
    [cell, *_] = dom(page).iterfind(".//*[@id='preview']//button[@form='cell']")
    assert "x" * 999 in words(web.get(f"/sources/{table.datasource_id}/rows/cell/?at={cell.get('value')}"))


def test_no_rows_are_asked_for_with_a_key_that_claro_refuses(web, table, account):
    ApiKey.objects.update(state=ApiKey.State.INVALID)
    calls = len(account.calls())
    page = web.get(f"/sources/{table.datasource_id}/first-rows/")
    assert "fetching the first rows" not in told(page)
    assert len(account.calls()) == calls


def test_an_error_of_claro_is_said_in_place_of_the_first_rows(web, table, account):
    account.refuse("ACCESS_DENIED", 403, path="/data", times=9)
    page = web.get(f"/sources/{table.datasource_id}/first-rows/")
    assert page.status_code == 200
    assert "Try again" in words(page)
    assert columns(page) == ["id number", "name text", "price number"]


def test_what_claro_says_of_columns_is_beside_their_names(web, account, key):
    described = [{"name": "sku", "type": "text", "isUnique": True, "about": "<i>key</i>"}, {"name": "price"}]
    source_id = account.add(extra={"columns": described, "columnCount": None})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert columns(page) == ["sku About: <i>key</i> Is unique: true text", "price –"]
    assert all_words(page, ".//p[@class='summary']")[0].startswith("0 rows · 2 columns · ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([], "None"),
        (["id"], "id"),
        ([{"name": "id", "type": 7}], "1 item 2 fields Name id Type 7"),
        ({"id": "number"}, "1 field Id number"),
    ],
)
def test_columns_of_another_shape_are_a_field_like_others(web, account, key, value, shown):
    source_id = account.add(extra={"columns": value})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert facts(page)["Columns"] == shown
    assert columns(page) == []


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
