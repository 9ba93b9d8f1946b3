"""The navigation. On a phone, and at 200 % zoom, it is one bar with a menu."""

import pytest
from playwright.sync_api import expect

from accounts.models import User
from tests.support.browser import PHONE, violations

pytestmark = pytest.mark.browser

# A window of 1440 × 900 at 200 % zoom.
ZOOMED = {"width": 720, "height": 450}
NARROW = {"width": 320, "height": 568}


@pytest.mark.parametrize("size", [PHONE, ZOOMED, NARROW])
@pytest.mark.parametrize("scripts", [True, False])
def test_a_small_screen_has_one_bar_with_a_menu(people, alice, size, scripts):
    User.objects.filter(pk=alice.pk).update(name="Alice Archer")
    page = people(alice, viewport=size, java_script_enabled=scripts).new_page()
    page.goto("/activity/")
    assert page.locator(".sidebar").bounding_box()["height"] == 48
    expect(page.locator(".bar-place")).to_have_text("Activity")
    for shown in (page.locator("#bell"), page.locator(".palette-open"), page.get_by_role("link", name="Bin")):
        expect(shown).to_be_in_viewport(ratio=1)
    menu = page.get_by_role("button", name="Menu")
    for name in ("Uploads", "Alice Archer (account)"):
        expect(page.get_by_role("link", name=name)).to_be_hidden()
    menu.press("Enter")
    expect(page.locator("#main-menu [aria-current]")).to_be_in_viewport(ratio=1)
    if scripts:
        page.keyboard.press("Escape")
        expect(page.locator("#main-menu")).to_be_hidden()
        expect(menu).to_be_focused()
        menu.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#main-menu :focus")).to_have_text("Sources")
    page.get_by_role("link", name="Shared", exact=True).click()
    expect(page.get_by_role("heading", name="Shared")).to_be_visible()
    page.get_by_role("link", name="Downloads").click()
    expect(page.get_by_role("heading", name="Downloads")).to_be_visible()


def test_an_open_menu_becomes_the_bar_of_a_wide_screen(people, alice):
    page = people(alice, viewport=ZOOMED).new_page()
    page.goto("/sources/")
    menu = page.get_by_role("button", name="Menu")
    menu.click()
    assert not violations(page)
    page.get_by_role("link", name="Keyboard shortcuts").press("Enter")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    menu.click()
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(menu).to_be_hidden()
    order = page.locator(".sidebar nav a").all_inner_texts()
    places = ["Sources", "Shared", "Uploads", "Teams", "Keys", "Activity", "Notices", "Bin"]
    assert [text.strip() for text in order] == places
    page.set_viewport_size(ZOOMED)
    expect(page.locator("#main-menu")).to_be_hidden()
