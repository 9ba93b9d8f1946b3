"""The table of rows by keyboard and mouse: one tab stop, menus, and cells that are selected and copied."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import synced
from tests.support.browser import COLOUR_RULES, PHONE, violations
from tests.support.copies import COLUMNS, ROWS, copied

pytestmark = [pytest.mark.browser, pytest.mark.any_window]

COPY = """() => {
  const data = new DataTransfer();
  const event = new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true });
  const isOurs = !document.activeElement.dispatchEvent(event);
  return [isOurs, data.getData("text/plain"), data.getData("text/html")];
}"""


@pytest.fixture
def rows(page, table, kind) -> Page:
    if kind == "copy":
        copied(table, COLUMNS, ROWS)
    page.goto(f"/sources/{table.datasource_id}/rows/?limit=25")
    expect(page.locator(".rows tbody tr")).to_have_count(25)
    return page


def cell(page: Page, row: int, column: int) -> Locator:
    """The cell of a row, by its number, and of a column; column 0 is the number itself."""
    return page.locator(f"#row-{row} > :nth-child({column + 1})")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_the_table_is_one_tab_stop_and_keys_move_inside_it(rows):
    cell(rows, 3, 2).click()
    press(rows, "Escape")
    expect(cell(rows, 3, 2)).to_be_focused()
    for keys, row, column in [
        (["ArrowDown", "ArrowRight"], 4, 3),
        (["ArrowUp", "ArrowLeft"], 3, 2),
        (["Home"], 3, 0),
        (["ArrowLeft"], 3, 0),
        (["Control+End"], 25, -1),
        (["ArrowDown", "ArrowRight"], 25, -1),
        (["Control+Home"], 1, 0),
        (["End"], 1, -1),
    ]:
        press(rows, *keys)
        place = column if column >= 0 else rows.locator("#row-1 > *").count() - 1
        expect(cell(rows, row, place)).to_be_focused()
    press(rows, "PageDown")
    row = int(rows.evaluate("document.activeElement.parentElement.id.slice(4)"))
    assert row > 5
    press(rows, "PageUp")
    expect(rows.locator("#row-1 > :last-child")).to_be_focused()
    press(rows, "Tab")
    assert not rows.evaluate("document.querySelector('table.rows').contains(document.activeElement)")
    press(rows, "Shift+Tab")
    expect(rows.locator("#row-1 > :last-child")).to_be_focused()
    press(rows, "Shift+Tab")
    assert not rows.evaluate("document.querySelector('.rows-box').contains(document.activeElement)")
    press(rows, "Tab", "Control+Home", "ArrowUp")
    assert rows.evaluate("!!document.activeElement.closest('thead')")


def test_the_grid_is_complete_for_screen_readers(rows):
    grid = rows.get_by_role("grid")
    heads = rows.locator("table.rows thead tr").count()
    expect(grid).to_have_attribute("aria-rowcount", str(120 + heads))
    expect(grid).to_have_attribute("aria-colcount", str(rows.locator("#row-1 > *").count()))
    expect(rows.locator("#row-25")).to_have_attribute("aria-rowindex", str(25 + heads))
    assert rows.get_by_role("gridcell", name="thing 7", exact=True).count() == 1
    cell(rows, 2, 2).click()
    press(rows, "Escape", "Shift+ArrowDown")
    expect(rows.locator("#announcer")).to_have_text("2 rows × 1 column selected")


@pytest.mark.slow
def test_the_menu_and_selected_cells_are_for_everybody(rows):
    cell(rows, 2, 2).click()
    press(rows, "Escape", "Shift+ArrowDown")
    cell(rows, 2, 3).click(modifiers=["Shift"])
    press(rows, "Enter")
    expect(rows.get_by_role("menu")).to_be_visible()
    assert not violations(rows)
    rows.emulate_media(color_scheme="dark")
    rows.set_viewport_size(PHONE)
    assert not violations(rows, COLOUR_RULES)


# Another answer is put in while the table has not settled.
ANOTHER_SWAP = """
document.addEventListener("htmx:before:settle", () => {
  const ctx = { sourceElement: document.querySelector("#above") };
  for (const name of ["htmx:before:swap", "htmx:after:swap"]) htmx.trigger(document, name, { ctx });
}, { once: true });
"""


def test_focus_stays_in_its_place_when_the_table_changes(rows):
    name = rows.get_by_role("columnheader", name="name", exact=True)
    name.get_by_role("link").press("Enter")
    expect(name).to_have_attribute("aria-sort", "ascending")
    expect(name.get_by_role("link")).to_be_focused()
    cell(rows, 5, 2).click()
    press(rows, "Escape")
    rows.evaluate(ANOTHER_SWAP)
    rows.evaluate("document.querySelector('#page-next').click()")
    expect(cell(rows, 30, 2)).to_be_focused()


def test_a_cell_offers_filters_and_copying_in_a_menu(rows):
    cell(rows, 7, 2).click()
    menu = rows.get_by_role("menu")
    assert menu.get_by_role("menuitem").all_inner_texts() == ["Only these", "Not these", "Copy", "Open row"]
    only = menu.get_by_role("menuitem", name="Only these")
    expect(only).to_be_focused()
    expect(only).to_have_attribute(
        "href", re.compile(r"/rows/filter/\?limit=25&do=add&c=name&op=is&v=thing\+7&exact=1$")
    )
    press(rows, "ArrowUp")
    expect(menu.get_by_role("menuitem", name="Open row")).to_be_focused()
    press(rows, "Escape")
    expect(menu).to_be_hidden()
    expect(cell(rows, 7, 2)).to_be_focused()
    press(rows, "ArrowRight", "Enter")
    greater = menu.get_by_role("menuitem", name="Greater")
    expect(greater).to_have_attribute("href", re.compile(r"do=add&c=price&op=gt&v=10\.5$"))
    press(rows, "End", "Enter")
    expect(rows.get_by_role("heading", name="Row 7")).to_be_visible()  # in the drawer, or on its page


def test_selected_cells_are_copied_for_spreadsheets(rows):
    cell(rows, 2, 1).click()
    press(rows, "Escape", "Shift+ArrowDown", "Shift+ArrowRight")
    is_ours, text, html = rows.evaluate(COPY)
    assert (is_ours, text) == (True, "2\tthing 2\n3\tthing 3")
    assert "mso-number-format" in html
    press(rows, "ArrowUp")
    assert rows.evaluate(COPY)[1] == "thing 2"  # the cell in focus
    cell(rows, 4, 2).hover()
    rows.mouse.down()
    cell(rows, 6, 1).hover()
    rows.mouse.up()
    assert rows.evaluate(COPY)[1] == "4\tthing 4\n5\tthing 5\n6\tthing 6"
    expect(rows.get_by_role("menu")).to_be_hidden()
    expect(cell(rows, 6, 1)).to_be_focused()
    press(rows, "Escape")
    assert rows.locator("[aria-selected]").count() == 0


def test_a_drag_inside_a_cell_selects_its_text(rows):
    box = cell(rows, 4, 2).bounding_box()
    rows.mouse.move(box["x"] + 11, box["y"] + 12)
    rows.mouse.down()
    rows.mouse.move(box["x"] + box["width"] - 12, box["y"] + 12, steps=4)
    rows.mouse.up()
    assert "thing" in rows.evaluate("getSelection().toString()")
    expect(rows.get_by_role("menu")).to_be_hidden()
    assert rows.locator("[aria-selected]").count() == 0


def test_a_link_in_a_cell_stays_a_link_and_odd_names_are_filtered(page, account, key):
    account.upload("odd.csv", 'link,"a ""b"" <c>"\nhttps://a.test/?x=1,=1+1\n')
    page.goto(f"/sources/{synced(key)[0].datasource_id}/rows/")
    expect(page.locator("#row-1 a[target='_blank']")).to_have_attribute("href", "https://a.test/?x=1")
    page.locator("#row-1 td").first.click(position={"x": 3, "y": 3})
    assert page.get_by_role("menuitem").first.inner_text() == "Only these"
    expect(page.get_by_role("menuitem", name="Open link")).to_be_visible()
    press(page, "Escape", "ArrowRight", "Enter")
    expect(page.get_by_role("menuitem", name="Not these")).to_have_attribute(
        "href", re.compile(r"c=a\+%22b%22\+%3Cc%3E&op=not&v=%3D1%2B1&exact=1$")
    )
