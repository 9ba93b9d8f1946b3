"""The task "products over 500 by Acme, cheapest first, four columns" on the freshly opened rows page, counted."""

import csv
import io
import random
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from sandbox.demo_files import rows_csv
from tests.conftest import synced
from tests.support.copies import copied
from tests.support.rows_page import open_panel

pytestmark = [pytest.mark.browser, pytest.mark.any_window]

CLICKS_MAX, KEYS_MAX = 8, 20
COLUMNS = ("sku", "name", "brand", "category", "colour", "price", "stock", "active", "launched", "url")
SHOWN = ["sku", "name", "brand", "price"]
PRICE = COLUMNS.index("price")


class User:
    """Counts what it presses. Characters of the values Acme and 500 are typed without being counted."""

    def __init__(self, page: Page):
        self.page, self.clicks, self.keys = page, 0, 0

    def click(self, locator, *, shift: bool = False) -> None:
        self.clicks += 1
        locator.click(modifiers=["Shift"] if shift else [])

    def press(self, *keys: str) -> None:
        """Each key that goes down counts, those that are held too."""
        for key in keys:
            self.keys += 1
            self.page.keyboard.press(key)

    def hold(self, held: str, *keys: str) -> None:
        self.keys += 1
        self.page.keyboard.down(held)
        self.press(*keys)
        self.page.keyboard.up(held)

    def type(self, value: str) -> None:
        assert value in ("Acme", "500")
        self.page.keyboard.type(value)


def file_of_products() -> str:
    return rows_csv(random.Random(5), COLUMNS, 150).decode()  # noqa: S311


@pytest.fixture
def products(table) -> list[list[object]]:
    """A copy of a product file of the sandbox, with one Acme product at exactly 500."""
    rows = typed()
    next(row for row in rows if row[2] == "Acme")[PRICE] = 500.0
    copied(table, COLUMNS, rows)
    return rows


def typed() -> list[list[object]]:
    [_, *lines] = csv.reader(io.StringIO(file_of_products()))
    return [[*line[:PRICE], float(line[PRICE]), int(line[PRICE + 1]), *line[PRICE + 2 :]] for line in lines]


@pytest.fixture
def user(page, table, products) -> User:
    page.goto(f"/sources/{table.datasource_id}/rows/")
    expect(page.locator(".rows tbody tr").first).to_be_visible()
    return User(page)


def check(page: Page, products: list[list[object]], *chips: str) -> None:
    """The chips, the columns, the order, each row, and the address."""
    found = sorted((row for row in products if row[2] == "Acme" and row[PRICE] > 500), key=lambda row: row[PRICE])
    expect(page.locator(".rows thead tr:first-child .sort-link")).to_have_text(SHOWN)
    expect(page.locator(".chip")).to_contain_text([*chips, "Sorted by price ↑", "4 of 10 columns"])
    expect(page.locator(".row-tools-count")).to_have_text(f"{len(found)} rows")
    cells = page.locator(".rows tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].slice(1).map((cell) => cell.textContent))"
    )
    assert cells == [[*row[:3], str(row[PRICE])] for row in found[:50]]
    query = parse_qs(urlsplit(page.url).query)
    assert {*query} - {"order"} == {"filter", "sort", "column"}
    assert (query["sort"], query["column"], query.get("order", ["asc"])) == (["price"], SHOWN, ["asc"])


@pytest.mark.slow
def test_by_mouse_it_takes_eight_clicks(user, products):
    page, menu = user.page, user.page.locator("#column-menu")
    user.click(page.get_by_role("button", name="Menu of brand"))
    user.click(menu.get_by_role("link", name="Only Acme"))
    expect(page.locator("#chip-filter")).to_be_visible()
    user.click(page.get_by_role("button", name="Menu of price"))
    expect(menu.get_by_label("From")).to_be_focused()
    page.keyboard.type("> ")
    user.type("500")
    user.click(menu.get_by_label("To", exact=True).locator("xpath=ancestor::form").get_by_role("button", name="Apply"))
    expect(page.locator("#chip-filter-2")).to_be_visible()
    user.click(page.locator("#sort-6"))
    expect(page.locator("#chip-sort")).to_be_visible()
    user.click(page.locator("#open-columns"))
    line = page.locator("#columns-panel li").filter(has_text="brand")
    user.click(line.get_by_role("button", name="Only brand"), shift=True)
    expect(page.locator(".sort-link")).to_have_text(SHOWN[:3])
    user.click(page.locator("#columns-panel").get_by_role("checkbox", name="price"))
    check(user.page, products, "brand is Acme", "price > 500")
    assert user.clicks <= CLICKS_MAX


@pytest.mark.slow
def test_by_keyboard_it_takes_twenty_keys(user, products):
    page = user.page
    user.press("f", "b", "Enter")
    expect(page.get_by_label("Value", exact=True)).to_be_focused()
    user.type("Acme")
    user.press("Enter")
    expect(page.locator("#open-filter")).to_be_focused()
    user.press("f", "p", "Enter")
    expect(page.get_by_label("From")).to_be_focused()
    user.press(">")
    user.type("500")
    user.press("Enter")
    expect(page.locator("#chip-filter-2")).to_be_visible()
    expect(page.locator("#open-filter")).to_be_focused()
    user.press("s", "p", "Enter")
    expect(page.locator("#chip-sort")).to_be_visible()
    expect(page.locator("#open-sort")).to_be_focused()
    user.press("c", "s")
    user.hold("Shift", "Enter", "ArrowDown", "ArrowDown")
    user.press("p", "Space")
    check(user.page, products, "brand contains Acme", "price > 500")
    assert user.keys <= KEYS_MAX


@pytest.mark.slow
def test_without_scripts_a_live_table_offers_the_same_by_forms_and_links(people, alice, account, key):
    account.upload("products.csv", file_of_products())
    page = people(alice, java_script_enabled=False).new_page()
    page.goto(f"/sources/{synced(key)[0].datasource_id}/rows/")
    for column, operator, value in (("brand", "is", "Acme"), ("price", "is greater than", "500")):
        open_panel(page, "filter").get_by_role("button", name=column, exact=True).click()
        page.get_by_label("Comparison").select_option(operator)
        page.get_by_label("Value", exact=True).fill(value)
        page.get_by_role("button", name="Apply").click()
    page.locator("#sort-6").click()
    open_panel(page, "columns")
    for name in {*COLUMNS} - {*SHOWN}:
        page.get_by_role("checkbox", name=name, exact=True).uncheck()
    page.locator("#columns-panel").get_by_role("button", name="Apply").click()
    check(page, typed(), "brand is exactly Acme", "price > 500")
