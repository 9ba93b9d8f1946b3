"""Everything as far as HTML can, in a browser that runs no scripts."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import synced
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.rows_page import apply_filter, open_panel

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(people, alice) -> Page:
    return people(alice, java_script_enabled=False).new_page()


@pytest.mark.slow
def test_the_list_is_searched_filtered_sorted_and_paged(plain, account, key):
    account.add_many([{"fileName": f"file-{n:02}.{('csv', 'pdf')[n % 2]}", "age": 100 + n} for n in range(60)])
    synced(key)
    plain.goto("/sources/")
    expect(plain.locator("tbody tr")).to_have_count(50)
    plain.get_by_role("link", name="Next").click()
    expect(plain.locator("tbody tr .name").first).to_have_text("file-50.csv")
    plain.get_by_label("Files per page").select_option("25")
    plain.get_by_role("button", name="Apply").last.click()
    expect(plain.locator("tbody tr .name").first).to_have_text("file-00.csv")
    expect(plain.locator("tbody tr")).to_have_count(25)
    plain.get_by_label("Search by file name").fill("file-5")
    plain.get_by_label("Kind of file").select_option(label="PDF (30)")
    plain.get_by_role("button", name="Search").click()
    expect(plain.locator("tbody tr")).to_have_count(5)
    plain.get_by_role("link", name="Uploaded").click()
    plain.get_by_role("link", name="Uploaded").click()
    expect(plain.locator("tbody tr .name").first).to_have_text("file-51.pdf")
    plain.get_by_role("link", name="Completed").click()
    expect(plain).to_have_url(re.compile("status=completed"))
    plain.get_by_role("button", name="Refresh").click()
    expect(plain.locator("tbody tr")).to_have_count(5)


@pytest.mark.slow
@pytest.mark.any_window
def test_rows_are_sorted_filtered_and_paged(plain, table, people, kind):
    if kind == "copy":
        copied(table, COLUMNS, ROWS)
    plain.context.witness.expects(422)
    plain.goto(f"/sources/{table.datasource_id}/rows/")
    open_panel(plain, "filter").get_by_role("button", name="name", exact=True).click()
    plain.get_by_label("Value").fill("thing 10")
    plain.get_by_role("button", name="Apply").click()
    expect(plain.locator("#filter")).to_have_value(f"name {'ILIKE' if kind == 'copy' else 'LIKE'} '%thing 10%'")
    plain.locator("#chip-filter .chip-x").click()
    plain.get_by_role("button", name="Menu of price").click()
    plain.get_by_role("link", name="Sort ascending").click()
    expect(plain.get_by_role("columnheader", name="price")).to_have_attribute("aria-sort", "ascending")
    apply_filter(plain, "price > 100")
    expect(plain.locator("#chip-filter")).to_be_visible()
    expect(plain.locator("#chip-sort")).to_be_visible()
    plain.get_by_label("Page", exact=True).fill("2")
    plain.get_by_role("button", name="Apply").first.click()
    expect(plain.get_by_text("Rows 51 to 54 of 54 that match").first).to_be_visible()
    apply_filter(plain, "price >")
    expect(plain.locator("#rows-problem")).to_contain_text("This filter doesn't work")
    plain.get_by_role("link", name="Show all rows").click()
    expect(plain.get_by_text("Rows 1 to 50 of 120").first).to_be_visible()


@pytest.mark.slow
def test_rows_that_take_long_come_with_a_reload_of_the_page_itself(plain, account, table):
    account.hold_up(path=f"{table.datasource_id}/data")
    plain.goto(f"/sources/{table.datasource_id}/rows/")
    expect(plain.locator("#rows-problem")).to_contain_text("Claro is fetching these rows")
    account.let_go()
    expect(plain.get_by_text("Rows 1 to 50 of 120").first).to_be_visible()


def test_a_source_is_deleted(plain, account, table):
    plain.goto(f"/sources/{table.datasource_id}/")
    plain.get_by_role("link", name="Delete").click()
    plain.get_by_label("File name").fill("things.csv")
    plain.get_by_role("button", name="Move to bin").click()
    expect(plain.get_by_text("things.csv will be deleted in")).to_be_visible()
    plain.get_by_role("button", name="Undo: things.csv").click()
    expect(plain.get_by_text("things.csv is restored.")).to_be_visible()
    expect(plain.get_by_text("The bin is empty")).to_be_visible()


def test_several_are_chosen_and_deleted(plain, account, key):
    account.add_many([{"fileName": f"{number}.csv", "age": number} for number in range(3)])
    synced(key)
    plain.goto("/sources/")
    for number in (0, 2):
        plain.get_by_role("checkbox", name=f"Select {number}.csv").check()
    plain.get_by_role("button", name="Delete", exact=True).click()
    plain.get_by_label("Number of files").fill("2")
    plain.get_by_role("button", name="Delete permanently").click()
    expect(plain.get_by_text("2 files are being deleted")).to_be_visible()
    expect(plain.locator("tbody tr")).to_have_count(1)


def test_signing_out(plain, key):
    plain.goto("/keys/")
    plain.get_by_role("button", name="Sign out").click()
    expect(plain.get_by_role("heading", name="Sign in")).to_be_visible()
