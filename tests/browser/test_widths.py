"""The rows page at every width, light and dark: only the table scrolls sideways, and panels stay inside the window."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import synced
from tests.support.copies import COLUMNS, ROWS, copied

pytestmark = pytest.mark.browser

ASKED = "?filter=price+>+20+AND+name+LIKE+'thing%25'&sort=price&order=desc&column=id&column=name&column=price"
# What is outside the window, or cut by the panel that is open. Parts that scroll by themselves are left out.
OUTSIDE = """(selector) => {
  const width = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > width) found.push("the page");
  const scrolls = ".rows-box, .rows-head, .rows-status, nav, svg, caption, .visually-hidden";
  for (const one of document.querySelector(selector).querySelectorAll("*")) {
    if (!one.checkVisibility() || one.parentElement.closest(scrolls)) continue;
    const { left, right, width: wide } = one.getBoundingClientRect();
    if (wide && (right > width + 1 || left < -1)) found.push(one.outerHTML.slice(0, 80));
    if (one.matches(".btn, select") && one.scrollWidth > one.clientWidth + 1) found.push(one.outerHTML.slice(0, 80));
  }
  return found;
}"""
OVERLAPPING = """() => {
  const boxes = [...document.querySelectorAll(".rows-head, .row-tools, .rows-status, .rows-box, .rows-foot")];
  const places = boxes.map((one) => one.getBoundingClientRect());
  return places.slice(1).filter((one, at) => one.top < places[at].bottom - 1).length;
}"""


def inside(page: Page, selector: str) -> None:
    expect(page.locator(selector)).to_be_visible()
    assert page.evaluate(OUTSIDE, selector) == []


@pytest.mark.parametrize("width", [1440, 390])
def test_long_words_of_claro_stay_inside_the_window(people, alice, account, key, width):
    account.add(fileName="n" * 240, status="failed", error="E" * 300)
    [source] = synced(key)
    page = people(alice, viewport={"width": width, "height": 900}).new_page()
    for path in ("/sources/", f"/sources/{source.datasource_id}/", f"/sources/{source.datasource_id}/correct/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 390])
def test_long_words_of_users_stay_inside_the_window(people, alice, account, key, width):
    account.upload(f"{'n' * 235}.csv", "id\n1\n")
    [source] = synced(key)
    copied(source, ["x" * 300, "id"], [["https://a.test/" * 20, number] for number in range(20)])
    page = people(alice, viewport={"width": width, "height": 900}).new_page()
    filtered = urlencode({"filter": f"\"{'x' * 300}\" LIKE '%{'https://a.test/' * 10}%'"})
    pages = ["", "rows/3/", "rows/column/?place=1", "rows/menu/?place=1", "rows/chooser/", "rows/export/", "copy/"]
    pages += ["compare/", "tags/", "share/", "delete/", f"plot/?kind=bar&x={'x' * 300}"]
    pages += [f"rows/?{filtered}", f"rows/filter/form/?at=0&{filtered}"]
    for path in pages:
        page.goto(f"/sources/{source.datasource_id}/{path}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto(f"/sources/{source.datasource_id}/rows/?{filtered}&sort={'x' * 300}&order=asc&q={'y' * 300}")
    for chip in page.locator(".rows-status .chip").all():
        assert chip.evaluate("chip => chip.clientWidth < innerWidth && chip.scrollWidth <= chip.clientWidth"), chip
    page.locator("[data-chip]").first.click()
    expect(page.locator("#column-menu .pop-title")).to_be_visible()
    assert page.locator("#column-menu").evaluate("menu => menu.scrollWidth <= menu.clientWidth")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (768, 1024), (390, 844), (320, 640)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_outside_the_window(people, alice, table, width, height, scheme):
    copied(table, COLUMNS, ROWS)
    page = people(alice, viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
    page.goto(f"/sources/{table.datasource_id}/rows/{ASKED}")
    inside(page, ".main")
    assert page.evaluate(OVERLAPPING) == 0
    for name in ("filter", "columns", "sort", "more"):
        page.locator(f"#open-{name}").click()
        inside(page, f"#{name}-panel")
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Menu of price").click()
    expect(page.locator("#column-menu").get_by_label("From")).to_be_focused()
    inside(page, "#column-menu")
    page.keyboard.press("Escape")
    page.locator("[data-chip]").first.click()
    expect(page.locator("#column-menu").get_by_label("From")).to_be_focused()
    inside(page, "#column-menu")
    page.keyboard.press("Escape")
    page.locator(".rows tbody td").nth(1).click()
    inside(page, "#cell-menu")
    page.keyboard.press("Escape")
    page.locator(".rows tbody th button").nth(1).click()
    expect(page.get_by_role("heading", name="Row 2")).to_be_visible()
    inside(page, "#row-drawer" if width >= 768 else ".main")
