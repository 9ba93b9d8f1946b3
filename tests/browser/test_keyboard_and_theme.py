"""Without a mouse, and in the dark."""

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import synced

pytestmark = pytest.mark.browser

OUTLINE = "element => getComputedStyle(element).outlineStyle + getComputedStyle(element).boxShadow"


def focused(page: Page):
    return page.locator(":focus")


def tab_to(page: Page, name: str, most: int = 60) -> list[str]:
    """Presses Tab until the element of this name has the focus; the names on the way, each of which can be seen."""
    names: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        one = focused(page)
        names.append(one.get_attribute("aria-label") or one.inner_text() or one.get_attribute("id") or "")
        assert one.bounding_box(), names
        assert one.evaluate(OUTLINE) != "nonenone", f"the focus can't be seen: {names}"
        if names[-1] == name:
            return names
    raise AssertionError(f"no {name!r} among {names}")


def test_the_first_tab_skips_to_the_content(page, table):
    page.goto("/sources/")
    page.keyboard.press("Tab")
    expect(focused(page)).to_have_text("Skip to the content")
    expect(focused(page)).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    assert focused(page).evaluate("element => !!element.closest('#main')")


def test_a_download_is_reached_and_started_by_keyboard(page, table, workers):
    page.goto("/sources/")
    names = tab_to(page, "Download things.csv")
    expected = ["Sources", "Search by file name", "things.csv", "Rows of things.csv", "Download things.csv"]
    assert [name for name in names if name in expected] == expected
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "things.csv"


def test_rows_are_sorted_filtered_and_scrolled_by_keyboard(page, table):
    page.goto(f"/sources/{table.datasource_id}/rows/")
    tab_to(page, "Filter expression")
    page.keyboard.type("price > 100")
    page.keyboard.press("Enter")
    expect(page.locator("#chip-filter")).to_be_visible()
    expect(page.locator("#filter")).to_be_focused()
    tab_to(page, "Table of rows")
    page.keyboard.press("PageDown")
    page.locator(".rows-box").evaluate("box => new Promise(done => box.scrollTop ? done() : box.onscroll = done)")
    tab_to(page, "name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="name")).to_have_attribute("aria-sort", "ascending")


def test_it_is_as_dark_as_the_system_says(page, key):
    synced(key)
    page.goto("/sources/")
    for scheme in ("dark", "light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)


def test_a_choice_of_light_or_dark_is_remembered(page, key):
    synced(key)
    page.goto("/sources/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    light = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") != light
    page.goto("/keys/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.context.new_page().goto("/keys/")
    expect(page.context.pages[1].locator("html")).to_have_attribute("data-bs-theme", "dark")
