"""An open view is updated, ordered and used for another file by mouse and keys, with scripts and without."""

import re

import pytest
from playwright.sync_api import expect

from datasources.models import SavedView
from tests.support.browser import PHONE, violations

pytestmark = pytest.mark.browser


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}, {"viewport": PHONE}], ids=str)
def test_an_open_view_is_changed_and_updated(people, alice, table, options):
    rows = {"page": "sources:rows", "datasource_id": table.datasource_id}
    view = SavedView.objects.create(name="Dear ones", owner=alice, query="limit=25&column=name&column=gone", **rows)
    page = people(alice, **options).new_page()
    page.goto(view.href)
    opens = page.locator("#save-view")
    expect(opens).to_contain_text("1 column is missing")
    page.goto(f"{view.href}&sort=name")
    expect(opens).to_contain_text("changed")
    panel = page.locator("#view-panel")
    expect(panel).to_be_hidden()
    if "viewport" in options:  # there is no room beside the table
        page.locator("#open-more").click()
        page.locator("#more-panel [popovertarget='view-panel']").click()
    else:
        opens.focus()
        page.keyboard.press("Enter")
    expect(panel).to_contain_text("No longer in this table: gone")
    if "viewport" in options:
        assert not violations(page)
    elif not options:
        page.keyboard.press("Escape")
        expect(opens).to_be_focused()
        page.keyboard.press("Enter")
    panel.get_by_role("button", name="Update").click()
    expect(page.get_by_text("View updated: Dear ones.")).to_be_visible()
    expect(opens).not_to_contain_text("changed")
    view.refresh_from_db()
    assert "sort=name" in view.query


@pytest.mark.slow
def test_views_are_ordered_by_keys_copied_and_used_for_another_file(people, alice, table):
    for name in "ABC":
        SavedView.objects.create(name=name, owner=alice, page="sources:list", query=f"q={name}")
    rows = {"page": "sources:rows", "datasource_id": table.datasource_id}
    SavedView.objects.create(name="D", owner=alice, query="sort=name", **rows)
    browser = people(alice)
    browser.grant_permissions(["clipboard-read", "clipboard-write"])
    page = browser.new_page()
    page.goto("/views/")
    names, down = page.locator("#saved-views li bdi"), page.get_by_role("button", name="Move A down")
    down.focus()
    for order in ("BACD", "BCAD"):
        page.keyboard.press("Enter")
        expect(names).to_have_text([*order])
        expect(down).to_be_focused()
    assert not violations(page)
    page.get_by_role("button", name="Copy link B").click()
    expect(page.get_by_role("button", name="Copied B")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").endswith(SavedView.objects.get(name="B").href)
    page.get_by_role("link", name=re.compile("Use for another file")).click()
    expect(page.get_by_role("heading", name="No other files")).to_be_visible()
    assert not violations(page)
