"""The chooser of columns and the headers: changes at once, ranges, order and widths by a drag."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import synced
from tests.support.rows_page import open_panel

pytestmark = pytest.mark.browser


@pytest.fixture
def table(page, account, key) -> Page:
    """Alice's page of a table of six columns, the chooser open."""
    account.upload("things.csv", "a,b,c,d,e,f\n1234567.5,2,3,4,5,6\n12.25,2,3,4,5,6\n")
    page.goto(f"/sources/{synced(key)[0].datasource_id}/rows/")
    open_panel(page, "columns")
    return page


def box(page: Page, name: str):
    return page.get_by_role("checkbox", name=name, exact=True)


def heads(page: Page, *names: str) -> None:
    expect(page.locator(".rows thead tr:first-child th .sort-link")).to_have_text(list(names))


def test_boxes_ranges_and_the_search_apply_at_once(table):
    box(table, "b").click()
    heads(table, "a", "c", "d", "e", "f")
    expect(table).to_have_url(re.compile(r"\?hide=b$"))
    expect(box(table, "b")).to_be_focused()
    box(table, "d").click(modifiers=["Shift"])
    heads(table, "a", "e", "f")
    box(table, "d").focus()
    table.keyboard.press("Shift+ArrowDown")
    heads(table, "a", "f")
    table.locator("#find-column").fill("c")
    expect(box(table, "f")).to_be_hidden()
    table.keyboard.press("Enter")
    heads(table, "a", "c", "f")
    expect(table.locator("#find-column")).to_be_focused()
    table.get_by_role("button", name="None").click()
    heads(table)


def test_headers_are_dragged_to_another_place_and_width(table):
    table.keyboard.press("Escape")
    head = table.locator("th[data-place='1']")
    head.hover()
    table.mouse.down()
    table.locator("th[data-place='3']").hover()
    table.mouse.up()
    heads(table, "b", "c", "a", "d", "e", "f")
    at = head.bounding_box()
    table.mouse.move(at["x"] + at["width"] - 3, at["y"] + 5)
    table.mouse.down()
    table.mouse.move(at["x"] + 250, at["y"] + 5, steps=3)
    table.mouse.up()
    expect(table).to_have_url(re.compile(r"width=2[45][0-9]\.a"))
    assert abs(head.bounding_box()["width"] - 250) < 8


def test_grouped_thousands_are_shown_and_not_copied(table):
    table.get_by_role("button", name="Group thousands").click()
    expect(table).to_have_url(re.compile("thousands=1"))
    cells = table.locator("tbody td:nth-child(2)")
    expect(cells).to_have_text(["1234567.5", "12.25"])
    comma = "cell => getComputedStyle(cell.querySelector('i'), '::before').content"
    assert "," in cells.first.evaluate(comma)
