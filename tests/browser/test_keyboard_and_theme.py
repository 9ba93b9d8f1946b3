"""Without a mouse, and in the dark."""

import pytest
from playwright.sync_api import expect

from tests.conftest import synced
from tests.support.browser import tab_to

pytestmark = pytest.mark.browser


def test_the_first_tab_skips_to_the_content(page, table):
    page.goto("/sources/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    expect(page.locator(":focus")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.locator(":focus").evaluate("element => !!element.closest('#main')")


@pytest.mark.slow
def test_the_list_is_walked_in_the_order_in_which_it_is_read(page, table):
    page.goto("/sources/")
    names = tab_to(page, "Download things.csv")
    expected = ["Sources", "Search by file name or id", "things.csv", "Rows of things.csv", "Download things.csv"]
    assert [name for name in names if name in expected] == expected


@pytest.mark.slow
@pytest.mark.any_window
def test_rows_are_sorted_filtered_and_scrolled_by_keyboard(page, table):
    page.goto(f"/sources/{table.datasource_id}/rows/")
    tab_to(page, "Filter")
    page.keyboard.press("Enter")
    tab_to(page, "Filter expression")
    page.keyboard.type("price > 100")
    page.keyboard.press("Enter")
    expect(page.locator("#chip-filter")).to_be_visible()
    expect(page.locator("#open-filter")).to_be_focused()
    while not page.evaluate("document.activeElement.closest('table')"):
        page.keyboard.press("Tab")
    page.keyboard.press("PageDown")
    expect(page.locator("td:focus")).not_to_have_text("67")
    expect(page.locator("td:focus")).to_be_in_viewport()
    for key in ("Control+Home", "ArrowUp", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.get_by_role("link", name="Sort ascending").press("Enter")
    expect(page.locator("thead [aria-sort='ascending']")).to_have_count(1)


def test_it_is_as_dark_as_the_system_says(page, key):
    synced(key)
    page.goto("/sources/")
    for scheme in ("dark", "light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)


def test_a_choice_of_light_or_dark_is_remembered(page, key, witness):
    witness.expects(401)  # the other tab loses its stream
    synced(key)
    page.goto("/sources/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    light = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    page.get_by_role("combobox", name="Theme").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") != light
    page.goto("/keys/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.context.new_page().goto("/keys/")
    expect(page.context.pages[1].locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.context.pages[1].get_by_role("combobox", name="Theme")).to_have_value("dark")
    page.get_by_role("button", name="Sign out").click()  # which clears the browser's storage
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_the_theme_follows_the_system_again(page, key):
    page.goto("/keys/")
    theme = page.get_by_role("combobox", name="Theme")
    expect(theme).to_have_value("system")
    theme.select_option("light")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    theme.select_option("system")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(theme).to_have_value("system")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_a_theme_chosen_in_one_tab_is_that_of_all(page, key):
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto("/keys/")
    page.get_by_role("combobox", name="Theme").select_option("dark")
    expect(other.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(other.get_by_role("combobox", name="Theme")).to_have_value("dark")
