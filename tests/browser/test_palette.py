"""The command palette by keyboard and mouse."""

import re
import time

import pytest
from playwright.sync_api import Route, expect

from datasources.models import SavedView
from tests.conftest import synced
from tests.support.browser import COLOUR_RULES, DESKTOP, PHONE, intercept, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def files(account, key):
    account.add_many([{"fileName": f"products-{n}.csv", "age": n} for n in range(12)])
    return synced(key)


@pytest.mark.slow
def test_it_is_opened_searched_and_followed_by_keys(page, files, alice):
    SavedView.objects.create(name="Failed <b>ones</b>", owner=alice, page="sources:list", query="status=failed")
    page.goto("/activity/")
    dialog, field = page.get_by_role("dialog", name="Go to"), page.get_by_role("combobox", name=re.compile("^Go to"))
    options, selected = dialog.get_by_role("option"), dialog.get_by_role("option", selected=True)
    page.keyboard.press("/")
    page.keyboard.press("Control+k")  # also out of a field
    expect(field).to_be_focused()
    expect(options).to_have_count(20)
    assert not violations(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    assert not violations(page, COLOUR_RULES)
    assert page.evaluate("scrollTo(1000, 0), scrollX") == 0
    page.set_viewport_size(DESKTOP)
    page.keyboard.type("zzz?")
    expect(dialog.get_by_role("status")).to_have_text("No matches for “zzz?”")
    assert not violations(page)
    field.fill("FÁILED ONES")
    expect(options).to_have_count(1)
    expect(options).to_contain_text("Failed <b>ones</b>")
    expect(dialog.get_by_role("status")).to_have_text("1 match")
    field.fill("csv prod")
    expect(options).to_have_count(12)
    expect(selected).to_contain_text(files[0].name)
    page.keyboard.press("ArrowUp")
    expect(selected).to_contain_text(files[-1].name)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", selected.get_attribute("id"))
    page.keyboard.press("Control+k")
    expect(dialog).to_be_hidden()
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type("products-7")
    page.keyboard.press("Enter")  # at once: the answer to these letters counts
    expect(page).to_have_url(re.compile(f"/sources/{files[7].datasource_id}/"))


@pytest.mark.slow
def test_a_late_answer_changes_nothing_and_a_button_opens_it(page, files):
    def slow(route: Route) -> None:
        if route.request.url.endswith("q=products"):
            time.sleep(0.15)
        route.continue_()

    page.goto("/sources/")
    intercept(page, "**/palette/?*", slow)
    page.get_by_role("link", name=re.compile("^Search")).click()
    options = page.get_by_role("dialog").get_by_role("option")
    expect(options).to_have_count(20)
    field = page.locator("#palette-q")
    with page.expect_request("**/palette/?q=products"):
        field.fill("products")
    field.fill("products-11")
    expect(options).to_have_count(1)
    page.wait_for_timeout(250)
    expect(options).to_have_count(1)
    assert not violations(page, ["target-size"])
    options.click()
    expect(page).to_have_url(re.compile(f"/sources/{files[11].datasource_id}/"))
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    expect(options.first).to_contain_text("products-11.csv")  # the latest
