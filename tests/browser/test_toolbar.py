"""The tools above the row table: one line at every width, panels that give focus back, rows high up in the window."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import violations
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.rows_page import open_panel

pytestmark = pytest.mark.browser

ASKED = "?filter=price+>+20+AND+name+LIKE+'thing%25'&sort=price&order=desc&column=id&column=name&column=price"
# Whether the line is one line, and nothing of it is outside the window.
ONE_LINE = """() => {
  const tools = document.querySelector(".row-tools"), box = tools.getBoundingClientRect();
  const shown = [...tools.children].filter((one) => one.getClientRects().length && one.offsetWidth > 1);
  return JSON.stringify({
    height: box.height,
    outside: shown.filter((one) => one.getBoundingClientRect().right > box.right + 1).map((one) => one.id),
    tops: new Set(shown.map((one) => Math.round(one.getBoundingClientRect().top + one.offsetHeight / 2))).size,
    beside: Math.max(document.documentElement.scrollWidth - innerWidth, 0),
  });
}"""

# Somebody is so quick that the chooser of columns has opened before the table has settled.
OPEN_COLUMNS = """
document.addEventListener("htmx:before:settle", () => {
  addEventListener("toggle", (event) => event.stopImmediatePropagation(), { capture: true, once: true });
  document.getElementById("columns-panel").showPopover();
  document.getElementById("find-column").focus();
}, { once: true });
"""


@pytest.fixture
def path(table) -> str:
    copied(table, COLUMNS, ROWS)
    return f"/sources/{table.datasource_id}/rows/"


def rows_of(people, alice, path, width: int, height: int, **options) -> Page:
    page = people(alice, viewport={"width": width, "height": height}, **options).new_page()
    page.goto(path + ASKED)
    expect(page.locator(".heads .head-chart").first).to_be_visible()
    return page


@pytest.mark.parametrize(
    ("width", "height", "first_row_at"), [(1440, 900, 150), (768, 1024, 150), (390, 844, 220), (320, 640, 220)]
)
def test_the_tools_are_one_line_and_rows_begin_high_up(people, alice, path, width, height, first_row_at):
    page = rows_of(people, alice, path, width, height)
    assert json.loads(page.evaluate(ONE_LINE)) == {"height": 40, "outside": [], "tops": 1, "beside": 0}
    assert page.locator(".rows tbody tr").first.bounding_box()["y"] <= first_row_at
    more = open_panel(page, "more")
    expect(more.get_by_role("link", name="Export")).to_be_visible(visible=width < 1000)
    expect(page.locator("#export-rows")).to_be_visible(visible=width > 1000)


def test_six_rows_are_in_sight_at_twice_the_size(people, alice, path):
    page = rows_of(people, alice, path, 720, 450)
    sixth = page.locator(".rows tbody tr").nth(5).bounding_box()
    box = page.locator(".rows-box").bounding_box()
    assert sixth["y"] + sixth["height"] <= min(450, box["y"] + box["height"])


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("names", [("filter", "columns"), ("sort", "more")], ids="-".join)
def test_panels_open_by_key_close_by_escape_and_give_focus_back(people, alice, path, scheme, names):
    page = rows_of(people, alice, path, 1440, 900, color_scheme=scheme)
    for name in names:
        page.locator(f"#open-{name}").press("Enter")
        expect(page.locator(f"#{name}-panel")).to_be_visible()
        assert not violations(page)
        page.keyboard.press("Escape")
        expect(page.locator(f"#{name}-panel")).to_be_hidden()
        expect(page.locator(f"#open-{name}")).to_be_focused()


@pytest.mark.slow
def test_the_menu_of_a_header_sorts_and_gives_focus_back(people, alice, path):
    page = rows_of(people, alice, path, 1440, 900)
    button = page.get_by_role("button", name="Menu of name")
    button.press("Enter")
    menu = page.locator("#column-menu")
    expect(menu.get_by_label("Value")).to_be_focused()
    assert not violations(page)
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    menu.get_by_role("link", name="Sort descending").click()
    expect(page.locator("#chip-sort")).to_contain_text("Sorted by name ↓")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()


def test_a_download_under_way_outlives_sorting(people, alice, path):
    page = rows_of(people, alice, path, 1440, 900)
    page.locator("#original-file").evaluate("file => { file.isOld = true }")
    page.locator("#sort-1").click()
    expect(page.locator("#chip-sort")).to_contain_text("Sorted by id")
    assert page.locator("#original-file").evaluate("file => file.isOld")


@pytest.mark.slow
def test_the_order_is_changed_in_its_panel_which_stays_open(people, alice, path):
    page = rows_of(people, alice, path, 1440, 900)
    panel = open_panel(page, "sort")
    panel.get_by_role("link", name="Sort price ascending").click()
    expect(page.locator("#chip-sort")).to_contain_text("Sorted by price ↑")
    expect(panel).to_be_visible()
    expect(panel.get_by_role("link", name="Sort price descending")).to_be_focused()
    panel.get_by_role("link", name="Remove price").click()
    expect(page.locator("#chip-sort")).to_have_count(0)
    expect(panel).to_be_visible()
    panel.get_by_label("Find a column").fill("am")
    expect(panel.get_by_role("button", name="price")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("#chip-sort")).to_contain_text("Sorted by name ↑")
    expect(panel).to_be_hidden()
    expect(page.locator("#open-sort")).to_be_focused()
    page.evaluate(OPEN_COLUMNS)
    open_panel(page, "sort").get_by_label("Find a column").fill("id")
    page.keyboard.press("Enter")
    expect(page.locator("#chip-sort-2")).to_contain_text("id ↑")
    expect(page.locator("#find-column")).to_be_focused()
