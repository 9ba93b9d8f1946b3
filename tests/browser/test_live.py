"""Open pages change by themselves, and leave alone what somebody is doing there."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from core import live
from datasources import keys
from datasources.models import ApiKey, Source
from tests.conftest import synced
from tests.support.browser import intercept
from tests.support.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("workers")]


@pytest.fixture
def processing(account, key) -> Source:
    """One of 40 sources: a table of two rows that is still being processed."""
    source_id = account.upload("slow.csv", "id,name\n1,one\n2,two\n")
    account.change(source_id, status="processing")
    account.add_many([{"fileName": f"file-{n:02}.csv", "age": 100 + n} for n in range(39)])
    return next(source for source in synced(key) if source.datasource_id == source_id)


def badge(page: Page, source: Source) -> Locator:
    return page.locator(f"#source-{source.pk} .status-badge")


@pytest.mark.slow
def test_a_source_completes_while_somebody_types_and_has_scrolled(page, account, processing):
    page.set_viewport_size({"width": 1440, "height": 500})
    page.goto("/sources/?sort=name&order=asc")
    expect(badge(page, processing)).to_have_text("Processing")
    page.evaluate("addEventListener('input', event => event.stopImmediatePropagation(), true)")  # typed, not yet asked
    page.locator("#q").click()
    page.keyboard.type("fle")
    page.keyboard.press("ArrowLeft")
    page.mouse.wheel(0, 300)
    wait_for(lambda: page.evaluate("scrollY") == 300)
    account.change(processing.datasource_id, status="completed")
    expect(badge(page, processing)).to_have_text("Completed")
    assert page.evaluate("scrollY") == 300
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("i")
    expect(page.locator("#q")).to_have_value("flie")


@pytest.mark.slow
def test_it_shows_in_every_tab_and_in_nobody_elses(page, people, bob, account, processing):
    other_tab, bobs = page.context.new_page(), people(bob).new_page()
    for tab in (page, other_tab, bobs):
        tab.goto("/sources/")
    account.change(processing.datasource_id, status="failed", error="No header row.")
    for tab in (page, other_tab):
        expect(badge(tab, processing)).to_have_text("Failed")
    expect(bobs.get_by_role("heading", name="Add your Claro API key to begin")).to_be_visible()


def test_a_new_upload_appears(page, account, key, processing, sandbox):
    page.goto("/sources/")
    account.upload("brand-new.csv", "id\n1\n")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("link", name="brand-new.csv").first).to_be_visible()


@pytest.mark.slow
def test_the_tab_tells_of_work_that_is_under_way(page, account, processing):
    page.goto("/sources/")
    expect(page).to_have_title("(1) Data sources · Claro Dashboard")
    account.change(processing.datasource_id, status="completed")
    expect(badge(page, processing)).to_have_text("Completed")
    assert "Data sources · Claro Dashboard" in page.title()
    assert not page.title().startswith("(")


@pytest.mark.slow
def test_details_follow_the_source(page, account, processing):
    page.goto(f"/sources/{processing.datasource_id}/")
    expect(page.get_by_text("This page updates automatically")).to_be_visible()
    expect(page.locator(".steps-line li")).to_have_count(1)
    account.change(processing.datasource_id, status="completed", extra={"rowCount": 2})
    expect(page.locator(".steps-line li")).to_have_count(2)
    expect(page.locator(".summary")).to_have_text("2 rows · 2 columns · 20 bytes")
    expect(page.get_by_role("button", name="Download")).to_be_visible()


@pytest.mark.slow
def test_the_rows_of_a_processing_source_appear_by_themselves(page, account, processing):
    page.goto(f"/sources/{processing.datasource_id}/rows/")
    expect(page.get_by_role("heading", name="Claro is processing this file")).to_be_visible()
    account.change(processing.datasource_id, status="completed")
    expect(page.locator(".rows tbody tr")).to_have_count(2)
    page.locator("#sort-1").click()
    expect(page.locator("#chip-sort")).to_be_visible()


@pytest.mark.slow
def test_rows_that_take_long_after_processing_are_on_their_way(page, account, processing):
    page.goto(f"/sources/{processing.datasource_id}/rows/")
    account.hold_up(path=f"{processing.datasource_id}/data")
    account.change(processing.datasource_id, status="completed")
    expect(page.locator("#rows-problem")).to_contain_text("They appear automatically")
    account.let_go()
    expect(page.locator(".rows tbody tr")).to_have_count(2)


def test_a_first_sync_fills_the_page(page, account, alice):
    account.add_many([{"fileName": f"file-{n:03}.csv", "age": n} for n in range(250)])
    keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    page.goto("/sources/")
    expect(page.locator("#status-all")).to_have_text("All 250")
    expect(page.locator("tbody tr")).to_have_count(50)


def test_signing_out_in_one_tab_leads_the_others_to_the_sign_in(page, key, witness):
    witness.expects(401)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto("/sources/?q=file")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    expect(other).to_have_url(re.compile("/accounts/login/.next=%2Fsources%2F%3Fq%3Dfile"))


def test_the_stream_opens_however_late_a_script_comes(page, key):
    late: list[Route] = []
    page.route(re.compile(r"js/stream\."), lambda route: late.append(route))
    page.goto("/sources/", wait_until="commit")
    wait_for(lambda: page.evaluate("'htmx' in window") and late)
    with page.expect_request(re.compile("/live/")):
        late.pop().continue_()


def test_an_update_that_comes_during_a_search_waits_and_keeps_to_it(page, processing, alice):
    page.goto("/sources/")
    page.evaluate("document.body.addEventListener('sources-changed', () => document.body.classList.add('told'))")
    held: list[Route] = []

    def let_go() -> None:
        wait_for(lambda: page.evaluate("true") and held)
        held.pop().continue_()

    intercept(page, re.compile("q=slow"), lambda route: held.append(route))
    page.locator("#q").fill("slow")
    wait_for(lambda: page.evaluate("true") and held)
    live.publish([alice.pk], "sources-changed")
    expect(page.locator("body")).to_have_class("told")
    let_go()
    let_go()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=slow"))
