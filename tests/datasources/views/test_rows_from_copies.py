"""Rows of a table that has a whole-table copy: the same page and address, without a call to Claro."""

from datetime import timedelta

import pytest
from django.utils import timezone

from datasources import keys
from datasources.copies import store
from datasources.models import ApiKey, Source, TableCopy
from tests.conftest import htmx, synced
from tests.datasources.views.conftest import asked, body, ids
from tests.support.copies import COLUMNS, copied
from tests.support.html import all_words, dom, field, link, told, words


def test_the_page_is_the_same_and_makes_no_call(web, account, path, copy):
    page = web.get(path)
    assert page.status_code == 200
    assert all_words(page, ".//thead//th") == ["Row", *COLUMNS]
    assert body(page)[0] == ["1", "1", "thing 1", "1.5", "note 1"]
    assert "Rows 1 to 50 of 120" in words(page)
    assert "Whole table · copied" in words(page)
    assert asked(account) == []


def test_without_a_copy_rows_are_live(web, account, path):
    page = web.get(path)
    assert "Live from Claro, 1,000 rows at a time" in words(page)
    assert len(asked(account)) == 1


def test_a_copy_that_cannot_be_opened_now_is_no_copy_that_is_missing(web, account, path, copy, settings):
    settings.COPIES_OPEN_BYTES = 1
    page = web.get(path)
    assert page.status_code == 200
    assert "There is no room to open the copy" in words(page)
    assert "These rows are live from Claro." in words(page)
    assert len(asked(account)) == 1
    for query in ("?q=thing", "?check=spaces.1", "?sort=name&order=asc&sort=id&order=asc"):
        page = web.get(path + query)
        assert page.status_code == 503
        assert "The whole-table copy can't be opened now" in told(page)
        assert "Copy the whole table" not in words(page)
    copy.refresh_from_db()
    assert copy.is_ready
    assert len(asked(account)) == 1


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("?limit=25", 1, 25),
        ("?limit=1000", 1, 120),
        ("?limit=7&page=3", 15, 21),
        ("?page=3", 101, 120),
        ("?page=1&limit=50&sort=&filter=&order=&q=&check=", 1, 50),
        ("?sort=price&order=desc&limit=10&page=2", 110, 101),
        ("?filter=id > 100&limit=10&page=2", 111, 120),
    ],
)
def test_every_address_makes_no_call(web, account, path, copy, query, first, last):
    page = web.get(path + query)
    assert (page.status_code, ids(page)[0], ids(page)[-1]) == (200, first, last)
    assert asked(account) == []


def test_a_script_that_asks_for_the_headers_alone_gets_them(web, account, path, copy):
    page = web.head(f"{path}?q=thing&sort=note&sort=id")
    assert (page.status_code, page.content, asked(account)) == (200, b"", [])


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("sort=id&order=asc&sort=name&order=up", "“order” in the address: Select a valid choice."),
        ("&".join(f"sort=c{n}" for n in range(9)), "Rows can be sorted by at most 8 columns at once."),
        ("q=%00", "“q” in the address: Null characters are not allowed."),
        (f"q={'x' * 401}", "“q” in the address"),
        ("go=0", "“go” in the address"),
        ("go=abc", "“go” in the address: Enter a whole number."),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence_and_the_usual_rows(web, account, path, copy, query, sentence):
    page = web.get(f"{path}?{query}")
    assert (page.status_code, len(body(page)), asked(account)) == (400, 50, [])
    assert sentence in told(page)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?sort=nix&order=desc", "There is no column nix."),
        ("?sort=id&sort=nix", "There is no column nix."),
        ("?check=nonsense.1", "There is no such check"),
        ("?check=spaces.99", "There is no such check"),
        ("?check=%27;drop table", "There is no such check"),
    ],
)
def test_what_the_table_does_not_have_gets_a_sentence(web, account, path, copy, query, sentence):
    page = web.get(path + query)
    assert (page.status_code, asked(account)) == (422, [])
    assert sentence in told(page)


@pytest.mark.parametrize(
    ("query", "title", "way_out"),
    [
        ("?q=nowhere", "No matching rows No rows contain this word.", "Show all rows"),
        ("?q=no+where&filter=id > 1", "No rows contain all of these words and match this filter.", "Show all rows"),
        ("?check=spaces.2", "No rows have this finding.", "Show all rows"),
        ("?filter=id > 999", "No rows match this filter.", "Remove the filter"),
        ("?page=99", "There is no page 99 This table has 3 pages.", "Show the last page"),
        ("?page=2&q=nowhere", "There is no page 2", "Show the first page"),
    ],
)
def test_a_page_without_rows_leads_to_one_that_has_some(web, path, copy, query, title, way_out):
    page = web.get(path + query)
    assert page.status_code == 200
    assert title in told(page)
    assert link(page, way_out) is not None


def test_an_empty_table_says_how_wide_it_is(web, table, path):
    copied(table, ["a", "b"], [])
    assert "It has 2 columns and no rows." in told(web.get(path))


@pytest.mark.parametrize("reason", ["file gone", "file damaged", "key lost"])
def test_a_copy_that_is_lost_leads_to_live_rows(web, account, path, copy, reason):
    if reason == "key lost":
        TableCopy.objects.update(data_key="1.not-to-be-opened")
    else:
        with store._storage().open(copy.file_name, "rb+") as file:
            file.truncate(1000)
        if reason == "file gone":
            store._storage().delete(copy.file_name)
    page = web.get(path)
    assert (page.status_code, len(asked(account))) == (200, 1)
    assert all_words(page, ".//thead//th") == ["Row", "id", "name", "price"]
    copy.refresh_from_db()
    assert copy.state == TableCopy.State.FAILED


@pytest.mark.parametrize(
    ("query", "needs"),
    [
        ("?q=thing", "Search"),
        ("?sort=note&sort=id&order=desc", "Sorting by several columns"),
        ("?check=spaces.2&limit=25", "A check"),
    ],
)
@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_an_address_that_needs_a_copy_says_so_and_keeps_its_address(web, account, path, query, needs, headers):
    page = web.get(path + query, headers=headers)
    assert (page.status_code, asked(account)) == (409, [])
    assert f"{needs} works on a whole-table copy" in told(page)
    section = dom(page).find(".//section[@id='rows']")
    assert section.get("hx-get") == path + query
    assert f"copy-{Source.objects.get().pk} from:body" in section.get("hx-trigger")
    [form] = section.iterfind(".//section[@id='copy-state']//form")
    assert field(page, "next").get("value") == path + query
    assert "Copy the whole table" in words(form)


def test_a_key_without_copies_says_so_where_one_is_needed(web, account, path, key):
    ApiKey.objects.filter(pk=key.pk).update(keeps_copies=False)
    page = web.get(f"{path}?q=thing")
    assert page.status_code == 409
    assert "switched whole-table copies off" in told(page)


def test_opening_a_small_table_starts_its_copy(web, path):
    assert len(body(web.get(path))) == 50
    copy = TableCopy.objects.get()
    assert (copy.is_automatic, copy.is_under_way) == (True, True)


def test_a_filtered_page_says_nothing_about_the_size_of_the_table(web, path, settings):
    settings.COPY_ROWS_AUTO = 50
    web.get(path, {"filter": "id = 1"})
    web.get(path)
    assert not TableCopy.objects.filter(is_automatic=False)


def test_readers_keep_the_old_version_until_there_is_a_new_one(web, account, path, table, copy):
    Source.objects.update(processed_at=timezone.now() + timedelta(minutes=1))
    page = web.get(path)
    assert (len(body(page)), asked(account)) == (50, [])
    assert "before the file was processed again" in words(page)
    assert TableCopy.objects.under_way().count() == 1


@pytest.mark.parametrize("status", ["processing", "failed"])
def test_the_copy_also_serves_while_the_file_is_processed_again(web, account, path, copy, status):
    Source.objects.update(status=status)
    page = web.get(path)
    assert (page.status_code, len(body(page)), asked(account)) == (200, 50, [])


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("?go=75", "?page=2#row-75"),
        ("?go=50&limit=25&page=9", "?limit=25&page=2#row-50"),
        ("?filter=id+%3E+1&go=1&key=", "?filter=id+%3E+1&page=1#row-1"),
    ],
)
def test_a_row_is_gone_to_by_its_number(web, path, copy, query, target):
    answer = web.get(path + query)
    assert (answer.status_code, answer.headers["Location"]) == (302, path + target)
    if "filter" not in query:
        page = web.get(answer.headers["Location"])
        assert dom(page).find(f".//tr[@id='{target.partition('#')[2]}']") is not None


def test_a_form_asks_for_the_row_and_keeps_the_rest(web, path, copy):
    page = web.get(f"{path}?q=thing&limit=25&sort=note&sort=id")
    form = dom(page).find(".//form[@class='go-to-row']")
    kept = [(one.get("name"), one.get("value")) for one in form.iterfind("input") if one.get("type") == "hidden"]
    assert kept == [("q", "thing"), ("limit", "25"), ("sort", "note"), ("sort", "id")]
    assert form.find("input[@name='go']").get("max") == "120"


def test_a_saved_view_has_all_that_a_copy_shows(web, path, copy):
    page = web.get(f"{path}?q=thing&sort=note&order=desc&sort=id&order=asc&check=duplicates.4&page=1&go=")
    response = web.post(link(page, "Save this view"), {"name": "Mine"})
    saved = "?sort=note&sort=id&order=desc&order=asc&q=thing&check=duplicates.4"
    assert response.headers["Location"].partition("&view=")[0] == path + saved
    assert ids(web.get(response.headers["Location"])) == ids(page)


def test_a_strangers_table_is_not_there_whatever_is_asked_of_it(client_of, bob, path, copy):
    stranger = client_of(bob)
    for query in ("", "?q=thing", "?sort=id&sort=name", "?go=5", "?check=spaces.1"):
        assert stranger.get(path + query).status_code == 404
        assert stranger.get(f"{path}cell/{query}{'&' if query else '?'}at=1.1").status_code == 404


def test_the_copy_of_one_key_serves_no_other_key(web, alice, account, table, path, copy):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    synced(other)
    page = web.get(f"{path}?key={other.pk}")
    assert all_words(page, ".//thead//th") == ["Row", "id", "name", "price"]
    assert "Live from Claro" in words(page)
    assert web.get(f"{path}?key={other.pk}&q=thing").status_code == 409
    assert len(body(web.get(f"{path}?key={table.key.pk}&q=thing"))) == 50
