"""Text that is typed and not applied stays while the page around it changes."""

import pytest
from playwright.sync_api import Page, expect

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from tests.conftest import synced
from tests.support.copies import copied
from tests.support.rows_page import filter_box, open_panel

pytestmark = pytest.mark.browser


@pytest.fixture
def rows(page, account, key) -> Page:
    account.upload("things.csv", "id,price\n" + "".join(f"{number},{500 - number}\n" for number in range(1, 121)))
    [source] = synced(key)
    page.goto(f"/sources/{source.datasource_id}/rows/?filter=id+<+100")
    expect(page.get_by_text("Rows 1 to 50 of 99").first).to_be_visible()
    return page


def box(rows: Page):
    """The field of the filter, also while its panel is closed."""
    return rows.locator("#filter")


def sort_by(page: Page, name: str) -> None:
    page.get_by_role("columnheader", name=name, exact=True).get_by_role("link").click()
    expect(page.get_by_role("columnheader", name=name, exact=True)).to_have_attribute("aria-sort", "ascending")


def test_sorting_and_paging_keep_a_half_typed_filter(rows):
    filter_box(rows).fill("price > 4")
    sort_by(rows, "price")
    expect(box(rows)).to_have_value("price > 4")
    expect(rows.locator("#open-filter")).to_have_attribute("data-unapplied", "")
    rows.get_by_role("link", name="Next").click()
    expect(rows.get_by_text("Rows 51 to 99 of 99").first).to_be_visible()
    expect(box(rows)).to_have_value("price > 4")
    assert "filter=id" in rows.url
    filter_box(rows).press("Enter")
    expect(rows.get_by_text("Rows 1 to 50 of 120").first).to_be_visible()
    expect(box(rows)).to_have_value("price > 4")


def test_a_filter_from_a_cell_keeps_a_half_typed_filter_and_a_row_to_go_to(rows):
    filter_box(rows).fill("price > 4")
    rows.keyboard.press("Escape")
    rows.get_by_label("Go to row").fill("12")
    rows.locator("#row-3 > td:nth-child(2)").click()
    rows.get_by_role("menuitem", name="Not these").click()
    expect(rows.get_by_text("Rows 1 to 50 of 98").first).to_be_visible()
    expect(box(rows)).to_have_value("price > 4")
    expect(rows.get_by_label("Go to row")).to_have_value("12")


def test_a_filter_from_a_cell_keeps_a_search_that_is_typed(page, table):
    copied(table, ["name"], [["Product"], ["Prose"], ["Verse"]])
    page.goto(f"/sources/{table.datasource_id}/rows/")
    page.locator("#q").fill("pro")
    page.locator("#row-2 > td").click()
    page.get_by_role("menuitem", name="Not these").click()
    expect(page.locator(".rows tbody tr")).to_have_count(2)
    expect(page.locator("#q")).to_have_value("pro")
    page.locator("#q").press("Enter")
    expect(page.locator(".rows tbody tr")).to_have_count(1)


def test_sorting_keeps_a_refused_filter(rows, witness):
    witness.expects(422)
    filter_box(rows).fill("price >")
    filter_box(rows).press("Enter")
    expect(rows.locator("#filter-problem")).to_contain_text("The filter can't be read")
    rows.keyboard.press("Escape")
    sort_by(rows, "price")
    expect(box(rows)).to_have_value("price >")


def test_sorting_keeps_a_half_built_filter_and_applying_it_ends_it(rows):
    panel = open_panel(rows, "filter")
    panel.get_by_role("button", name="price", exact=True).click()
    panel.get_by_label("Comparison").select_option("gt")
    panel.get_by_label("Value").fill("450")
    sort_by(rows, "price")
    panel = open_panel(rows, "filter")
    expect(panel.get_by_label("Comparison")).to_have_value("gt")
    expect(panel.get_by_label("Value")).to_have_value("450")
    panel.get_by_label("Value").press("Enter")
    expect(rows.get_by_text("Rows 1 to 49 of 49").first).to_be_visible()
    expect(box(rows)).to_have_value("id < 100 AND price > 450")
    expect(panel.get_by_label("Value")).to_have_count(0)


def test_sorting_keeps_a_half_typed_condition_of_a_header(rows):
    rows.get_by_role("button", name="Menu of price").click()
    rows.locator("#column-menu").get_by_label("Value").fill("45")
    sort_by(rows, "price")
    rows.get_by_role("button", name="Menu of price").click()
    expect(rows.locator("#column-menu").get_by_label("Value")).to_have_value("45")


def test_removing_the_filter_empties_the_box(rows):
    filter_box(rows).fill("price > 4")
    rows.locator("#chip-filter .chip-x").click()
    expect(rows.get_by_text("Rows 1 to 50 of 120").first).to_be_visible()
    expect(box(rows)).to_have_value("")


def test_a_filter_that_is_applied_is_what_the_box_shows(rows):
    filter_box(rows).fill("id > 110")
    filter_box(rows).press("Enter")
    expect(rows.get_by_text("Rows 1 to 10 of 10").first).to_be_visible()
    sort_by(rows, "price")
    expect(box(rows)).to_have_value("id > 110")


def test_sorting_the_list_keeps_a_half_typed_search(page, account, key):
    account.add_many([{"fileName": f"thing {number}.csv", "age": number} for number in range(3)])
    synced(key)
    page.goto("/sources/")
    page.get_by_label("Search by file name").fill("thing")
    sort_by(page, "File")
    expect(page.get_by_label("Search by file name")).to_have_value("thing")


@pytest.mark.slow
def test_the_list_is_found_again_as_it_was_left(page, account, key):
    account.add_many([{"fileName": f"thing {number}.csv", "age": number} for number in range(5)])
    synced(key)
    page.goto("/sources/?limit=2")
    page.get_by_label("Search by file name").fill("thing")
    expect(page).to_have_url("/sources/?limit=2&q=thing")
    sort_by(page, "File")
    page.get_by_role("link", name="Next").click()
    page.get_by_role("link", name="thing 2.csv", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_label("File name").fill("thing 2.csv")
    page.get_by_role("button", name="Move to bin").click()
    expect(page.locator("#bin")).to_contain_text("thing 2.csv will be deleted in")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("link", name="thing 3.csv", exact=True)).to_be_visible()
    expect(page.get_by_label("Search by file name")).to_have_value("thing")
    page.get_by_role("link", name="thing 3.csv", exact=True).click()
    page.get_by_role("link", name="All data sources").click()
    expect(page.get_by_role("link", name="thing 3.csv", exact=True)).to_be_visible()
    assert "page=2" in page.url


def test_addresses_outlive_a_change_of_a_role(page, witness, alice, bob):
    witness.expects(422)
    team = teams.create("Data team", alice)
    theirs = Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    page.goto(f"/teams/{team.pk}/")
    addresses = page.get_by_label("E-mail addresses")
    addresses.fill("carol")
    page.get_by_role("button", name="Invite").click()
    expect(page.locator(".invalid-feedback")).to_be_visible()
    addresses.press("End")
    page.keyboard.type(", dan")
    with page.expect_navigation():
        page.locator(f"#role-{theirs.pk}").select_option(label="Member")
        page.get_by_role("button", name="Save the role of bob@example.com").click()
    expect(page.locator(f"#role-{theirs.pk}")).to_have_value(str(int(Role.MEMBER)))
    expect(addresses).to_have_value("carol, dan")
    page.reload()
    expect(addresses).to_have_value("")


def test_quiet_hours_outlive_a_choice_of_another_form(page, key):
    page.goto("/notices/choices/")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("E-mail").select_option(label="Once a day")
    with page.expect_navigation():
        page.get_by_role("button", name=f"Save for {key.label}").click()
    expect(page.get_by_label("Quiet from")).to_have_value("22:00")
    expect(page.get_by_label("E-mail")).to_have_value("daily")
