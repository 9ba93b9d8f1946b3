"""The rows page by fingers, on a phone."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import PHONE
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.rows_page import open_panel

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def rows(people, alice, table) -> Page:
    copied(table, COLUMNS, ROWS)
    page = people(alice, viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    page.goto(f"/sources/{table.datasource_id}/rows/")
    expect(page.locator(".heads .head-chart").first).to_be_visible()
    return page


def drag(page: Page, start: Locator, end: Locator) -> None:
    """With one finger, from the middle of an element to that of another."""
    touch = page.context.new_cdp_session(page)
    boxes = [one.bounding_box() for one in (start, end)]
    (x, y), (to_x, to_y) = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    for kind, share in [("touchStart", 0), *(("touchMove", step / 6) for step in range(1, 7))]:
        point = {"x": x + (to_x - x) * share, "y": y + (to_y - y) * share}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_taps_open_menus_and_sort(rows):
    rows.locator("#sort-3").tap()
    expect(rows.locator("#chip-sort")).to_contain_text("Sorted by price ↑")
    rows.locator("#row-2 > td").first.tap()
    rows.get_by_role("menuitem", name="Only these").tap()
    expect(rows.locator("#chip-filter")).to_contain_text("id = 2")
    rows.locator("#chip-filter .chip-x").tap()
    expect(rows.locator("#chip-filter")).to_have_count(0)
    rows.get_by_role("button", name="Menu of name").tap()
    menu = rows.locator("#column-menu")
    menu.get_by_role("link", name="Sort descending").tap()
    expect(rows.locator("#chip-sort")).to_contain_text("Sorted by name ↓")
    rows.locator("#row-1 > th button").tap()
    expect(rows.get_by_role("heading", name="Row 1")).to_be_visible()


def test_fingers_move_columns_and_choose_a_range(rows):
    panel = open_panel(rows, "columns")
    grips = panel.locator(".grip")
    drag(rows, grips.nth(0), grips.nth(2))
    expect(rows.locator(".rows thead tr:first-child .sort-link")).to_have_text(["name", "price", "id", "note"])
    rows.keyboard.press("Escape")
    rows.get_by_role("button", name="Menu of price").tap()
    bars = rows.locator("#column-menu .head-chart > *")
    drag(rows, bars.nth(1), bars.nth(3))
    expect(rows.locator("#chip-filter")).to_contain_text("price from 10 to under 40")
    rows.locator(".rows-box").evaluate("box => box.scrollTo(0, 0)")
    drag(rows, rows.locator("#row-3 > td").nth(1), rows.locator("#row-1 > td").nth(0))
    expect(rows.get_by_role("menu")).to_be_hidden()  # it scrolled
