"""The list in a browser: search, sort, filter, page, and going back."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import synced
from tests.support.browser import intercept
from tests.support.processes import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def listed(page, account, key) -> Page:
    """Alice's list of 60 sources: the newest is file-00, every third one failed, sizes go down and up again."""
    endings = ("csv", "json")
    account.add_many(
        [
            {
                "fileName": f"file-{n:02}.{endings[n % 2]}",
                "status": "failed" if n % 3 == 0 else "completed",
                "age": 100 + n * 60,
                "fileSize": abs(30 - n) * 1000 + n,
            }
            for n in range(60)
        ]
    )
    synced(key)
    page.goto("/sources/")
    shows(page, "file-00.csv", 50)
    return page


def shows(page: Page, first: str, count: int) -> None:
    """The whole page, with these sources in the list."""
    expect(page.locator("tbody tr")).to_have_count(count)
    expect(page.locator("tbody tr .name").first).to_have_text(first)
    expect(page.locator("h1")).to_have_text("Data sources")
    expect(page.locator(".sidebar")).to_have_count(1)
    expect(page.locator("#source-list")).to_have_count(1)


@pytest.mark.slow
def test_searching_keeps_focus_and_caret(listed):
    listed.locator("#q").click()
    listed.keyboard.type("fle-1")
    expect(listed).to_have_url(re.compile("q=fle-1"))
    expect(listed.get_by_text("Nothing matches")).to_be_visible()
    for _ in range(4):
        listed.keyboard.press("ArrowLeft")
    listed.keyboard.type("i")
    shows(listed, "file-10.csv", 10)
    expect(listed).to_have_url(re.compile("q=file-1"))
    expect(listed.locator("#q")).to_be_focused()
    assert listed.locator("#q").evaluate("field => [field.selectionStart, field.selectionEnd]") == [2, 2]
    listed.keyboard.press("End")
    listed.keyboard.type("1")
    shows(listed, "file-11.json", 1)


@pytest.mark.slow
def test_a_header_sorts_up_and_down(listed):
    listed.get_by_role("link", name="Size").click()
    shows(listed, "file-30.csv", 50)
    expect(listed.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "ascending")
    listed.get_by_role("link", name="Size").click()
    shows(listed, "file-00.csv", 50)
    expect(listed.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "descending")
    expect(listed.get_by_role("link", name="Size")).to_be_focused()
    listed.get_by_role("link", name="File", exact=True).click()
    expect(listed).to_have_url(re.compile("sort=name&order=asc"))


@pytest.mark.slow
def test_filters_narrow_one_another(listed):
    chip = listed.get_by_role("navigation", name="Status").get_by_role("link", name="Failed")
    expect(chip).to_have_text("Failed 20")
    chip.click()
    shows(listed, "file-00.csv", 20)
    expect(chip).to_have_attribute("aria-current", "true")
    listed.get_by_label("Kind of file").select_option(label="JSON (10)")
    shows(listed, "file-03.json", 10)
    listed.locator("#q").fill("file-5")
    shows(listed, "file-51.json", 2)
    expect(listed).to_have_url(re.compile(r"status=failed"))
    listed.get_by_role("link", name="Clear").click()
    shows(listed, "file-00.csv", 50)


def test_pages_and_their_size(listed):
    listed.get_by_role("link", name="Next").click()
    shows(listed, "file-50.csv", 10)
    listed.get_by_label("Files per page").select_option("25")
    shows(listed, "file-00.csv", 25)
    expect(listed).to_have_url(re.compile("limit=25"))
    listed.get_by_label("Page", exact=True).fill("3")
    listed.keyboard.press("Enter")
    shows(listed, "file-50.csv", 10)
    listed.get_by_role("link", name="Previous").click()
    shows(listed, "file-25.json", 25)


@pytest.mark.slow
def test_back_and_forward_bring_the_whole_page(listed):
    listed.get_by_role("link", name="Next").click()
    shows(listed, "file-50.csv", 10)
    listed.get_by_role("link", name="Size").click()
    shows(listed, "file-30.csv", 50)
    listed.locator("tbody tr .name").first.click()
    expect(listed.locator("h1")).to_have_text("file-30.csv")
    listed.go_back()
    shows(listed, "file-30.csv", 50)
    listed.go_back()
    shows(listed, "file-50.csv", 10)
    listed.go_back()
    shows(listed, "file-00.csv", 50)
    expect(listed.locator("[data-live-user]")).to_have_count(1)
    listed.go_forward()
    shows(listed, "file-50.csv", 10)
    listed.get_by_role("link", name="Previous").click()
    shows(listed, "file-00.csv", 50)


@pytest.mark.slow
def test_a_reload_shows_the_same(listed):
    listed.locator("#q").fill("json")
    expect(listed).to_have_url(re.compile("q=json"))
    listed.get_by_role("link", name="File", exact=True).click()
    expect(listed).to_have_url(re.compile("sort=name"))
    shows(listed, "file-01.json", 30)
    listed.reload()
    shows(listed, "file-01.json", 30)
    expect(listed.locator("#q")).to_have_value("json")


def test_what_changed_is_said_aloud(listed):
    listed.get_by_role("link", name="Next").press("Enter")
    expect(listed.locator("#announcer")).to_have_text("60 data sources, page 2 of 2")


@pytest.mark.slow
def test_going_back_asks_for_the_page_once_and_all_goes_on(listed):
    listed.get_by_role("link", name="Next").click()
    shows(listed, "file-50.csv", 10)
    restored: list[str] = []
    listed.on("request", lambda one: one.headers.get("hx-history-restore-request") and restored.append(one.url))
    listed.go_back()
    shows(listed, "file-00.csv", 50)
    listed.go_forward()
    shows(listed, "file-50.csv", 10)
    listed.go_back()
    shows(listed, "file-00.csv", 50)
    listed.get_by_role("link", name="Next").click()
    shows(listed, "file-50.csv", 10)
    expect(listed.locator("#announcer")).to_have_text("60 data sources, page 2 of 2")
    listed.get_by_role("combobox", name="Theme").select_option("dark")
    expect(listed.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert len(restored) == 3


def test_focus_stays_where_paging_ends(listed):
    listed.get_by_role("link", name="Next").press("Enter")
    shows(listed, "file-50.csv", 10)
    expect(listed.get_by_role("link", name="Next")).to_be_disabled()
    expect(listed.get_by_role("link", name="Next")).to_be_focused()


def test_without_a_connection_it_is_told_until_there_is_one(listed, witness):
    witness.expects("ERR_FAILED", "Failed to fetch", "network error")
    intercept(listed, "**/*", lambda route: route.abort())
    listed.get_by_role("link", name="Size").click()
    message = listed.get_by_role("status").filter(has_text="You're offline or the server is down")
    expect(message).to_be_in_viewport(ratio=1)
    shows(listed, "file-00.csv", 50)
    listed.mouse.wheel(0, 2000)
    expect(message).to_be_in_viewport(ratio=1)
    listed.get_by_role("button", name="Retry").click()
    expect(message).to_be_visible()
    intercept(listed, re.compile("sort=size"), lambda route: route.continue_())  # and nothing else yet
    listed.get_by_role("button", name="Retry").click()
    shows(listed, "file-30.csv", 50)
    expect(message).to_be_hidden()


def test_a_connection_that_comes_back_is_announced_for_a_moment(listed, witness):
    witness.expects("ERR_INTERNET_DISCONNECTED", "Failed to fetch", "network error")
    listed.context.set_offline(True)
    listed.evaluate("htmx.trigger(document.body, 'reconnected')")
    expect(listed.get_by_role("button", name="Retry")).to_be_visible()
    listed.clock.install()
    listed.context.set_offline(False)
    expect(listed.get_by_role("status").filter(has_text="Back online")).to_be_in_viewport()
    listed.clock.run_for(5000)
    expect(listed.locator("[data-connection]")).to_be_empty()


def test_what_was_pressed_keeps_its_retry_when_only_the_connection_comes_back(listed, witness):
    witness.expects("ERR_INTERNET_DISCONNECTED", "Failed to fetch", "network error")
    listed.context.set_offline(True)
    listed.get_by_role("link", name="Size").click()
    expect(listed.get_by_role("button", name="Retry")).to_be_visible()
    listed.context.set_offline(False)
    message = listed.get_by_role("status").filter(has_text="Back online, but what you pressed got no answer")
    expect(message).to_be_visible()
    comes_again = "table => { const next = table.cloneNode(true); table.replaceWith(next); htmx.process(next); }"
    listed.locator("#source-list table").evaluate(comes_again)
    listed.get_by_role("button", name="Retry").click()
    shows(listed, "file-30.csv", 50)
    expect(listed).to_have_url(re.compile("sort=size"))
    expect(message).to_be_hidden()


@pytest.mark.parametrize("step", ["Size", "Next"])
def test_the_table_is_busy_while_a_sort_or_a_page_is_requested(listed, step):
    held: list[Route] = []
    part = listed.locator("#source-list")
    bar = "part => getComputedStyle(part.querySelector('.table-responsive'), '::before')"
    intercept(listed, re.compile("(sort|page)="), lambda route: held.append(route))
    listed.get_by_role("link", name=step, exact=True).click()
    expect(part).to_have_attribute("aria-busy", "true")
    assert part.evaluate(f"part => ({bar})(part).height") == "2px"
    wait_for(lambda: part.evaluate(f"part => ({bar})(part).opacity") == "1")
    held.pop().continue_()
    expect(part).not_to_have_attribute("aria-busy", "true")
    expect(listed).to_have_url(re.compile("sort=size|page=2"))


def test_the_table_stays_busy_when_one_request_replaces_another(listed):
    held: list[Route] = []
    part = listed.locator("#source-list")
    intercept(listed, re.compile("q="), lambda route: held.append(route))
    for number, text in enumerate(("file", "file-1"), 1):
        listed.locator("#q").fill(text)
        wait_for(lambda asked=number: listed.evaluate("true") and len(held) == asked)
        expect(part).to_have_attribute("aria-busy", "true")
    held[1].continue_()
    expect(part).not_to_have_attribute("aria-busy", "true")


@pytest.mark.slow
def test_stars_news_groups_and_tags(listed):
    other = listed.context.new_page()
    other.goto("/sources/?q=file-02")
    star = listed.locator("tbody tr").nth(2).locator("button[form=f]")
    star.focus()
    listed.keyboard.press("Enter")
    expect(star).to_have_accessible_name("Remove from favourites file-02.csv")
    expect(star).to_be_focused()
    expect(other.locator("tbody button[form=f]")).to_have_accessible_name("Remove from favourites file-02.csv")
    listed.get_by_role("link", name="Favourites").click()
    shows(listed, "file-02.csv", 1)
    listed.locator(".list-summary").get_by_role("link", name="60 new since yesterday").click()
    expect(listed).to_have_url(re.compile(r"/sources/\?since=yesterday$"))
    listed.get_by_label("Group by").select_option("By status")
    expect(listed.get_by_role("rowheader")).to_have_text(["Failed", "Completed"])
    expect(listed.locator("tbody").nth(1).locator("tr .name")).to_have_count(30)
    # Headings are no lines.
    listed.keyboard.press("Escape")
    listed.locator("h1").click()
    listed.keyboard.press("j")
    expect(listed.get_by_role("link", name="file-00.csv", exact=True)).to_be_focused()
    listed.keyboard.press("x")
    listed.get_by_role("button", name="Tag", exact=True).click()
    listed.get_by_label("Name").fill("Season")
    listed.get_by_role("button", name="Create and add").click()
    expect(listed.get_by_text("on this file")).to_be_visible()
    expect(other.locator("#tag")).to_be_visible()
    listed.get_by_role("link", name="Done").click()
    expect(listed).to_have_url(re.compile(r"/sources/\?since=yesterday&group=status$"))
    expect(listed.locator("tbody .tag")).to_have_text(["Season"])


@pytest.mark.slow
def test_all_that_match_stay_ticked_on_other_pages_until_others_match(listed):
    listed.goto("/sources/?limit=25")
    listed.locator("[data-choose-page]").check()
    listed.get_by_label("All 60").check()
    listed.get_by_role("link", name="Next").click()
    shows(listed, "file-25.json", 25)
    expect(listed.locator("tbody input[name=source]:checked")).to_have_count(25)
    expect(listed.locator("[data-chosen-count]")).to_have_text("60 selected")
    listed.get_by_role("link", name="Size").click()
    expect(listed).to_have_url(re.compile("sort=size"))
    expect(listed.get_by_label("All 60")).to_be_checked()
    listed.locator("#status-all + a").click()
    expect(listed).to_have_url(re.compile("status="))
    expect(listed.locator("#choose-all")).to_be_checked(checked=False)


@pytest.mark.slow
@pytest.mark.parametrize("scripts", [True, False])
def test_going_back_leads_to_the_tags_of_chosen_files(people, alice, listed, scripts):
    page = people(alice, java_script_enabled=scripts).new_page()
    page.goto("/sources/")
    for number in (0, 2):
        page.get_by_role("checkbox", name=f"Select file-0{number}.csv").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    title = page.get_by_role("heading", name="Tags of 2 files")
    page.get_by_label("Name").fill("Q4")
    page.get_by_role("button", name="Create and add").click()
    expect(page.get_by_text("on all 2 files")).to_be_visible()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("heading", name="Data sources")).to_be_visible()
    page.go_back()
    expect(title).to_be_visible()
    expect(page.get_by_text("on all 2 files")).to_be_visible()
    page.reload()
    expect(title).to_be_visible()
