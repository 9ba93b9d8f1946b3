"""What happened: narrowed while one types, without scripts too, and taken along."""

import re

import pytest
from playwright.sync_api import expect

from core import live
from datasources.activity import log
from datasources.activity.words import What
from tests.support.browser import PHONE

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def events(alice, key) -> None:
    log.record(What.DOWNLOADED, alice, key=key, about="beans.csv")
    log.record(What.DOWNLOADED, alice, key=key, about="peas.csv")
    log.record(What.KEY_ADDED, alice, key=key)


def test_typing_narrows_the_log_and_the_cursor_stays(page):
    page.goto("/activity/")
    lines = page.locator(".log > li")
    expect(lines).to_have_count(3)
    page.get_by_role("searchbox", name="Search").press_sequentially("beans")
    expect(lines).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    expect(page).to_have_url(re.compile(r"/activity/\?q=beans$"))
    page.get_by_label("Event").select_option("keys")
    expect(page.get_by_role("heading", name="No matching activity")).to_be_visible()
    page.go_back()
    expect(lines).to_have_count(1)


def test_who_goes_on_is_not_called_back_by_what_they_typed_before(page):
    page.clock.install()
    page.goto("/activity/?q=nobody")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/activity/" in request.url else None)
    page.get_by_role("link", name="Clear").evaluate(
        """link => {
            document.querySelector("[name=q]").dispatchEvent(new Event("input", { bubbles: true }));
            link.click();
        }"""
    )
    page.clock.run_for(1000)
    expect(page.locator(".log > li")).to_have_count(3)
    assert "q=" not in asked[-1]


def test_what_is_shown_is_what_is_exported(page, tmp_path):
    page.goto("/activity/?q=peas")
    with page.expect_download() as started:
        page.get_by_role("link", name="Export as CSV").click()
    text = (started.value.path()).read_text("utf-8-sig")
    assert started.value.suggested_filename.startswith("activity-")
    assert "downloaded peas.csv" in text
    assert "beans" not in text


@pytest.mark.parametrize("options", [{"java_script_enabled": False}, {"viewport": PHONE}], ids=str)
def test_one_asks_by_whom_and_when(people, alice, options):
    page = people(alice, **options).new_page()
    page.goto("/activity/")
    page.get_by_text("Filters").click()
    page.get_by_label("User").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No matching activity")).to_be_visible()
    expect(page.get_by_label("User")).to_have_value("nobody")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(".log > li")).to_have_count(3)


@pytest.mark.parametrize("options", [{"java_script_enabled": False}, {"viewport": PHONE}], ids=str)
def test_repeats_unfold_and_a_filter_is_removed(people, alice, key, options):
    for number in range(3):
        log.record(What.LINK_COPIED, alice, key=key, about=f"{number}.csv")
    page = people(alice, **options).new_page()
    page.goto("/activity/?what=downloads&q=csv")
    expect(page.get_by_text("copied the download link for 1.csv")).to_be_hidden()
    page.get_by_text("copied the download links for 3 files").click()
    expect(page.get_by_text("copied the download link for 1.csv")).to_be_visible()
    page.get_by_role("link", name="“csv”").click()
    expect(page).to_have_url(re.compile(r"/activity/\?what=downloads$"))


def test_what_happens_meanwhile_appears_by_itself_and_what_is_unfolded_stays_so(page, alice, key):
    token = log.origin.set(log.Origin("203.0.113.7", "Firefox/140 Linux"))
    log.record(What.SIGNED_IN, alice)
    log.origin.reset(token)
    page.goto("/activity/")
    lines = page.locator(".log > li")
    expect(lines).to_have_count(4)
    page.get_by_text("details").first.click()
    page.get_by_text("Filters").click()
    expect(page.get_by_text("Firefox on Linux")).to_be_visible()
    log.record(What.DOWNLOADED, alice, key=key, about="lentils.csv")
    live.publish([alice.pk], "downloads-changed")
    expect(lines).to_have_count(5)
    expect(page.get_by_text("Firefox on Linux")).to_be_visible()
    expect(page.get_by_label("User")).to_be_visible()
