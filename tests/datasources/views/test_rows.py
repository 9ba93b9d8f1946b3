from urllib.parse import unquote

import pytest

from datasources import keys
from datasources.models import ApiKey
from tests.conftest import htmx, synced
from tests.datasources.views.conftest import asked, body
from tests.support.html import all_words, dom, field, link, told, words


def test_a_page_of_rows_stands_in_a_table(web, account, path):
    page = web.get(path)
    assert page.status_code == 200
    assert all_words(page, ".//thead//th") == ["Row", "id", "name", "price"]
    assert body(page)[0] == ["1", "1", "thing 1", "1.5"]
    assert len(body(page)) == 50
    assert all_words(page, ".//caption") == ["Rows 1 to 50 of things.csv"]
    assert "Rows 1 to 50 of 120" in words(page)
    assert [cell.get("class") for cell in dom(page).iterfind(".//tbody/tr[1]/td")] == [
        "is-number",
        "is-text",
        "is-number",
    ]
    assert asked(account) == [{"page": "1", "limit": "1000"}]


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("", "1", "50"),
        ("?limit=25", "1", "25"),
        ("?limit=100", "1", "100"),
        ("?limit=250", "1", "120"),
        ("?limit=500", "1", "120"),
        ("?limit=1000", "1", "120"),
        ("?limit=1", "1", "1"),
        ("?limit=7&page=3", "15", "21"),
        ("?page=3", "101", "120"),
        ("?page=1&limit=50&sort=&filter=&order=", "1", "50"),
    ],
)
def test_page_and_size_choose_the_rows_and_cost_one_call(web, account, path, query, first, last):
    page = web.get(path + query)
    assert (page.status_code, body(page)[0][0], body(page)[-1][0]) == (200, first, last)
    assert len(asked(account)) == 1


def test_pages_lead_to_each_other_and_offer_every_size(web, path):
    page = web.get(f"{path}?limit=25&page=2&sort=id&order=asc&filter=id > 0")
    rest = "sort=id&order=asc&filter=id+%3E+0"
    assert link(page, "Next") == f"?limit=25&page=3&{rest}"
    assert link(page, "Previous") == f"?limit=25&page=1&{rest}"
    assert all_words(page, ".//select[@name='limit']/option") == ["25", "50", "100", "250", "500", "1,000"]
    last = web.get(f"{path}?limit=25&page=5")
    assert [one.get("rel") for one in dom(last).iter("a") if one.get("rel")] == ["prev"]


def test_a_live_row_is_gone_to_by_its_number(web, path):
    assert dom(web.get(path)).find(".//form[@class='go-to-row']/input[@name='go']") is not None
    page = web.get(f"{path}?go=75", follow=True)
    assert page.redirect_chain == [(f"{path}?page=2#row-75", 302)]
    assert dom(page).find(".//tr[@id='row-75']") is not None
    assert dom(web.get(f"{path}?limit=500")).find(".//form[@class='go-to-row']") is None  # one page holds all


def test_a_size_of_ones_own_stays_chosen(web, path):
    sizes = dom(web.get(f"{path}?limit=7")).iterfind(".//select[@name='limit']/option")
    assert [size.text for size in sizes if size.get("selected") is not None] == ["7"]


def test_a_header_sorts_up_then_down_then_not_at_all(web, account, path):
    query, steps = "", []
    for _ in range(4):
        page = web.get(path + query)
        header = dom(page).find(".//thead/tr/th[4]")
        query = header.find("a").get("href")
        steps.append((header.get("aria-sort"), body(page)[0][1], query))
    assert steps == [
        (None, "1", "?sort=price&order=asc"),
        ("ascending", "1", "?sort=price&order=desc"),
        ("descending", "120", "?"),
        (None, "1", "?sort=price&order=asc"),
    ]
    sorts = [(query.get("sort"), query.get("order")) for query in asked(account)]
    assert sorts == [(None, None), ("price", "asc"), ("price", "desc")]


def test_the_caption_and_one_header_say_the_order(web, path):
    page = web.get(f"{path}?sort=price&order=desc")
    assert all_words(page, ".//caption") == ["Rows 1 to 50 of things.csv, sorted by price"]
    assert [one.get("aria-sort") for one in dom(page).iterfind(".//thead//th")] == [None, None, None, "descending"]


@pytest.mark.parametrize(
    "expression", ["price > 100", "  name = 'thing 7'  ", "name LIKE '%7%' AND id<>17", "name = 'a&b?c#d+e;ü\u00a0'"]
)
def test_a_filter_goes_to_claro_as_it_was_typed(web, account, path, expression):
    page = web.get(path, {"filter": expression})
    assert [query["filter"] for query in asked(account)] == [expression]
    assert field(page, "filter").get("value") == expression


def test_a_filter_of_spaces_is_none(web, account, path):
    assert len(body(web.get(path, {"filter": "  "}))) == 50
    assert "filter" not in asked(account)[0]


def test_what_is_shown_stands_above_in_words_and_each_part_can_be_taken_off(web, path):
    page = web.get(f"{path}?filter=price > 100&sort=name&order=desc&limit=25&page=2&key=")
    filter_chip, sort_chip = dom(page).find(".//div[@aria-label='Active filters and sorting']")
    assert words(filter_chip) == "price > 100 Remove price > 100"
    assert filter_chip.find("a").get("href") == "?sort=name&order=desc&limit=25"
    assert words(sort_chip) == "Sorted by name ↓ Remove the sort order"
    assert sort_chip.get("href") == "?filter=price+%3E+100&limit=25"
    assert "Rows 26 to 50 of 54 that match" in words(page)
    assert len(dom(web.get(path)).find(".//div[@aria-label='Active filters and sorting']")) == 0


def test_the_columns_of_the_address_are_shown_and_listed_in_its_order(web, account, path):
    page = web.get(f"{path}?column=price&column=name&column=gone&limit=25&page=2")
    assert all_words(page, ".//thead//th") == ["Row", "price", "name"]
    assert body(page)[0] == ["26", "39.0", "thing 26"]
    chip = dom(page).find(".//button[@id='chip-columns']")
    assert words(chip) == "2 of 3 columns Show all columns"
    assert (
        web.post(f"{path}columns/?column=id&limit=25&page=2", {"do": chip.get("value")}).url
        == f"{path}?limit=25&page=2"
    )
    ticked = {box.get("value"): "checked" in box.attrib for box in dom(page).iterfind(".//input[@name='on']")}
    assert list(ticked.items()) == [("3", True), ("2", True), ("1", False)]
    assert asked(account) == [{"page": "1", "limit": "1000"}]


def test_what_else_is_asked_for_keeps_the_columns(web, path):
    page = web.get(f"{path}?column=id&column=name&sort=id&order=desc&limit=25")
    assert link(page, "Next") == "?column=id&column=name&sort=id&order=desc&limit=25&page=2"
    forms = [form for form in dom(page).iter("form") if form.get("method") == "get"]
    kept = [[one.get("name") for one in form.iterfind(".//input[@type='hidden']")] for form in forms]
    columns, rest = ["column", "column"], ["sort", "order"]
    assert kept == [
        [*columns, *rest, "limit"],  # the search
        [*columns, *rest, "limit"],  # the column to filter by
        [*columns, *rest, "limit"],  # the filter
        [*columns, *rest, "limit"],  # a column to find
        [*columns, "limit"],  # another order
        [*columns, *rest, "limit"],  # a chip
        [*columns, *rest, "limit"],  # the menu of a column
        [*columns, *rest, "limit"],  # a whole cell
        [*columns, *rest, "limit"],  # a whole row
        [*columns, *rest, "limit"],  # another page
        [*columns, *rest],  # more on a page
        [*columns, *rest, "limit"],  # a row by its number
        [],  # the palette
    ]


@pytest.mark.parametrize("query", ["", "column=", "column=gone", "column=id&column=name&column=price"])
def test_without_any_column_of_the_table_all_are_shown(web, path, query):
    page = web.get(f"{path}?{query}")
    assert all_words(page, ".//thead//th") == ["Row", "id", "name", "price"]
    assert dom(page).find(".//button[@id='chip-columns']") is None


def test_of_many_columns_some_hundreds_are_listed(rows_of):
    names = [f"c{number}" for number in range(301)]
    page = rows_of(",".join(names) + "\n" + ",".join("1" * 301) + "\n")
    assert len(all_words(page, ".//thead//th")) == 302
    assert len(dom(page).findall(".//input[@name='on']")) == 300
    assert "1 more. Search for their names." in words(page)


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_a_bad_filter_comes_back_with_the_words_of_claro(web, path, headers):
    page = web.get(path, {"filter": "nix = 1", "limit": 25}, headers=headers)
    assert page.status_code == 422
    assert "This filter doesn't work" in told(page)
    assert "nix" in told(page)
    if headers:  # beside the box; box and table stay as they are
        assert dom(page).find(".//input") is None
        assert dom(page).find(".//table") is None
    else:
        assert field(page, "filter").get("value") == "nix = 1"
        assert link(page, "Show all rows") == "?limit=25"


def test_a_column_that_is_not_there_can_be_taken_off_again(web, path):
    page = web.get(f"{path}?sort=nix&order=desc")
    assert page.status_code == 422
    assert "There is no column nix." in told(page)
    assert link(page, "Sorted by nix ↓") == "?"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=1001", "“limit” in the address: Ensure this value is less than or equal to 1000."),
        ("limit=0", "“limit” in the address"),
        ("limit=ten", "“limit” in the address: Enter a whole number."),
        ("page=abc", "“page” in the address: Enter a whole number."),
        ("page=-1", "“page” in the address"),
        ("page=1.5", "“page” in the address"),
        ("order=up&sort=id", "“order” in the address: Select a valid choice."),
        ("filter=%00", "“filter” in the address: Null characters are not allowed."),
        (f"filter={'x' * 4001}", "“filter” in the address"),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence_and_the_usual_rows(web, path, query, sentence):
    page = web.get(f"{path}?{query}")
    assert page.status_code == 400
    assert f"{sentence}" in told(page)
    assert len(body(page)) == 50


@pytest.mark.parametrize(
    ("query", "title", "words_", "way_out"),
    [
        ("?page=99", "There is no page 99", "Show the last page", "?page=3"),
        ("?page=4&limit=50", "There is no page 4", "Show the last page", "?page=3&limit=50"),
        ("?page=2&filter=id > 999", "There is no page 2", "Show the first page", "?filter=id+%3E+999"),
        ("?page=1000000000&limit=1000", "There is no page 1,000,000,000", "Show the last page", "?page=1&limit=1000"),
        ("?filter=id > 999", "No matching rows", "Remove the filter", "?"),
    ],
)
def test_a_page_without_rows_leads_to_one_that_has_some(web, path, query, title, words_, way_out):
    page = web.get(path + query)
    assert page.status_code == 200
    assert title in told(page)
    assert link(page, words_) == way_out


def test_an_empty_table_says_how_wide_it_is(rows_of):
    assert "The table is empty It has 2 columns and no rows." in told(rows_of("a,b\n"))


def test_the_key_of_the_address_stays_in_every_link(web, alice, account, table, path):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    synced(other)
    query = f"?key={table.key.pk}"
    page = web.get(f"{path}{query}&filter=id > 1&limit=25")
    section = dom(page).find(".//section[@id='rows']")
    steps = [one.get("href") for one in section.iter("a") if one.get("href")]
    assert len(steps) >= 5
    assert all(f"key={table.key.pk}" in unquote(step) for step in steps)
    forms = [form for form in section.iter("form") if form.get("method") == "get"]
    assert [form.find(".//input[@name='key']").get("value") for form in forms] == [str(table.key.pk)] * len(forms)
    assert link(page, "File details") == f"/sources/{table.datasource_id}/{query}"
    assert dom(page).find(".//form[@method='post'][@hx-post]").get("action").endswith(query)


def test_the_part_is_the_table_and_what_belongs_to_it(web, path):
    part = web.get(path, headers=htmx())
    assert [child.get("id") for child in dom(part)] == ["rows"]
    assert part.headers["Vary"].count("HX-Request-Type") == 1
