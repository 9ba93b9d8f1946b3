"""Filters by column: from the menu of a header, from the panel, by a drag over a histogram; and their chips."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import violations
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.rows_page import open_panel

pytestmark = [pytest.mark.browser, pytest.mark.any_window]


@pytest.fixture
def rows(page, table, request) -> Page:
    copied(table, COLUMNS, ROWS)
    page.goto(f"/sources/{table.datasource_id}/rows/{getattr(request, 'param', '')}")
    return page


def said(page: Page, words: str) -> None:
    expect(page.locator("#rows [data-announce]")).to_have_text(words)


def chip(page: Page, words: str):
    return page.locator(".chips > .chip").filter(has=page.get_by_text(words, exact=True))


@pytest.mark.slow
def test_a_condition_from_a_header_is_a_chip_that_can_be_changed_and_removed(rows):
    rows.get_by_role("button", name="Menu of price").click()
    menu = rows.locator("#column-menu")
    menu.get_by_label("From").fill("100")
    rows.keyboard.press("Enter")
    said(rows, "Rows 1 to 50 of 54 that match")
    expect(rows.get_by_role("button", name="Menu of price")).to_be_focused()
    chip(rows, "price ≥ 100").get_by_role("button").click()
    expect(menu.get_by_label("From")).to_have_value("100")
    assert not violations(rows)
    menu.get_by_label("To", exact=True).fill("110")
    rows.keyboard.press("Enter")
    said(rows, "Rows 1 to 7 of 7 that match")
    chip(rows, "price from 100 to 110").get_by_role("link").click()
    said(rows, "Rows 1 to 50 of 120")
    expect(rows.locator(".chip")).to_have_count(0)
    expect(rows.locator("#open-filter")).to_be_focused()


@pytest.mark.slow
def test_a_menu_with_unapplied_text_leads_on_from_the_table_as_it_is(rows):
    rows.get_by_role("button", name="Menu of price").click()
    menu = rows.locator("#column-menu")
    menu.get_by_label("From").fill("1")
    rows.keyboard.press("Escape")
    rows.locator("#sort-1").click()
    expect(rows).to_have_url(re.compile("sort=id"))
    rows.get_by_role("button", name="Menu of price").click()
    expect(menu.get_by_role("button", name="Hide column")).to_be_visible()
    expect(menu.get_by_label("From")).to_have_value("1")
    menu.get_by_role("button", name="Hide column").click()
    expect(rows).to_have_url(re.compile(r"\?(?=.*sort=id)(?=.*hide=price)"))


@pytest.mark.parametrize("rows", ["?filter=price+>+10+AND+id+<+100"], indirect=True)
def test_text_typed_for_a_chip_is_not_put_into_another_one(rows):
    chip(rows, "price > 10").get_by_role("button").click()
    menu = rows.locator("#column-menu")
    menu.get_by_label("From").fill(">50")
    rows.keyboard.press("Escape")
    chip(rows, "price > 10").get_by_role("link").click()
    expect(rows.locator(".chips > .chip")).to_have_count(1)
    chip(rows, "id < 100").get_by_role("button").click()
    expect(menu.get_by_label("To", exact=True)).to_have_value("< 100")
    expect(menu.get_by_label("From")).to_have_value("")


def test_a_chip_of_a_live_table_can_be_changed_and_removed(page, table):
    page.goto(f"/sources/{table.datasource_id}/rows/")
    page.get_by_role("button", name="Menu of price").click()
    menu = page.locator("#column-menu")
    menu.get_by_label("Comparison").select_option(label="is greater than")
    menu.get_by_label("Value").fill("100")
    page.keyboard.press("Enter")
    said(page, "Rows 1 to 50 of 54 that match")
    expect(page.get_by_role("button", name="Menu of price")).to_be_focused()
    chip(page, "price > 100").get_by_role("button").click()
    expect(menu.get_by_label("Value")).to_have_value("100")
    menu.get_by_label("Comparison").select_option(label="is less than")
    menu.get_by_label("Value").press("Enter")
    said(page, "Rows 1 to 50 of 66 that match")
    chip(page, "price < 100").get_by_role("link").click()
    said(page, "Rows 1 to 50 of 120")
    expect(page.locator("#open-filter")).to_be_focused()


def test_values_are_ticked_in_the_panel_of_the_filter(rows):
    panel = open_panel(rows, "filter")
    expect(panel.get_by_role("searchbox").first).to_be_focused()
    rows.keyboard.type("not")
    rows.keyboard.press("Enter")
    panel.get_by_label("note 2").check()
    panel.get_by_role("button", name="Only these").click()
    expect(chip(rows, "note is note 2")).to_be_visible()
    expect(panel).to_be_hidden()
    expect(rows.locator("#open-filter")).to_be_focused()


def test_what_is_typed_and_refused_stays_and_uses_the_order_of_the_table(rows, witness):
    witness.expects(422)
    panel = open_panel(rows, "filter")
    panel.get_by_role("button", name="price", exact=True).click()
    panel.get_by_label("From").fill("ten")
    rows.keyboard.press("Enter")
    expect(panel).to_contain_text("ten is not a number.")
    rows.keyboard.press("Escape")
    rows.locator("#sort-1").click()
    expect(rows.locator("#chip-sort")).to_be_attached()
    panel = open_panel(rows, "filter")
    expect(panel.get_by_label("From")).to_have_value("ten")
    panel.get_by_label("From").fill("170")
    rows.keyboard.press("Enter")
    said(rows, "Rows 1 to 7 of 7 that match")
    assert "sort=id" in rows.url


@pytest.mark.slow
def test_a_drag_over_a_histogram_filters_by_its_range(rows):
    bars = rows.locator(".heads td:nth-child(4) .head-chart > *")
    bars.nth(1).hover()
    rows.mouse.down()
    bars.nth(3).hover()
    rows.mouse.up()
    expect(chip(rows, "price from 10 to under 40")).to_be_visible()
    bars.nth(5).hover()
    rows.mouse.down()
    bars.nth(4).hover()
    rows.mouse.up()
    expect(chip(rows, "price from 40 to under 60")).to_be_visible()
    rows.get_by_role("button", name="Menu of price").click()
    bars = rows.locator("#column-menu .head-chart > *")
    bars.nth(1).hover()
    rows.mouse.down()
    bars.nth(2).hover()
    rows.mouse.up()
    expect(chip(rows, "price from 10 to under 30")).to_be_visible()
    expect(rows.locator("#column-menu")).to_be_hidden()


@pytest.mark.parametrize("rows", ["?filter=(id < 3 OR id > 118) AND price > 2"], indirect=True)
def test_conditions_of_groups_are_joined_by_words(rows):
    expect(rows.locator(".chips")).to_have_text(re.compile(r"id < 3.*or.*id > 118.*and.*price > 2", re.DOTALL))


@pytest.mark.parametrize("rows", ["?filter=id < 3 AND price > 2"], indirect=True)
def test_another_condition_is_added_beside_a_chip(rows):
    rows.get_by_role("button", name="id < 3").click()
    menu = rows.locator("#column-menu")
    menu.get_by_label("Column of another condition").select_option("price")
    menu.get_by_role("button", name="Or …").click()
    expect(menu.get_by_label("From")).to_be_focused()
    expect(menu).to_contain_text("id < 3, or price:")
    rows.keyboard.type("170")
    rows.keyboard.press("Enter")
    expect(rows.locator(".chips")).to_have_text(re.compile(r"id < 3.*or.*price ≥ 170.*and.*price > 2", re.DOTALL))
    rows.get_by_role("link", name="and", exact=True).press("Enter")
    expect(rows.get_by_role("link", name="or", exact=True).last).to_be_focused()
    expect(rows.locator(".chips")).to_have_text(re.compile(r"id < 3.*or.*price ≥ 170.*or.*price > 2", re.DOTALL))


@pytest.mark.parametrize("rows", ["?filter=NOT (id < 119 OR price IS NULL)"], indirect=True)
def test_an_expression_without_chips_is_one_chip(rows):
    said(rows, "Rows 1 to 2 of 2 that match")
    expect(rows.locator("#chip-filter")).to_contain_text("Advanced: NOT (id < 119 OR price IS NULL)")
    rows.locator("#chip-filter").get_by_role("button").click()
    expect(rows.get_by_label("Filter expression")).to_be_visible()
