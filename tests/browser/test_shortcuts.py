"""Shortcuts of one key: what they press, where they are off, and the list of them."""

import re

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from datasources.models import SavedView
from tests.conftest import synced
from tests.support.browser import COLOUR_RULES, PHONE, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def files(account, key):
    account.add_many([{"fileName": f"{name}.csv", "age": n} for n, name in enumerate(("one", "two", "three"))])
    return synced(key)


def focused(page: Page):
    return page.locator(":focus")


@pytest.mark.slow
def test_a_list_is_walked_selected_and_opened(page, files):
    page.goto("/sources/")
    first, second = files[0], files[1]
    page.keyboard.press("j")
    expect(focused(page)).to_have_text(first.name)
    page.keyboard.press("j")
    expect(focused(page)).to_have_text(second.name)
    page.keyboard.press("x")
    expect(page.locator("[data-chosen-count]")).to_have_text("1 selected")
    expect(focused(page)).to_have_text(second.name)
    page.keyboard.press("k")
    page.keyboard.press("k")  # there is none above the first
    expect(focused(page)).to_have_text(first.name)
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("xj?/")  # typed, and no shortcuts
    expect(page.locator("#q")).to_have_value("xj?/")
    page.keyboard.press("Control+a")
    page.keyboard.type("two")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("#sources-title").click()
    page.keyboard.press("Control+j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/sources/{second.datasource_id}/"))


# How keyboards of other languages send the character /: with Shift, with AltGr, on a Mac with Option.
PRESSED = """([key, pressed]) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...pressed });
  document.body.dispatchEvent(event);
  return event.defaultPrevented;
}"""


@pytest.mark.parametrize(
    ("sign", "pressed", "is_ours"),
    [
        ("/", {"shiftKey": True}, True),
        ("/", {"ctrlKey": True, "altKey": True, "modifierAltGraph": True}, True),
        ("/", {"altKey": True, "modifierAltGraph": True}, True),
        ("J", {"modifierCapsLock": True}, True),
        ("/", {"altKey": True}, False),
        ("/", {"metaKey": True}, False),
        ("f", {"ctrlKey": True}, False),
        ("j", {"ctrlKey": True}, False),
        ("j", {"altKey": True}, False),
        ("J", {"shiftKey": True}, False),
    ],
)
def test_a_character_counts_however_it_is_typed_and_combinations_stay_the_browsers(page, files, sign, pressed, is_ours):
    page.goto("/sources/")
    assert page.evaluate(PRESSED, [sign, pressed]) is is_ours
    expect(
        page.locator("#q" if is_ours and sign == "/" else "tbody .name:focus" if is_ours else "body")
    ).to_be_focused()


def test_on_a_mac_option_types_characters_and_letters_stay_the_systems(people, alice, files):
    context = people(alice)
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'platform', { get: () => 'MacIntel' })")
    page = context.new_page()
    page.goto("/sources/")
    assert not page.evaluate(PRESSED, ["j", {"altKey": True}])
    assert page.evaluate(PRESSED, ["/", {"altKey": True}])
    expect(page.locator("#q")).to_be_focused()


@pytest.mark.slow
def test_the_list_of_shortcuts_holds_what_the_page_offers(page, files):
    page.goto("/sources/?limit=1")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    terms = dialog.locator("[data-offered] dt")
    expect(terms).to_have_text(["/", "]", "j", "k", "Enter", "x"])
    expect(dialog).to_contain_text("Search by file name")
    expect(dialog).to_contain_text("Next page")
    page.keyboard.press("j")
    assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    assert not violations(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    assert not violations(page, COLOUR_RULES)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("]")
    expect(page.locator("#page-number")).to_have_value("2")
    expect(page.locator("#page-next")).to_have_attribute("aria-keyshortcuts", "]")


def test_the_account_switches_single_keys_off(page, files, alice):
    page.goto("/accounts/")
    page.get_by_label("Name").fill("Ali")
    page.get_by_role("switch", name="Single-key shortcuts").click()
    expect(page.get_by_role("switch", name="Single-key shortcuts")).not_to_be_checked()
    expect(page.get_by_label("Name")).to_have_value("Ali")
    assert not User.objects.get(pk=alice.pk).uses_single_keys
    page.goto("/sources/")
    for key in "j/?":
        page.keyboard.press(key)
    expect(page.locator("dialog:modal")).to_have_count(0)
    expect(page.locator("body")).to_be_focused()
    expect(page.locator("[data-key][aria-keyshortcuts]")).to_have_count(0)
    page.get_by_role("link", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog")).to_contain_text("Single-key shortcuts are off")


def test_every_list_offers_its_keys(page, alice):
    SavedView.objects.create(name="Failed", owner=alice, page="sources:list", query="status=failed")
    page.goto("/views/")
    page.keyboard.press("j")
    expect(focused(page)).to_have_text("Failed")
    page.goto("/activity/")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
