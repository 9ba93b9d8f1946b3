"""What list and details say of a source that is being processed: since when, what is usual, and when it was checked."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from django.http import HttpResponse
from django.utils import timezone

from datasources import keys
from datasources.models import ApiKey, Source
from tests.conftest import htmx, polled, synced
from tests.datasources.views.test_source_details import facts
from tests.support.heartbeats import all_alive
from tests.support.html import all_words, dom, icons, told, words

# Each took half its age.
PAST = [{"fileName": f"past-{n}.csv", "fileSize": 1000, "age": 400} for n in range(5)]
ALARM = "alert-triangle"


@pytest.fixture
def past(account, key) -> None:
    """A past in which files of a kilobyte took three minutes, so that 300 seconds are slow."""
    account.add_many(PAST)


def add(account, age: float, **what) -> UUID:
    return account.add(**{"fileName": "now.csv", "fileSize": 1000, "status": "processing", "age": age, **what})


def row(page: HttpResponse, name: str = "now.csv"):
    [found] = [row for row in dom(page).iterfind(".//tbody/tr") if words(row.find(".//a[@class='name']")) == name]
    return found


def status(page: HttpResponse, name: str = "now.csv") -> str:
    """The status of this source, and what is said of it below the name."""
    found = row(page, name)
    return " ".join(words(part) for part in (found.findall("td")[2], *found.iterfind("td[2]/p")))


@pytest.mark.parametrize(
    ("age", "shown", "is_slower"),
    [
        (0, "for 1 s, usually about 3 min", False),
        (120, "for 2 min, usually about 3 min", False),
        (280, "for 5 min, usually about 3 min", False),
        (420, "for 7 min, slower than usual (about 3 min)", True),
    ],
)
def test_the_list_says_for_how_long_and_what_is_usual(still, web, account, key, past, age, shown, is_slower):
    add(account, age)
    synced(key)
    page = web.get("/sources/")
    assert status(page) == f"Processing Processing {shown} Checked just now"
    assert (ALARM in icons(row(page))) == is_slower


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (120, "Files of this kind and size usually take about 3 min."),
        (420, "Slower than usual Claro is processing this file."),
    ],
)
def test_the_details_say_it_too(web, account, key, past, age, shown):
    source_id = add(account, age)
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert shown in told(page)
    assert "This page updates automatically." in told(page)
    assert facts(page)["Status"].startswith(f"Processing for {age // 60} min, ")
    assert (ALARM in icons(dom(page))) == (age == 420)


def test_files_of_another_size_are_named_as_such(web, account, key, past):
    source_id = add(account, 60, fileSize=10**6)
    synced(key)
    assert "Files of this kind usually take about 3 min." in told(web.get(f"/sources/{source_id}/"))


def test_without_a_past_nothing_is_promised(web, account, key):
    account.add_many(PAST[:4])
    source_id = add(account, 5000)
    synced(key)
    assert status(web.get("/sources/")) == "Processing Processing for 1 h Checked just now"
    assert "usual" not in words(web.get(f"/sources/{source_id}/"))


@pytest.mark.parametrize("finished", ["completed", "failed"])
def test_what_has_finished_says_when_it_was_checked_among_its_details_only(web, account, key, finished):
    source_id = account.add(fileName="now.csv", status=finished)
    synced(key)
    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=False):
        page = web.get("/sources/")
        assert status(page).split()[0] == finished.capitalize()
        assert "Checked" not in status(page)
        assert "watch-checked" not in dom(page).find(".//section").get("hx-trigger")
        details = web.get(f"/sources/{source_id}/")
        assert facts(details)["Status"] == f"{finished.capitalize()} Checked 3 min ago"
        assert "watch-checked" not in dom(details).find(".//section").get("hx-trigger")


# --- Times that are not what they seem -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"uploaded_at": None}, "for at least 40 s, usually about 3 min"),
        ({"uploaded_at": datetime.fromisoformat("2126-01-01T00:00Z")}, "for at least 40 s, usually about 3 min"),
        ({"restarted_at": timezone.now}, "again for at least 50 s, usually about 3 min"),
    ],
    ids=["no upload", "upload in a hundred years", "once more"],
)
def test_what_is_not_known_for_certain_is_not_said(web, account, key, past, changes, shown):
    source_id = add(account, 86_400)
    synced(key)
    now = timezone.now()
    changes = {name: value() - timedelta(seconds=50) if callable(value) else value for name, value in changes.items()}
    Source.objects.filter(datasource_id=source_id).update(first_seen_at=now - timedelta(seconds=40), **changes)
    with time_machine.travel(now, tick=False):
        assert status(web.get("/sources/")) == f"Processing Processing {shown} Checked just now"
        assert shown in facts(web.get(f"/sources/{source_id}/"))["Status"]


def test_a_file_that_claro_processes_once_more_begins_anew(still, web, account, key, past):
    source_id = account.add(fileName="now.csv", fileSize=1000, age=90_000)
    synced(key)
    still.shift(1)
    account.change(source_id, status="processing")
    synced(key)
    still.shift(1)
    assert "again for at least 1 s, usually about 3 min" in status(web.get("/sources/"))
    account.change(source_id, status="completed")
    polled(key)
    processed = facts(web.get(f"/sources/{source_id}/"))["Processed"]
    assert "took" not in processed


def test_what_was_not_checked_for_long_is_not_believed_to_run(web, account, key, past):
    all_alive()
    source_id = add(account, 60)
    synced(key)
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        page, details = web.get("/sources/"), web.get(f"/sources/{source_id}/")
    assert status(page) == "Processing Not checked for 2 h"
    assert row(page).get("class") == "is-unchecked"
    assert facts(details)["Status"] == "Processing Not checked for 2 h"
    assert dom(details).find(".//section").get("class") == "is-unchecked"
    assert "Not checked for 2 h Claro was processing this file at the last check." in told(details)
    assert ALARM in icons(row(page))


# --- What it costs ---------------------------------------------------------------------------------------------------
def test_a_page_with_processing_ones_of_any_number_of_keys_takes_one_query_more_and_then_none(
    web, alice, account, sandbox, django_assert_max_num_queries
):
    for number in range(3):
        other = account if number == 0 else sandbox.account()
        key = keys.add(alice, f"Key {number}", other.key, ApiKey.State.VALID)
        other.add_many(PAST)
        for place in range(20):
            add(other, 60, fileName=f"{place}.csv", contentType="text/csv" if place % 2 else "application/pdf")
        synced(key)
    Source.objects.filter(file_name__startswith="past").update(content_type="text/csv")
    with django_assert_max_num_queries(50) as without:
        web.get("/sources/?status=completed")
    with django_assert_max_num_queries(len(without) + 1) as first:
        page = web.get("/sources/?limit=100")
    assert len([text for text in all_words(page, ".//tbody/tr") if "usually about 3 min" in text]) == 30
    with django_assert_max_num_queries(len(first) - 1):
        web.get("/sources/?limit=100")


@pytest.mark.parametrize("where", ["/sources/", "/sources/{}/"])
def test_the_passing_of_time_alone_changes_no_part_but_a_look_does(web, account, key, past, where):
    all_alive()
    where = where.format(add(account, 60))
    synced(key)
    first = web.get(where, headers=htmx(**{"HX-Source": "section#some"}))
    assert "watch-checked from:body" in dom(first).find("./section").get("hx-trigger")
    again = htmx(**{"HX-Source": "section#some", "HX-PTag": first.headers["HX-PTag"]})
    with time_machine.travel(timezone.now() + timedelta(seconds=90), tick=False):
        assert web.get(where, headers=again).status_code == 304
        polled(key)
        assert web.get(where, headers=again).status_code == 200
