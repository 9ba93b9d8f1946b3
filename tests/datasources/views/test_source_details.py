"""The page of a file: what Claro says of it, its states, and through which key it is seen."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from datasources import keys
from datasources.models import ApiKey, StatusChange
from tests.conftest import polled, synced
from tests.datasources.views.conftest import facts
from tests.support.html import all_words, dom, link, told


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
    assert "Processing failed No <header> row. Upload a corrected file" in told(page)
    assert f"/sources/{source_id}/rows/" not in {one.get("href") for one in dom(page).iter("a")}


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
