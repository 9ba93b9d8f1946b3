"""Rows of a whole-table copy in a browser: search, several sort columns, a row by its number."""

import re

import pytest
from playwright.sync_api import Page, expect

from datasources.models import TableCopy
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.rows_page import filter_box, open_panel

pytestmark = [pytest.mark.browser, pytest.mark.any_window]


@pytest.fixture
def path(table) -> str:
    copied(table, COLUMNS, ROWS)
    return f"/sources/{table.datasource_id}/rows/"


@pytest.fixture
def rows(page, path) -> Page:
    page.goto(path)
    shows(page, "1", "Rows 1 to 50 of 120")
    return page


def shows(page: Page, first: str, where: str) -> None:
    expect(page.locator("#rows [data-announce]")).to_have_text(where)
    expect(page.locator(".rows tbody tr td:nth-child(2)").first).to_have_text(first)


def data(page: Page) -> str:
    """The path of the API that live rows come from."""
    return f"{page.url.split('/')[4]}/data"


def header(page: Page, name: str):
    return page.get_by_role("columnheader", name=name, exact=True)


def test_a_search_marks_what_it_found(rows, account):
    rows.get_by_label("Search all columns").fill("thing 12")
    rows.keyboard.press("Enter")
    expect(rows.locator("#chip-search")).to_contain_text("Contains thing 12")
    expect(rows.locator(".rows tbody tr").first.locator("mark").first).to_have_text(re.compile("thing|12"))
    expect(rows).to_have_url(re.compile(r"\?q=thing\+12$"))
    rows.reload()
    expect(rows.get_by_label("Search all columns")).to_have_value("thing 12")
    rows.locator("#chip-search").click()
    shows(rows, "1", "Rows 1 to 50 of 120")
    assert account.calls(data(rows)) == []


def test_a_header_sorts_and_keeps_focus_and_the_place_across(rows):
    rows.set_viewport_size({"width": 420, "height": 800})
    header(rows, "note").get_by_role("link").scroll_into_view_if_needed()
    header(rows, "note").get_by_role("link").press("Enter")
    shows(rows, "4", "Rows 1 to 50 of 120")
    expect(header(rows, "note").get_by_role("link")).to_be_focused()
    expect(header(rows, "note")).to_be_in_viewport()


def test_shift_adds_a_column_and_turns_its_order_round(rows):
    header(rows, "note").get_by_role("link").click()
    shows(rows, "4", "Rows 1 to 50 of 120")
    header(rows, "price").get_by_role("link").click(modifiers=["Shift"])
    expect(rows.locator("#chip-sort-2")).to_contain_text("then by price ↑")
    header(rows, "price").get_by_role("link").click(modifiers=["Shift"])
    shows(rows, "120", "Rows 1 to 50 of 120")
    expect(rows).to_have_url(re.compile(r"\?sort=note&order=asc&sort=price&order=desc$"))
    expect(rows.locator("[aria-sort]")).to_have_count(1)
    assert len(rows.context.pages) == 1
    rows.locator("#chip-sort").click()
    expect(rows.locator("#chip-sort")).to_contain_text("Sorted by price ↓")


@pytest.mark.slow
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_forms_search_add_a_sort_column_and_go_to_a_row(people, alice, path, scripts):
    page = people(alice, java_script_enabled=scripts).new_page()
    page.goto(f"{path}?sort=note&order=desc")
    panel = open_panel(page, "sort")
    panel.get_by_role("button", name="id", exact=True).click()
    shows(page, "3", "Rows 1 to 50 of 120")
    expect(panel).to_be_hidden()  # after a choice
    panel = open_panel(page, "sort")
    panel.get_by_role("link", name="sort id descending").click()
    shows(page, "119", "Rows 1 to 50 of 120")
    expect(panel).to_be_visible(visible=scripts)
    page.keyboard.press("Escape")
    page.get_by_label("Search all columns").fill("thing")
    page.keyboard.press("Enter")
    shows(page, "119", "Rows 1 to 50 of 120 that match")
    page.get_by_label("Go to row").fill("75")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page).to_have_url(re.compile(r"page=2#row-75$"))
    expect(page.locator("#row-75")).to_be_in_viewport()


def test_a_bad_filter_stays_in_its_box_with_its_fault_marked(rows, witness):
    witness.expects(422)
    box = filter_box(rows)
    box.fill("price > 3 AND pirce < 5")
    rows.keyboard.press("Enter")
    expect(rows.locator("#filter-problem .filter-mark mark")).to_have_text("p")
    expect(box).to_have_value("price > 3 AND pirce < 5")
    shows(rows, "1", "Rows 1 to 50 of 120")


def test_rows_stay_where_they_are_when_a_copy_gets_ready(page, table, account):
    page.goto(f"/sources/{table.datasource_id}/rows/?page=2")
    shows(page, "51", "Rows 51 to 100 of 120")
    page.locator(".rows-box").evaluate("box => box.scrollTo(0, 300)")
    TableCopy.objects.all().delete()  # the one that opening the table started
    copied(table, COLUMNS, ROWS)
    page.evaluate("id => document.body.dispatchEvent(new CustomEvent(`copy-${id}`))", str(table.pk))
    expect(page.locator("#copy-state")).to_contain_text("Whole table · copied")
    assert page.locator(".rows-box").evaluate("box => box.scrollTop") == 300
    expect(page.locator(".rows thead th")).to_have_count(4)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".rows thead th")).to_have_count(5)
    assert len(account.calls(data(page))) == 1


def test_an_address_that_needs_a_copy_goes_on_when_there_is_one(page, witness, table):
    witness.expects(409)
    page.goto(f"/sources/{table.datasource_id}/rows/?q=thing")
    expect(page.locator("#rows")).to_contain_text("Search works on a whole-table copy")
    copied(table, COLUMNS, ROWS)
    page.evaluate("id => document.body.dispatchEvent(new CustomEvent(`copy-${id}`))", str(table.pk))
    shows(page, "1", "Rows 1 to 50 of 120 that match")


# --- Profiles -----------------------------------------------------------------------------------------------------
def bar(page: Page, column: int, place: int):
    return page.locator(f".heads td:nth-child({column + 1}) .head-chart a").nth(place)


def test_a_bar_filters_the_table_in_its_place(rows):
    rows.evaluate("window.stays = true")
    bar(rows, 3, 0).click()
    expect(rows.locator("#chip-filter")).to_contain_text("price from 0 to under 10")
    expect(rows.locator("#rows [data-announce]")).to_have_text("Rows 1 to 6 of 6 that match")
    expect(rows.locator(".heads .part").first).to_be_attached()
    assert rows.evaluate("window.stays")
    rows.go_back()
    shows(rows, "1", "Rows 1 to 50 of 120")


def test_the_profile_of_a_column_opens_and_filters_by_keyboard(rows):
    profile = rows.get_by_role("link", name=re.compile("^text, .*profile of note$"))
    profile.focus()
    profile.press("Enter")
    dialog = rows.get_by_role("dialog", name="note")
    expect(dialog.get_by_text("Different values")).to_be_visible()
    rows.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(profile).to_be_focused()
    profile.press("Enter")
    dialog.get_by_role("link", name="note 2").press("Enter")
    expect(dialog).to_be_hidden()
    shows(rows, "2", "Rows 1 to 30 of 30 that match")
    expect(rows).to_have_url(re.compile(r"filter=note\+%3D\+%27note\+2%27"))


def test_copied_cells_are_without_the_heads(rows):
    rows.evaluate("getSelection().selectAllChildren(document.querySelector('.rows thead'))")
    found = rows.evaluate(
        "new Promise((resolve) => { document.addEventListener('copy', (event) => resolve("
        "event.clipboardData.getData('text/plain')), { once: true }); document.execCommand('copy') })"
    )
    assert found == "id\tname\tprice\tnote"
