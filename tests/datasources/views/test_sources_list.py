import re
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from core import live, redis
from datasources import keys
from datasources.mirror import watch
from datasources.models import ApiKey, Source, Sync, Watch
from tests.conftest import asked_again, htmx, synced
from tests.support.breaker import the_breaker_opens
from tests.support.heartbeats import all_alive
from tests.support.html import all_words, dom, field, link, told, words
from tests.support.sandbox import HTML_502

SHELF = [
    {"fileName": "Beans.csv", "fileSize": 1_500_000, "age": 7200},
    {"fileName": "apples.json", "fileSize": 10, "age": 60, "status": "processing"},
    {"fileName": "pears 100%.csv", "fileSize": 2000, "age": 3600, "status": "failed"},
    {"fileName": "notes.txt", "fileSize": 300, "age": 90_000},
]


@pytest.fixture
def shelf(account, key) -> list[Source]:
    account.add_many(SHELF)
    return synced(key)


@pytest.fixture
def second(alice, sandbox, shelf) -> ApiKey:
    """Another key of Alice's, to another account with one source."""
    other = sandbox.account()
    key = keys.add(alice, "Second", other.key, ApiKey.State.VALID)
    other.add(fileName="second.csv")
    synced(key)
    return key


def names(page) -> list[str]:
    return all_words(page, ".//tbody//a[@class='name']")


def test_what_a_search_found_is_marked_and_escaped(web, key):
    at = timezone.now()
    fields = {"key": key, "status": "completed", "first_seen_at": at, "last_seen_at": at}
    source = Source.objects.create(datasource_id=uuid4(), file_name="<b>Prix</b>-Été & co.csv", **fields)
    page = web.get("/sources/?q=ete+<b")
    assert "><bdi><mark>&lt;b</mark>&gt;Prix&lt;/b&gt;-<mark>Été</mark> &amp; co.csv</bdi></a>" in page.text
    assert "<mark>" not in web.get("/sources/").text
    start, rest = str(source.datasource_id)[:12], str(source.datasource_id)[12:]
    assert f"Id <mark>{start}</mark>{rest}<" in web.get(f"/sources/?q={start.upper()}").text


def test_every_source_stands_in_the_list_with_what_matters(web, shelf):
    page = web.get("/sources/")
    assert page.status_code == 200
    _choose, *columns = all_words(page, ".//thead//th")
    assert columns == ["File", "Status", "Kind", "Size", "Uploaded", "Processed", "Actions"]
    assert names(page) == ["apples.json", "pears 100%.csv", "Beans.csv", "notes.txt"]
    beans = dict(zip(names(page), dom(page).iterfind(".//tbody/tr"), strict=True))["Beans.csv"]
    status, kind, size, uploaded, processed = [words(cell) for cell in beans.iter("td")][2:7]
    assert (status, kind, size, uploaded) == ("Completed", "CSV", "1.5 MB", "2 h ago")
    assert processed == "1 h ago took 1 h"
    source_id = next(source.datasource_id for source in shelf if source.name == "Beans.csv")
    leads = {one.get("href") for one in beans.iter("a")}
    assert leads == {f"/sources/{source_id}/{part}" for part in ("", "rows/", "share/", "delete/")}
    button = beans.find(".//button")
    assert button.get("formaction") == f"/sources/{source_id}/download/"
    form = dom(page).find(f".//form[@id='{button.get('form')}']")
    assert form.get("method") == "post"
    assert form.find("input[@name='csrfmiddlewaretoken']") is not None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=completed", ["Beans.csv", "notes.txt"]),
        ("status=processing", ["apples.json"]),
        ("status=failed", ["pears 100%.csv"]),
        ("type=text/csv", ["pears 100%.csv", "Beans.csv"]),
        ("type=text/csv&status=completed", ["Beans.csv"]),
        ("q=BEAN", ["Beans.csv"]),
        ("q=100%25", ["pears 100%.csv"]),
        ("q=%25", ["pears 100%.csv"]),
        ("q=_", ["apples.json", "pears 100%.csv", "Beans.csv", "notes.txt"]),
        ("q=s&sort=name&order=asc", ["apples.json", "Beans.csv", "notes.txt", "pears 100%.csv"]),
        ("status=nonsense", []),
        ("sort=name&order=asc", ["apples.json", "Beans.csv", "notes.txt", "pears 100%.csv"]),
        ("sort=size&order=desc", ["Beans.csv", "pears 100%.csv", "notes.txt", "apples.json"]),
        ("sort=uploaded&order=asc", ["notes.txt", "Beans.csv", "pears 100%.csv", "apples.json"]),
        ("sort=processed&order=asc", ["notes.txt", "Beans.csv", "pears 100%.csv", "apples.json"]),
        ("sort=status&order=asc&q=.csv", ["Beans.csv", "pears 100%.csv"]),
        ("sort=size&order=asc&limit=2", ["apples.json", "notes.txt"]),
        ("sort=size&order=asc&limit=2&page=2", ["pears 100%.csv", "Beans.csv"]),
        ("limit=100&unknown=1", ["apples.json", "pears 100%.csv", "Beans.csv", "notes.txt"]),
    ],
)
def test_the_address_says_which_sources_are_shown_in_which_order(web, shelf, query, expected):
    page = web.get(f"/sources/?{query}")
    assert page.status_code == 200
    assert names(page) == expected


def test_statuses_are_counted_and_lead_to_their_list(web, shelf):
    page = web.get("/sources/?type=text/csv&page=1")
    assert sorted(all_words(page, ".//nav[@aria-label='Status']/a")) == ["All 2", "Completed 1", "Failed 1"]
    assert link(page, "Failed 1") == "?type=text%2Fcsv&status=failed"
    page = web.get("/sources/?status=failed")
    assert [words(one) for one in dom(page).iter("a") if one.get("aria-current") == "true"] == ["Failed 1"]


def test_the_line_above_the_list_leads_to_what_it_counts(web, shelf):
    Source.objects.filter(file_name="Beans.csv").update(row_count=1_234_567)
    Source.objects.filter(file_name="notes.txt").update(uploaded_at=timezone.now() - timedelta(days=3))
    page = web.get("/sources/?sort=name&order=asc&q=s&type=text/csv")
    line = "3 new since yesterday", "1 processing", "1 failed", "1.23 million rows"
    assert all_words(page, ".//p[@class='summary list-summary']/a") == list(line)
    targets = [link(page, part) for part in line]
    assert targets[:2] == [f"?sort=name&order=asc&{part}" for part in ("since=yesterday", "status=processing")]
    assert [len(names(web.get(f"/sources/{target}"))) for target in targets] == [3, 1, 1, 2]
    page = web.get("/sources/?since=yesterday&order=asc")
    [shown] = dom(page).iterfind(".//p[@class='summary list-summary']/a[@aria-current='true']")
    assert (words(shown), shown.get("href")) == ("3 new since yesterday", "?order=asc")
    assert names(page)[-1] == "apples.json"
    assert field(page, "since").get("value") == "yesterday"


def test_a_header_turns_its_order_and_says_it(web, shelf):
    page = web.get("/sources/?sort=name&order=asc&q=s&page=1")
    assert [words(one) for one in dom(page).iter("th") if one.get("aria-sort") == "ascending"] == ["File"]
    assert link(page, "File") == "?sort=name&order=desc&q=s"
    assert link(page, "Size") == "?sort=size&order=asc&q=s"


def test_pages_lead_to_each_other_and_keep_the_rest(web, shelf):
    page = web.get("/sources/?limit=2&sort=name&order=asc")
    assert link(page, "Next") == "?limit=2&sort=name&order=asc&page=2"
    assert "of 2" in words(page)
    page = web.get(f"/sources/{link(page, 'Next')}")
    assert names(page) == ["notes.txt", "pears 100%.csv"]
    assert link(page, "Previous") == "?limit=2&sort=name&order=asc&page=1"
    assert {name: field(page, name).get("value") for name in ("q", "page")} == {"q": "", "page": "2"}


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("page=abc", 400, "“page” in the address: Enter a whole number. The default is used instead."),
        ("page=0", 400, "“page” in the address: Ensure this value is greater than or equal to 1."),
        ("page=99999999999999999999", 400, "“page” in the address"),
        ("page=2", 404, "There is no page 2 This list has 1 page."),
        ("page=1000000&limit=100", 404, "There is no page 1,000,000"),
        ("limit=9999", 400, "“limit” in the address: Ensure this value is less than or equal to 100."),
        ("limit=0", 400, "“limit” in the address"),
        ("sort=nonsense", 400, "“sort” in the address: Select a valid choice."),
        ("order=up", 400, "“order” in the address"),
        ("key=not-a-uuid", 400, "“key” in the address: Enter a valid UUID."),
        (f"q={'x' * 201}", 400, "“q” in the address"),
        ("q=%00", 400, "“q” in the address: Null characters are not allowed."),
        (f"status={'x' * 51}&page=-1&limit=x", 400, "“status” in the address"),
    ],
)
@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_what_cannot_be_meant_gets_a_sentence(web, shelf, query, status, sentence, headers):
    page = web.get(f"/sources/?{query}", headers=headers)
    assert page.status_code == status
    assert sentence in words(page)
    if status == 400:
        assert len(names(page)) == 4


def test_several_keys_have_a_column_and_a_filter(web, second):
    page = web.get("/sources/")
    assert "Key" in all_words(page, ".//thead//th")
    assert len(names(page)) == 5
    assert names(web.get(f"/sources/?key={second.pk}")) == ["second.csv"]
    assert names(web.get("/sources/?sort=key&order=desc"))[0] == "second.csv"
    source = second.sources.get()
    assert link(page, "second.csv") == f"/sources/{source.datasource_id}/?key={second.pk}"
    nothing = web.get(f"/sources/?key={uuid4()}")
    assert (nothing.status_code, names(nothing)) == (200, [])


def test_without_a_key_one_is_asked_for(web):
    page = web.get("/sources/")
    assert "Add your Claro API key to begin" in words(page)
    assert dom(page).find(".//main//input[@name='q']") is None


def test_the_first_reading_shows_how_far_it_is(web, key):
    page = web.get("/sources/")
    assert "Reading your data sources for the first time" in words(page)
    Sync.objects.update(started_at=timezone.now(), seen=200, total=250)
    page = web.get("/sources/")
    progress = dom(page).find(".//progress")
    assert (progress.get("value"), progress.get("max")) == ("200", "250")
    assert "Main: 200 of 250 so far." in words(page)
    assert "glance" in dom(page).find(".//section").get("hx-trigger")


def test_an_account_without_sources_says_so(web, key):
    synced(key)
    page = web.get("/sources/")
    assert "No data sources yet" in words(page)
    assert "Check again" in words(page)


def test_nothing_that_matches_says_what_was_asked_for_and_leads_back(web, shelf):
    page = web.get("/sources/?q=<b>nix</b>&status=failed")
    assert "Nothing matches No file matches “<b>nix</b>” with these filters." in words(page)
    assert link(page, "Show all 4") == "/sources/"


def test_while_claro_is_down_the_copy_is_shown_with_its_age(web, shelf, key, account):
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=False):
        account.fault("answer", status=502, body=HTML_502, times=3)
        synced(key)
        page = web.get("/sources/")
    assert page.status_code == 200
    assert len(names(page)) == 4
    assert "Claro can't be reached right now." in told(page)
    assert "You see the copy from 3 h ago. The dashboard retries automatically." in told(page)


def test_a_refused_key_shows_its_copy_and_leads_to_a_new_key(web, shelf, key, account):
    account.revoke()
    synced(key)
    assert "refuse" not in told(web.get("/sources/"))
    asked_again(key)
    synced(key)
    page = web.get("/sources/")
    assert len(names(page)) == 4
    assert "Claro refuses the key Main" in told(page)
    assert link(page, "Replace the key") == f"/keys/{key.pk}/edit/"
    assert "Reading from Claro" not in words(page)
    assert "glance" not in dom(page).find(".//section").get("hx-trigger")


def test_a_key_that_is_refused_from_the_start_reads_nothing(web, key, account):
    account.revoke()
    synced(key)
    asked_again(key)
    synced(key)
    page = web.get("/sources/")
    assert "Claro refuses the key Main" in told(page)
    assert "Files appear as they are read" not in words(page)
    assert "No data sources yet" not in words(page)


def test_a_reading_that_the_limit_stopped_says_when_it_goes_on(web, shelf, key, account):
    all_alive()
    account.fault("answer", status=429, headers={"Retry-After": "30"}, body="slow down")
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        synced(key)
        page = web.get("/sources/")
        goes_on_at = f"{timezone.now() + timedelta(seconds=30):%H:%M:%S}"
    assert len(names(page)) == 4
    assert f"Reading from Claro · continues at {goes_on_at}" in told(page)


def test_looking_while_claro_does_not_answer_starts_nothing_again_and_tells_how_old_the_copy_is(web, shelf, key):
    all_alive()
    the_breaker_opens(key)
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        synced(key)
        for _ in range(3):
            page = web.get("/sources/")
    assert len(names(page)) == 4
    assert "Claro can't be reached right now. Main, first failed" in told(page)
    assert "You see the copy from 1 h ago. The dashboard retries automatically." in told(page)
    assert "Reading from Claro · continues at" in told(page)
    assert redis.connection().llen("background") == 0


def test_a_copy_tells_its_age(web, shelf):
    assert "Updated just now" in words(web.get("/sources/"))


def test_looking_makes_no_call_and_starts_no_second_reading(web, shelf, account):
    all_alive()
    calls = len(account.calls())
    with time_machine.travel(timezone.now() + timedelta(minutes=30), tick=False):
        for _ in range(3):
            page = web.get("/sources/")
    assert "Reading from Claro" in told(page)
    assert len(account.calls()) == calls
    assert redis.connection().llen("background") == 1


def test_a_fresh_copy_is_not_read_again_by_looking(web, shelf):
    web.get("/sources/")
    assert redis.connection().llen("background") == 0


def test_refreshing_starts_one_reading_and_leads_back_to_the_same_address(web, shelf, account):
    calls = len(account.calls())
    page = web.get("/sources/?q=s&sort=name&order=asc")
    [form] = [form for form in dom(page).iter("form") if form.find(".//button[@id='refresh']") is not None]
    assert form.get("action") == form.get("hx-post")
    for _ in range(2):
        response = web.post(form.get("action"))
        assert response.headers["Location"] == "/sources/?q=s&sort=name&order=asc"
    assert redis.connection().llen("background") == 1
    assert len(account.calls()) == calls


def test_refreshing_by_htmx_answers_the_list_as_it_was_asked_for(web, shelf):
    page = web.post("/sources/refresh/?q=bean", headers=htmx())
    assert page.status_code == 200
    assert dom(page).find("./section").get("id") == "source-list"
    assert names(page) == ["Beans.csv"]
    assert "Reading from Claro" in told(page)
    assert redis.connection().llen("background") == 1


def test_refreshing_from_the_last_page_stays_there(web, shelf):
    page = web.get("/sources/?limit=2&page=2")
    [form] = [form for form in dom(page).iter("form") if form.find(".//button[@id='refresh']") is not None]
    assert form.get("action") == "/sources/refresh/?limit=2&page=2"


def test_the_list_takes_as_many_queries_for_100_sources_as_for_5(
    web, alice, account, sandbox, django_assert_max_num_queries
):
    small = keys.add(alice, "Small", account.key, ApiKey.State.VALID)
    account.add_many([{"fileName": f"{number}.csv"} for number in range(5)])
    synced(small)
    with django_assert_max_num_queries(50) as few:
        assert len(names(web.get("/sources/?limit=100"))) == 5
    for number in range(3):
        more = sandbox.account()
        key = keys.add(alice, f"Key {number}", more.key, ApiKey.State.VALID)
        more.add_many([{"fileName": f"{number}-{place}.csv"} for place in range(40)])
        synced(key)
    with django_assert_max_num_queries(len(few)):
        assert len(names(web.get("/sources/?limit=100"))) == 100


def test_hostile_names_are_text(web, account, key):
    account.add(fileName="<script>alert(1)</script>\u202egpj.csv", contentType='"><img src=x>')
    synced(key)
    page = web.get("/sources/?q=<script>&type=%22><img src=x>")
    assert names(page) == ["<script>alert(1)</script>�gpj.csv"]
    assert "alert(1)" not in "".join(one.text or "" for one in dom(page).iter("script"))
    assert [image.get("src") for image in dom(page).iter("img") if image.get("src") == "x"] == []
    assert field(page, "q").get("value") == "<script>"


def test_reloading_the_list_without_javascript_counts_as_viewing_it(web, key, account, alice):
    account.add(fileName="a.csv", status="processing", age=1)
    synced(key)
    key.watch.refresh_from_db()
    Watch.objects.update(due_at=timezone.now() + timedelta(minutes=1))
    web.get("/sources/")
    key.watch.refresh_from_db()
    assert key.watch.due_at < timezone.now() + timedelta(seconds=5)
    assert live.is_present([alice.pk])
    soon = watch.next_poll(key, timezone.now())
    assert soon < timezone.now() + timedelta(seconds=5)


def test_a_row_takes_1_2_kb_at_most(web, account, key):
    for n, status in enumerate(("completed", "failed", "processing", "paused") * 12):
        name = f"quarterly-report-{n:03}.{('csv', 'jsonl')[n // 4 % 2]}"
        account.add(fileName=name, status=status, age=400 + n)
    synced(key)
    Source.objects.filter(status="processing").update(restarted_at=timezone.now() - timedelta(minutes=10))
    rows = re.findall("<tr id=.*?</tr>", web.get("/sources/").content.decode())
    assert len(rows) == 48
    assert len([row for row in rows if "again\xa0for\xa0at\xa0least" in row and "slower" in row]) == 12
    assert max(len(row.encode()) for row in rows) <= 1200


def test_a_long_name_stands_in_a_row_twice(web, account, key):
    account.add(fileName=f"{'long-' * 40}.csv")
    synced(key)
    [row] = re.findall("<tr id=.*?</tr>", web.get("/sources/").content.decode())
    assert row.count("long-" * 40) == 2


def test_a_failed_file_shows_its_reason_below_its_name(web, key, account):
    reason = "The first line holds <numbers> only. " * 9
    account.add_many([{"fileName": "bad.csv", "status": "failed", "error": reason}, {"fileName": "good.csv"}])
    synced(key)
    page = words(web.get("/sources/"))
    assert f"bad.csv {reason[:120]}…" in page
    assert page.count("The first line holds") == 3  # the rest is cut
