"""A whole row beside the table, by keyboard and mouse, and as a page without scripts and on phones."""

import json
import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.conftest import synced
from tests.support.browser import PHONE, intercept, violations
from tests.support.copies import copied
from tests.support.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.any_window]
# On phones the row is a page.
beside = pytest.mark.any_window(least=768)

WRITTEN = """() => new Promise((done) => {
  const look = () => window.written === undefined ? setTimeout(look, 20) : done(window.written);
  look();
}).then((text) => { window.written = undefined; return text; })"""
STORY = "a long story\n" * 300
NAMES = ["id", "name", "story", "nested", "link", "none"]
VALUES = [[n, f"thing {n}", STORY, {"a": [1.50, "x|y"]}, "https://a.test/?x=1", None] for n in range(1, 121)]


@pytest.fixture
def path(account, key, kind) -> str:
    there = VALUES if kind == "live" else VALUES[:1]  # a copy has its own rows
    account.upload("things.json", json.dumps([dict(zip(NAMES, row, strict=True)) for row in there]))
    source = synced(key)[0]
    if kind == "copy":
        copied(source, NAMES, VALUES)
    return f"/sources/{source.datasource_id}/rows/"


@pytest.fixture
def rows(page, path) -> Page:
    page.goto(f"{path}?limit=25")
    expect(page.locator(".rows tbody tr")).to_have_count(25)
    return page


def shows(page: Page, number: int, name: str = "") -> None:
    expect(page.locator("#row-drawer-title")).to_have_text(f"Row {number}")
    expect(page.locator("#row-drawer .field[data-name='name'] pre")).to_have_text(name or f"thing {number}")
    expect(page).to_have_url(re.compile(rf"[?&]row={number}$"))


def written(page: Page) -> str:
    """What was copied last; a test has no clipboard to ask."""
    return page.evaluate(WRITTEN)


@pytest.mark.slow
@beside
def test_steps_while_the_next_page_is_on_its_way_lead_on(rows):
    rows.locator("#row-25 button[form='record']").click()
    shows(rows, 25)
    held = []
    intercept(rows, re.compile(r"rows/\?.*row="), lambda route: held.append(route))
    rows.keyboard.press("ArrowDown")
    rows.keyboard.press("ArrowDown")
    expect(rows.locator("#row-drawer-title")).to_have_text("Row 27")
    wait_for(lambda: rows.evaluate("true") and held)
    for route in held:
        route.continue_()
    rows.unroute_all()
    shows(rows, 27)
    expect(rows.locator("tr.is-open")).to_have_id("row-27")


@pytest.mark.slow
@beside
@pytest.mark.parametrize("row", [3, 25])
def test_a_row_that_got_no_answer_is_loaded_when_there_is_a_connection(rows, witness, row):
    witness.expects("ERR_INTERNET_DISCONNECTED", "Failed to fetch", "network error")
    rows.locator(f"#row-{row} button[form='record']").click()
    shows(rows, row)
    rows.context.set_offline(True)
    rows.get_by_role("button", name="Next", exact=True).click()
    alert = rows.locator("#row-drawer .alert")
    expect(alert).to_have_text("Loading failed.Retry")
    expect(rows.locator("#announcer")).to_have_text(f"Loading row {row + 1} failed.")
    alert.get_by_role("button", name="Retry").click()
    expect(rows.locator("#row-drawer-title")).to_be_focused()
    expect(alert).to_be_visible()
    expect(rows).to_have_url(re.compile(rf"row={row + (row < 25)}$"))  # that of the table that is there
    rows.context.set_offline(False)
    shows(rows, row + 1)
    expect(rows.locator("tr.is-open")).to_have_id(f"row-{row + 1}")


@pytest.mark.slow
@beside
def test_a_filter_from_the_drawer_leads_into_the_table(rows):
    rows.locator("#row-7 button[form='record']").click()
    shows(rows, 7)
    rows.locator("#row-drawer .field[data-name='name']").get_by_role("link", name=re.compile("^Only these")).click()
    expect(rows.locator(".rows tbody tr")).to_have_count(1)
    expect(rows.locator("#row-drawer")).to_be_hidden()
    expect(rows.locator(".rows tbody :focus")).to_have_count(1)


@pytest.mark.slow
@beside
def test_a_row_opens_beside_the_table_and_keys_lead_to_its_neighbours(rows):
    rows.locator("#row-24 > td:nth-child(3)").click()
    rows.keyboard.press("Escape")
    rows.keyboard.press("Space")
    shows(rows, 24)
    expect(rows.locator("#row-drawer-title")).to_be_focused()
    rows.keyboard.press("ArrowDown")
    shows(rows, 25)
    rows.keyboard.press("ArrowDown")  # on another page
    shows(rows, 26)
    expect(rows.locator("tr.is-open")).to_have_id("row-26")
    rows.get_by_role("button", name="Previous").click()
    shows(rows, 25)
    expect(rows.locator("tr.is-open")).to_have_id("row-25")
    rows.locator("#row-drawer pre[tabindex='0']").first.focus()
    rows.keyboard.press("ArrowDown")  # scrolls
    shows(rows, 25)
    rows.keyboard.press("Escape")
    expect(rows.locator("#row-drawer")).to_be_hidden()
    expect(rows.locator("#row-25 > td:nth-child(3)")).to_be_focused()
    expect(rows).not_to_have_url(re.compile("row="))
    rows.go_back()  # steps in the drawer are none of the browser's
    expect(rows).to_have_url("about:blank")


@pytest.mark.slow
@beside
def test_a_row_opens_by_its_number_and_by_the_address(rows, path):
    rows.locator("#row-2").get_by_role("button", name="2", exact=True).click()
    shows(rows, 2)
    rows.locator("#row-drawer").get_by_role("button", name="Close").click()
    expect(rows.locator("#row-2 > th")).to_be_focused()
    rows.keyboard.press("Enter")
    shows(rows, 2)
    rows.goto(f"{path}?limit=25&sort=id&order=desc&row=75")
    expect(rows.locator("#row-drawer .field[data-name='name'] pre")).to_have_text("thing 46")
    rows.emulate_media(color_scheme="dark")
    assert not violations(rows)
    rows.get_by_role("columnheader", name="id", exact=True).get_by_role("link").click()
    expect(rows.locator("#row-drawer")).to_be_hidden()  # row 75 is another one now
    rows.go_back()
    shows(rows, 75, "thing 46")
    rows.set_viewport_size(PHONE)
    # It leads elsewhere before it is loaded, which may cut the transition between the pages short.
    rows.context.witness.expects("Transition was aborted")
    with suppress(PlaywrightError):  # nor is there an answer if the page is gone by then
        rows.evaluate("location.reload()")
    expect(rows.locator("h1")).to_have_text("Row 75 of 120")


@beside
def test_a_row_and_a_cell_are_copied_in_three_formats(rows):
    rows.evaluate(
        """() => Object.defineProperty(navigator, "clipboard", { value: {
          writeText: async (text) => { window.written = text; },
          write: async ([item]) => { window.written = await (await item.getType("text/plain")).text(); },
        } })"""
    )
    rows.locator("#row-1 > th button").click()
    shows(rows, 1)
    copy = rows.get_by_role("button", name="Copy row")
    copy.click()
    names, _, values = written(rows).partition("\n")
    assert names == "\t".join(NAMES)
    assert values.startswith(f'1\tthing 1\t"{STORY}"\t"{{""a"": [1.5, ""x|y""]}}"\t')
    rows.get_by_label("Copy as").select_option("JSON")
    copy.click()
    assert json.loads(written(rows)) == dict(zip(NAMES, VALUES[0], strict=True))
    rows.get_by_label("Copy as").select_option("Markdown")
    copy.click()
    lines = written(rows).splitlines()
    assert lines[:3] == ["| Field | Value |", "| --- | --- |", "| id | 1 |"]
    assert "x\\|y" in lines[5]
    rows.get_by_role("button", name="Copy: name").click()
    assert written(rows) == "thing 1"


@pytest.mark.slow
def test_on_a_phone_the_row_is_a_page(page, path):
    page.set_viewport_size(PHONE)
    page.goto(f"{path}?sort=id&order=desc&filter=id+%3C+100")
    page.locator("#row-3 > th button").click()
    expect(page.locator("h1")).to_have_text(re.compile("Row 3"))
    expect(page.locator(".field[data-name='name'] pre")).to_have_text("thing 97")
    expect(page.locator(".field[data-name='story'] pre")).to_have_attribute("tabindex", "0")  # it scrolls
    assert not violations(page)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".field[data-name='name'] pre")).to_have_text("thing 96")
    page.get_by_role("link", name="Rows of").click()
    expect(page.locator("#row-4 td").first).to_have_text("96")


def test_without_scripts_the_row_is_a_page(people, alice, path):
    page = people(alice, java_script_enabled=False).new_page()
    page.goto(f"{path}?filter=id+%3E+100&limit=25")
    page.locator("#row-3 > th").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"/rows/3/\?filter=id\+%3E\+100&limit=25$"))
    expect(page.locator(".field[data-name='name'] pre")).to_have_text("thing 103")
    expect(page.locator(".tree")).to_contain_text('1: "x|y"')
    expect(page.locator(".field[data-name='link'] pre a")).to_have_attribute("href", "https://a.test/?x=1")
