"""One search is one entry of the browser's history, however it is typed."""

import re

import pytest
from playwright.sync_api import Page, expect

from datasources.activity import log
from datasources.activity.words import What
from tests.conftest import synced
from tests.support.browser import intercept

pytestmark = pytest.mark.browser


@pytest.fixture
def listed(page, account, key) -> Page:
    """Alice's list, reached from another page."""
    for name in ("customers.csv", "日本.csv", "orders.json"):
        account.add(fileName=name)
    synced(key)
    page.goto("/keys/")
    page.goto("/sources/")
    return page


def search(page: Page, text: str, field: str = "#q", name: str = "q") -> None:
    """Types a letter, waits for its answer, types the next."""
    page.locator(field).click()
    for end in range(1, len(text) + 1):
        page.keyboard.type(text[end - 1])
        expect(page).to_have_url(re.compile(rf"[?&]{name}={text[:end]}(&|$)"))


@pytest.mark.slow
def test_a_search_of_several_letters_is_one_step_back(listed):
    search(listed, "custo")
    listed.go_back()
    expect(listed).to_have_url(re.compile("/sources/$"))
    expect(listed.locator("#q")).to_have_value("")
    expect(listed.locator("tbody tr")).to_have_count(3)
    listed.go_forward()
    expect(listed.locator("#q")).to_have_value("custo")
    expect(listed.locator("tbody tr")).to_have_count(1)


@pytest.mark.slow
def test_enter_adds_no_step_to_what_was_typed(listed):
    search(listed, "cust")
    listed.keyboard.type("o")
    listed.keyboard.press("Enter")
    expect(listed).to_have_url(re.compile("q=custo$"))
    with listed.expect_response(re.compile("q=custo")):
        listed.keyboard.press("Enter")
    listed.go_back()
    expect(listed).to_have_url(re.compile("/sources/$"))


@pytest.mark.slow
def test_a_filter_between_two_searches_is_a_step_of_its_own(listed):
    search(listed, "cu")
    listed.get_by_label("Kind of file").select_option(index=1)
    expect(listed).to_have_url(re.compile("type="))
    with listed.expect_response(re.compile("q=cus&")):
        listed.locator("#q").press("End")
        listed.keyboard.type("s")
    expect(listed).to_have_url(re.compile("q=cus&"))
    for address in ("q=cu&type=", "q=cu$", "/sources/$"):
        listed.go_back()
        expect(listed).to_have_url(re.compile(address))


@pytest.mark.slow
def test_a_search_after_going_back_is_a_new_step(listed):
    search(listed, "cu")
    listed.go_back()
    expect(listed).to_have_url(re.compile("/sources/$"))
    expect(listed.locator("tbody tr")).to_have_count(3)
    search(listed, "or")
    listed.go_back()
    expect(listed).to_have_url(re.compile("/sources/$"))
    expect(listed.locator("tbody tr")).to_have_count(3)


@pytest.mark.slow
def test_each_field_of_the_activity_is_one_step(page, alice, key):
    log.record(What.DOWNLOADED, alice, key=key, about="beans.csv")
    page.goto("/activity/")
    search(page, "bea")
    page.get_by_text("Filters").click()
    search(page, "ali", field="#who", name="who")
    page.go_back()
    expect(page).to_have_url(re.compile(r"/activity/\?q=bea$"))
    page.go_back()
    expect(page).to_have_url(re.compile("/activity/$"))


@pytest.mark.slow
def test_the_answer_to_a_search_that_was_left_changes_nothing(listed):
    search(listed, "cu")
    intercept(listed, re.compile("q=cus"), lambda _: None)  # no answer
    listed.keyboard.type("s")
    with listed.expect_event("requestfailed", lambda request: "q=cus" in request.url):
        with listed.expect_request(re.compile("q=cus")):
            pass
        listed.go_back()
    expect(listed).to_have_url(re.compile("/sources/$"))
    expect(listed.locator("tbody tr")).to_have_count(3)


@pytest.mark.slow
def test_letters_that_were_not_searched_for_are_left_too(listed):
    search(listed, "cu")
    listed.clock.install()
    listed.keyboard.type("s")
    listed.go_back()
    expect(listed.locator("tbody tr")).to_have_count(3)
    asked: list[str] = []
    listed.on("request", lambda request: "q=" in request.url and asked.append(request.url))
    listed.clock.run_for(1000)
    assert asked == []
    expect(listed).to_have_url(re.compile("/sources/$"))


def test_text_that_is_still_composed_is_not_searched_for(listed):
    asked: list[str] = []
    listed.on("request", lambda request: "q=" in request.url and asked.append(request.url))
    listed.clock.install()
    listed.locator("#q").click()
    cdp = listed.context.new_cdp_session(listed)
    for text in ("n", "ni", "に", "にh", "にほ", "にほn", "にほん", "日本"):
        cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})
        listed.clock.run_for(1000)
    assert asked == []
    cdp.send("Input.insertText", {"text": "日本"})
    listed.clock.run_for(1000)
    expect(listed.locator("tbody tr")).to_have_count(1)
    assert len(asked) == 1
    listed.go_back()
    expect(listed).to_have_url(re.compile("/sources/$"))
