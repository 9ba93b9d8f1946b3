"""Presses that got no answer: what Retry does with each of them, and what is said until then."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import synced
from tests.support.copies import copied

pytestmark = pytest.mark.browser
COLUMNS = ["id", "name", "price"]
ROWS = [[n, f"thing {n % 3}", n * 1.5] for n in range(1, 121)]
STAR = re.compile("favourites a.csv")
LEFT = "Back online, but what you pressed got no answer."


@pytest.fixture
def rows(page, table, witness) -> Page:
    witness.expects("ERR_INTERNET_DISCONNECTED", "Failed to fetch", "network error")
    copied(table, COLUMNS, ROWS)
    page.goto(f"/sources/{table.datasource_id}/rows/?sort=price")
    return page


def retry(page: Page) -> Locator:
    return page.locator("[data-retry]")


def choose_in_cell_menu(page: Page, label: str) -> None:
    page.locator("#row-2 > td:nth-child(3)").click()
    page.get_by_role("menuitem", name=label).click()


PRESSES = {
    "only these": (lambda page: choose_in_cell_menu(page, "Only these"), "filter=name"),
    "not these": (lambda page: choose_in_cell_menu(page, "Not these"), "filter=.*name"),
    "a bar": (lambda page: page.locator(".heads .head-chart a").first.click(), "filter="),
    "a further column": (lambda page: page.locator("#sort-1").click(modifiers=["Shift"]), "sort=price.*sort=id"),
    "a header": (lambda page: page.locator("#sort-2").click(), "sort=name"),
    "a page": (lambda page: page.locator("#page-next").click(), "page=2"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", PRESSES)
def test_retry_does_what_was_pressed(rows, what):
    press, address = PRESSES[what]
    rows.context.set_offline(True)
    press(rows)
    expect(retry(rows)).to_be_visible()
    rows.context.set_offline(False)
    expect(rows.get_by_text(LEFT)).to_be_visible()
    retry(rows).click()
    expect(rows).to_have_url(re.compile(address))
    expect(rows.get_by_text("Back online", exact=True)).to_be_visible()
    expect(retry(rows)).to_have_count(0)


@pytest.fixture
def listed(page, account, key, witness) -> Page:
    witness.expects("ERR_INTERNET_DISCONNECTED", "Failed to fetch", "network error")
    account.add_many([{"fileName": f"{name}.csv", "age": n, "fileSize": n} for n, name in enumerate("abc")])
    synced(key)
    page.goto("/sources/")
    return page


def lose(page: Page) -> None:
    """A star, and then two orders, one instead of the other."""
    page.context.set_offline(True)
    page.get_by_role("button", name=STAR).click()
    expect(retry(page)).to_be_visible()
    for header in ("File", "Size"):
        page.get_by_role("link", name=header, exact=True).click()
    page.context.set_offline(False)
    expect(page.get_by_text(LEFT)).to_be_visible()


@pytest.mark.slow
def test_retry_does_all_that_was_pressed_but_for_what_was_pressed_instead(listed):
    lose(listed)
    asked = []
    listed.on("request", lambda request: asked.append(request.url))
    retry(listed).click()
    expect(listed).to_have_url(re.compile("sort=size"))
    expect(listed.get_by_role("button", name=STAR)).to_have_accessible_name(re.compile("^Remove"))
    expect(retry(listed)).to_have_count(0)
    assert not [url for url in asked if "sort=name" in url]


@pytest.mark.slow
def test_buttons_of_one_form_are_told_apart(listed):
    stars = listed.get_by_role("button", name=re.compile("favourites [ab].csv"))
    listed.context.set_offline(True)
    for star in stars.all():
        star.click()
        expect(retry(listed)).to_be_visible()
    listed.context.set_offline(False)
    expect(listed.get_by_text(LEFT)).to_be_visible()
    retry(listed).click()
    for star in stars.all():
        expect(star).to_have_accessible_name(re.compile("^Remove"))


@pytest.mark.slow
def test_what_was_pressed_can_be_dismissed_and_one_answer_leaves_the_others(listed):
    lose(listed)
    listed.get_by_role("link", name="File", exact=True).click()
    expect(listed).to_have_url(re.compile("sort=name"))
    expect(listed.get_by_text(LEFT)).to_be_visible()  # the star is still to be set
    listed.get_by_role("button", name="Dismiss").click()
    expect(listed.locator("[data-connection]")).to_be_empty()
    listed.reload()
    expect(listed.get_by_role("button", name=STAR)).to_have_accessible_name(re.compile("^Add"))
