"""Saving a view by clicks, with scripts and without, and finding it again."""

import pytest
from playwright.sync_api import expect

from datasources.models import SavedView
from tests.support.browser import PHONE, open_menu

pytestmark = [pytest.mark.browser, pytest.mark.any_window]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}, {"viewport": PHONE}], ids=str)
def test_a_list_that_was_filtered_is_saved_and_found_again(people, alice, table, options):
    page = people(alice, **options).new_page()
    page.goto("/sources/")
    expect(page.get_by_role("link", name="Save this view")).to_have_count(0)
    page.get_by_label("Search by file name").fill("thing")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Save this view").click()
    expect(page.get_by_role("heading", name="Save this view")).to_be_visible()
    page.get_by_label("Name").fill("Things")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("View saved: Things.")).to_be_visible()
    assert "/sources/?q=thing&view=" in page.url
    page.goto("/keys/")
    open_menu(page)
    page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Things").click()
    expect(page.get_by_label("Search by file name")).to_have_value("thing")
    assert SavedView.objects.get().owner == alice
