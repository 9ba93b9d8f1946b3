"""The table of differences is laid out at any width."""

import pytest
from playwright.sync_api import expect

from tests.browser.compare_places import compared
from tests.browser.places import World
from tests.support.browser import COLOUR_RULES, violations

pytestmark = pytest.mark.browser

NARROW = "one => one.scrollWidth > one.clientWidth"
OPAQUE = "one => !/\\/ 0|rgba/.test(getComputedStyle(one).backgroundColor)"


@pytest.mark.slow
def test_the_table_of_differences_has_its_place(page, alice, account, key):
    page.goto(compared(World(alice, account, key, page.context)))
    first, second = (page.locator(f"tbody tr.is-removed > :nth-child({at})").first for at in (1, 2))
    for width in (768, 320):
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.get_by_role("button", name="Export")).to_be_visible()
        assert not page.get_by_role("button", name="Export").evaluate(NARROW)
        head = page.locator("thead th", has_text="key")
        name, note = (head.locator(one).bounding_box()["y"] for one in ("bdi", "span"))
        assert abs(name - note) < 6
        page.locator(".rows-box").evaluate("box => box.scrollLeft = 0")
        before = [cell.bounding_box()["x"] for cell in (first, second)]
        page.locator(".rows-box").evaluate("box => box.scrollLeft = 60")
        after = [cell.bounding_box()["x"] for cell in (first, second)]
        scrolled = page.locator(".rows-box").evaluate("box => box.scrollLeft")
        assert scrolled > 0
        assert after == [before[0], before[1] - scrolled]
        assert first.evaluate(OPAQUE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not violations(page, COLOUR_RULES)
