"""The rows page with each of its panels, menus and dialogs open can be used by everybody, in both themes."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import COLOUR_RULES, DESKTOP, PHONE, violations
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.rows_page import open_panel

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def states(page: Page, path: str, kind: str) -> Iterator[Locator]:
    """What is open, in one state of the page after the other."""
    page.goto(f"{path}?filter=price+>+20&sort=price&column=id&column=name&column=price")
    expect(page.locator("#chip-filter")).to_be_visible()
    for name in ("filter", "columns", "sort", "more"):
        yield open_panel(page, name)
        page.keyboard.press("Escape")
    for column in ("name", "price"):
        open_panel(page, "filter").get_by_role("button", name=column, exact=True).click()
        expect(page.locator("#filter-panel form").get_by_label(re.compile("Value|From")).first).to_be_focused()
        yield page.locator("#filter-panel")
        page.keyboard.press("Escape")
        page.get_by_role("button", name=f"Menu of {column}").click()
        expect(page.locator("#column-menu").get_by_label(re.compile("Value|From")).first).to_be_focused()
        yield page.locator("#column-menu")
        page.keyboard.press("Escape")
    page.locator("[data-chip]").first.click()
    expect(page.locator("#column-menu").get_by_label(re.compile("Value|From")).first).to_be_focused()
    yield page.locator("#column-menu")
    page.keyboard.press("Escape")
    page.locator("#row-1 > td").first.click()
    yield page.get_by_role("menu")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    yield page.get_by_role("dialog", name="Keyboard shortcuts")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Go to")
    expect(palette.get_by_role("option").first).to_be_visible()
    yield palette
    page.keyboard.press("Escape")
    if kind == "copy":
        page.get_by_role("link", name=re.compile("profile of price$")).first.press("Enter")
        expect(page.get_by_text("Different values")).to_be_visible()
        yield page.get_by_role("dialog", name="price")
        page.keyboard.press("Escape")
    page.locator("#row-1 > th button").click()
    yield page.get_by_role("heading", name="Row 1")  # in the drawer, or on its page
    page.goto(f"{path}?filter=name+=+'thng'")
    yield page.get_by_role("heading", name="No matching rows")
    page.context.witness.expects(422)
    page.goto(f"{path}?filter=pirce+>+3")
    yield page.get_by_text("This filter doesn't work")


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({"viewport": DESKTOP}, ()),
        ({"viewport": PHONE, "color_scheme": "dark"}, [*COLOUR_RULES, "target-size"]),
    ],
    ids=["light", "dark"],
)
def test_every_state_is_for_everybody(people, alice, table, kind, options, rules):
    if kind == "copy":
        copied(table, COLUMNS, ROWS)
    page = people(alice, **options).new_page()
    for number, state in enumerate(states(page, f"/sources/{table.datasource_id}/rows/", kind)):
        expect(state.first, f"state {number}").to_be_visible()
        assert not violations(page, rules), f"state {number}"
