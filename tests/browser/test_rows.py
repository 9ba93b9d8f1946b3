"""The table of rows in a browser: sort, filter, page, read whole cells."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from datasources import keys
from datasources.models import ApiKey
from tests.conftest import synced
from tests.support.browser import violations
from tests.support.copies import copied
from tests.support.processes import wait_for
from tests.support.rows_page import apply_filter, filter_box, open_panel

pytestmark = [pytest.mark.browser, pytest.mark.any_window]

COLUMNS = ("id", "name", "price", "unit cost", "note", *(f"more {n}" for n in range(12)))


# Tests of what could differ where the rows come from a whole-table copy, which takes half a second to make.
both = pytest.mark.parametrize("rows", ["live", pytest.param("copy", marks=pytest.mark.slow)], indirect=True)


@pytest.fixture
def rows(page, account, key, request) -> Page:
    """Alice's page of a table of 120 rows and 17 columns: names and prices run in opposite directions."""

    def row(n: int) -> dict[str, object]:
        values = [n, f"thing {n:03}", 500 - n, n / 2, "short"]
        if n == 2:
            values[4] = "a long story, " * 30
        return dict(zip(COLUMNS, [*values, *(f"value {n} of {m}" for m in range(12))], strict=True))

    every = [row(n) for n in range(1, 121)]
    account.upload("things.json", json.dumps(every))
    source = synced(key)[0]
    if getattr(request, "param", "live") == "copy":
        copied(source, COLUMNS, [[*one.values()] for one in every])
    page.goto(f"/sources/{source.datasource_id}/rows/")
    shows(page, "thing 001", "Rows 1 to 50 of 120")
    return page


def shows(page: Page, first: str, where: str) -> None:
    expect(page.locator("#rows [data-announce]")).to_have_text(where)
    expect(page.locator(".rows tbody tr td:nth-child(3)").first).to_have_text(first)
    expect(page.locator("#rows")).to_have_count(1)
    expect(page.locator("h1")).to_have_text("things.json")


def data(page: Page) -> str:
    """The path of the API that these rows come from."""
    return f"{page.url.split('/')[4]}/data"


def header(page: Page, name: str):
    return page.get_by_role("columnheader", name=name, exact=True)


@both
def test_a_header_sorts_up_down_and_not_at_all(rows):
    header(rows, "price").get_by_role("link").click()
    shows(rows, "thing 120", "Rows 1 to 50 of 120")
    expect(header(rows, "price")).to_have_attribute("aria-sort", "ascending")
    expect(rows.locator("#chip-sort")).to_contain_text("Sorted by price ↑")
    header(rows, "price").get_by_role("link").click()
    shows(rows, "thing 001", "Rows 1 to 50 of 120")
    expect(header(rows, "price")).to_have_attribute("aria-sort", "descending")
    header(rows, "price").get_by_role("link").click()
    expect(header(rows, "price")).not_to_have_attribute("aria-sort", re.compile("."))
    expect(rows.locator("#chip-sort")).to_have_count(0)
    expect(rows).to_have_url(re.compile("/rows/[?]?$"))


@both
def test_focus_stays_on_the_header_that_sorted(rows):
    header(rows, "price").get_by_role("link").press("Enter")
    shows(rows, "thing 120", "Rows 1 to 50 of 120")
    expect(header(rows, "price").get_by_role("link")).to_be_focused()
    expect(rows.locator("#announcer")).to_have_text("Rows 1 to 50 of 120, sorted by price ascending")


@both
def test_a_typed_filter_and_its_chip(rows):
    apply_filter(rows, "price < 400 AND name LIKE '%9%'")
    shows(rows, "thing 109", "Rows 1 to 2 of 2 that match")
    expect(rows.locator("#open-filter")).to_be_focused()
    expect(rows.locator("#open-filter")).to_have_text("Filter · 2", use_inner_text=True)
    expect(rows.locator("#chip-filter")).to_contain_text("price < 400")
    expect(rows.locator("#chip-filter-2")).to_contain_text("name contains 9")
    assert "filter=price+%3C+400+AND+name+LIKE+%27%259%25%27" in rows.url
    rows.locator("#chip-filter .chip-x").click()
    shows(rows, "thing 009", "Rows 1 to 21 of 21 that match")
    rows.locator("#chip-filter .chip-x").click()
    shows(rows, "thing 001", "Rows 1 to 50 of 120")
    expect(rows.locator("#filter")).to_have_value("")


@pytest.mark.slow
def test_the_panel_writes_the_filter(rows):
    for column, operator, value in [
        ("unit cost", "is greater than", "50"),
        ("name", "contains", "1"),
        ("note", "is", "it's"),
    ]:
        panel = open_panel(rows, "filter")
        panel.get_by_role("button", name=column, exact=True).click()
        panel.get_by_label("Comparison").select_option(label=operator)
        panel.get_by_label("Value").fill(value)
        panel.get_by_label("Value").press("Enter")
        expect(rows.locator(".chips > .chip").last).to_contain_text(value)
    expect(rows.locator("#filter")).to_have_value("\"unit cost\" > 50 AND name LIKE '%1%' AND note = 'it''s'")
    expect(rows.get_by_role("heading", name="No matching rows")).to_be_visible()


@pytest.mark.slow
def test_a_bad_filter_is_told_beside_it_and_the_table_stays(rows, witness):
    witness.expects(422)
    box = filter_box(rows)
    box.fill("price > > 3")
    rows.keyboard.press("Enter")
    expect(rows.locator("#filter-problem")).to_contain_text("This filter doesn't work")
    expect(rows.locator("#filter-problem")).to_contain_text("It supports columns and values with")
    expect(box).to_have_value("price > > 3")
    expect(box).to_be_focused()
    shows(rows, "thing 001", "Rows 1 to 50 of 120")
    box.fill("price > 498")
    rows.keyboard.press("Enter")
    shows(rows, "thing 001", "Rows 1 to 1 of 1 that match")
    expect(rows.locator("#filter-problem")).to_be_empty()


@pytest.mark.slow
@both
def test_page_size_and_state_stand_in_the_address(rows):
    header(rows, "price").get_by_role("link").click()
    shows(rows, "thing 120", "Rows 1 to 50 of 120")
    rows.get_by_role("link", name="Next").click()
    shows(rows, "thing 070", "Rows 51 to 100 of 120")
    rows.get_by_label("Rows per page").select_option("25")
    shows(rows, "thing 120", "Rows 1 to 25 of 120")
    rows.get_by_label("Page", exact=True).fill("4")
    rows.keyboard.press("Enter")
    shows(rows, "thing 045", "Rows 76 to 100 of 120")
    for part in ("sort=price", "order=asc", "limit=25", "page=4"):
        assert part in rows.url
    rows.reload()
    shows(rows, "thing 045", "Rows 76 to 100 of 120")
    rows.go_back()
    shows(rows, "thing 120", "Rows 1 to 25 of 120")
    rows.go_back()
    shows(rows, "thing 070", "Rows 51 to 100 of 120")
    expect(rows.locator(".sidebar")).to_have_count(1)
    rows.go_forward()
    shows(rows, "thing 120", "Rows 1 to 25 of 120")


@both
def test_a_cut_cell_opens_whole_by_keyboard(rows):
    cell = rows.get_by_role("button", name=re.compile("^a long story"))
    cell.press("Enter")
    dialog = rows.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("note, row 2")
    expect(dialog.locator("pre")).to_have_text("a long story, " * 30)
    rows.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(cell).to_be_focused()


@both
@pytest.mark.any_window(least=768)
def test_header_and_first_columns_stay_in_view(rows):
    heads, cells = rows.locator(".rows thead th"), rows.locator(".rows tbody tr").nth(40).locator("th, td")
    parts = [heads.nth(0), heads.nth(1), heads.nth(4), cells.nth(0), cells.nth(1), cells.nth(4)]
    before = [part.bounding_box() for part in parts]
    rows.locator(".rows-box").evaluate("box => box.scrollTo(100, 200)")
    moved = []
    for was, part in zip(before, parts, strict=True):
        now = part.bounding_box()
        moved.append((was["x"] - now["x"], was["y"] - now["y"]))
    assert moved == [(0, 0), (0, 0), (100, 0), (0, 200), (0, 200), (100, 200)]


@pytest.mark.slow
def test_rows_that_take_long_are_on_their_way_and_then_there(rows, account):
    account.hold_up(path=data(rows))
    header(rows, "price").get_by_role("link").click()
    expect(rows.locator("#rows-problem")).to_contain_text("They appear automatically")
    account.let_go()
    shows(rows, "thing 001", "Rows 1 to 50 of 120")
    shows(rows, "thing 120", "Rows 1 to 50 of 120")
    expect(rows).to_have_url(re.compile("sort=price"))
    assert len(account.calls(data(rows))) == 2
    rows.go_back()
    shows(rows, "thing 001", "Rows 1 to 50 of 120")


@pytest.mark.slow
def test_of_two_answers_the_one_asked_for_last_stays(rows, account):
    given_up: list[str] = []
    rows.on("requestfailed", lambda request: given_up.append(request.url))
    account.hold_up(path=data(rows))
    header(rows, "unit cost").get_by_role("link").click()
    header(rows, "price").get_by_role("link").click()
    shows(rows, "thing 120", "Rows 1 to 50 of 120")
    assert [url for url in given_up if "sort=unit" in url]
    account.let_go()
    wait_for(lambda: len(account.calls(data(rows))) == 3)
    rows.get_by_role("link", name="Next").click()
    shows(rows, "thing 070", "Rows 51 to 100 of 120")
    expect(rows.locator("#chip-sort")).to_contain_text("Sorted by price")
    expect(rows).to_have_url(re.compile("sort=price"))


@pytest.mark.slow
def test_a_used_up_rate_limit_says_when_it_goes_on_and_does(people, alice, sandbox):
    account = sandbox.account(calls_per_minute=20)
    account.upload("things.csv", "id,name\n1,one\n2,two\n")
    source = synced(keys.add(alice, "Small", account.key, ApiKey.State.VALID))[0]
    page = people(alice).new_page()
    page.context.witness.expects(429)
    page.goto(f"/sources/{source.datasource_id}/rows/")
    sandbox.limit_calls_by(window_s=8)
    while account.list_sources().status_code == 200:
        """Somebody else uses the key up."""
    header(page, "id").get_by_role("link").click()
    expect(page.locator("#rows-problem")).to_contain_text(re.compile(r"Continues automatically in \d s"))
    expect(page.locator(".rows tbody tr")).to_have_count(2)
    expect(header(page, "id")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("#rows-problem")).to_be_empty()
    assert [call["status"] for call in account.calls(data(page))] == [200, 429, 200]


def test_a_dialog_is_for_everybody(rows):
    rows.get_by_role("button", name=re.compile("^a long story")).click()
    expect(rows.get_by_role("dialog")).to_be_visible()
    assert not violations(rows)


@pytest.mark.slow
@pytest.mark.any_window(least=1440)  # elsewhere the panel, which is open, covers the headers
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_columns_are_chosen_and_all_of_them_come_back(people, alice, rows, scripts):
    page = people(alice, java_script_enabled=scripts).new_page()
    page.goto(rows.url)
    open_panel(page, "columns")
    for name in COLUMNS[3:]:
        page.get_by_role("checkbox", name=name, exact=True).uncheck()
    if not scripts:
        page.locator("#columns-panel").get_by_role("button", name="Apply").click()
    expect(page.locator(".rows thead th")).to_have_count(4)
    expect(page).to_have_url(re.compile(r"/rows/\?column=id&column=name&column=price$"))
    header(page, "price").get_by_role("link").click()
    expect(header(page, "price")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(".rows thead th")).to_have_count(4)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="3 of 17 columns").click()
    expect(page.locator(".rows thead th")).to_have_count(18)
    expect(header(page, "price")).to_have_attribute("aria-sort", "ascending")


def test_an_address_names_no_columns_where_all_are_chosen(rows):
    rows.goto(f"{rows.url}?column=id")
    open_panel(rows, "columns")
    rows.locator("#columns-panel").get_by_role("button", name="All", exact=True).click()
    expect(rows.locator(".rows thead th")).to_have_count(18)
    assert "column" not in rows.url
