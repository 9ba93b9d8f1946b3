"""Work that nobody takes up, in open pages: it is named there and goes from there by itself."""

import pytest
from playwright.sync_api import Page, expect

from core import heartbeats
from datasources.models import DownloadLink, Sync
from tests.conftest import synced
from tests.support.heartbeats import all_alive, none_alive

pytestmark = pytest.mark.browser

TITLE = "Status checks are paused"


def glance(page: Page) -> None:
    """What an open page does every 15 seconds, now."""
    page.evaluate("htmx.trigger(document.body, 'glance')")


@pytest.fixture(autouse=True)
def clock(page) -> None:
    """The page's clock goes on as ever, and jumps where a test would wait for it."""
    page.clock.install()


def die() -> None:
    none_alive(*heartbeats.QUEUES, heartbeats.BEAT)


@pytest.fixture
def late(account, key) -> None:
    """A list whose reading is due since long."""
    account.add(fileName="a.csv")
    synced(key)
    Sync.objects.update(due_at="2026-01-01T00:00Z")


def test_an_open_list_says_by_itself_that_nothing_is_checked_and_that_it_is_again(page, late):
    all_alive()
    page.goto("/sources/")
    expect(page.get_by_text("Reading from Claro")).to_be_visible()
    expect(page.get_by_text(TITLE)).to_have_count(0)
    die()
    glance(page)
    expect(page.get_by_text(TITLE)).to_be_visible()
    expect(page.get_by_text("Reading from Claro")).to_have_count(0)
    all_alive()  # looked for every five seconds now
    page.clock.run_for("00:05")
    expect(page.get_by_text(TITLE)).to_have_count(0)


def test_an_open_list_that_rests_hears_of_it_without_being_read_anew(page, late):
    all_alive()
    Sync.objects.update(due_at=None)
    page.goto("/sources/")
    page.locator("#q").fill("a")
    Sync.objects.update(due_at="2026-01-01T00:00Z")
    die()
    with page.expect_request(lambda request: request.url.endswith("/sources/checks/")):
        glance(page)
    expect(page.locator("#checks").get_by_text(TITLE)).to_be_visible()
    all_alive()
    page.clock.run_for("00:05")
    expect(page.get_by_text(TITLE)).to_have_count(0)


def test_the_line_is_not_put_in_anew_while_it_stays(page, late):
    die()
    page.goto("/sources/")
    page.locator("#checks .alert").evaluate("alert => { alert.mark = true }")
    for _ in range(2):
        with page.expect_response(lambda response: response.url.endswith("/sources/checks/")):
            page.clock.run_for("00:05")
    assert page.locator("#checks .alert").evaluate("alert => alert.mark")


def test_a_link_that_is_waited_for_says_so_in_its_place_in_the_list(page, alice, account, key):
    all_alive()
    account.add(fileName="a.csv")
    synced(key)
    page.goto("/sources/")
    page.get_by_role("button", name="Download a.csv").click()
    expect(page.get_by_text("Preparing…")).to_be_visible()
    DownloadLink.objects.update(due_at="2026-01-01T00:00Z")
    die()
    page.clock.run_for("00:04")  # it is looked at every four seconds
    expect(page.get_by_text("Waiting: no worker is running. Continues automatically when one is back.")).to_be_visible()
    all_alive()
    page.clock.run_for("00:04")
    expect(page.get_by_text("Preparing…")).to_be_visible()


def test_the_operations_page_follows_what_happens(page, alice):
    alice.is_staff = True
    alice.save()
    all_alive()
    page.goto("/operations/")
    beat = page.get_by_role("listitem").filter(has_text="Beat")
    expect(beat).to_contain_text("OK")
    die()
    glance(page)
    expect(beat).to_contain_text("Start the process beat of the Procfile.")
