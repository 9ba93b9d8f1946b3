"""What is said of a processing source stays true in a page that is just left open."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import APIResponse, Locator, Route, expect

from core import live
from datasources.deleting import bin
from datasources.models import Deletion, Source
from tests.conftest import polled, synced
from tests.support.browser import PHONE, intercept
from tests.support.processes import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def source(account, key) -> Source:
    """It is processing for ten minutes, where three are usual, and was seen last in its second minute."""
    account.add_many([{"fileName": f"past-{n}.csv", "age": 400} for n in range(5)])
    source_id = account.add(fileName="now.csv", status="processing", age=600)
    synced(key)
    found = Source.objects.filter(datasource_id=source_id)
    found.update(last_seen_at=timezone.now() - timedelta(minutes=8))
    return found.get()


@pytest.mark.parametrize("place", ["list", "list on a phone", "details"])
def test_a_look_at_claro_shows_when_it_was_and_that_it_takes_long(page, key, source, place):
    if place == "list on a phone":
        page.set_viewport_size(PHONE)
    page.goto(f"/sources/{source.datasource_id}/" if place == "details" else "/sources/")
    part = page.locator("dl" if place == "details" else f"#source-{source.pk}")
    shows(part, "for 10 min, usually about 3 min", "Checked 8 min ago")
    polled(key)
    shows(part, "for 10 min, slower than usual (about 3 min)", "Checked just now")


def shows(part: Locator, *texts: str) -> None:
    for text in texts:
        expect(part.locator(".pace:visible").get_by_text(text)).to_have_count(1)


@pytest.mark.slow
def test_a_page_that_is_left_open_counts_on(page, source):
    page.goto(f"/sources/{source.datasource_id}/")
    part = page.locator("dl")
    shows(part, "for 10 min", "Checked 8 min ago")
    page.clock.set_fixed_time(timezone.now() + timedelta(minutes=2))
    shows(part, "for 12 min", "Checked 10 min ago")


def test_looks_that_follow_quickly_upon_each_other_are_one_request(page, key, source):
    page.clock.install(time=timezone.now())
    page.goto("/sources/")
    polled(key)
    shows(page.locator(f"#source-{source.pk}"), "Checked just now")
    page.evaluate("told = 0; document.body.addEventListener('watch-checked', () => (told += 1))")
    # The first that the page was told may have been to look again, as when its stream began: this one is a look.
    polled(key)
    wait_for(lambda: page.evaluate("told") >= 1)
    expect(page.locator("#source-list.htmx-request")).to_have_count(0)
    asked: list[str] = []
    # Whether anything stands still is asked apart (stalled.py).
    is_meant = lambda one: "hx-request" in one.headers and "/checks/" not in one.url  # noqa: E731
    page.on("request", lambda one: asked.append(one.url) if is_meant(one) else None)
    for number in range(2, 5):
        polled(key)
        wait_for(lambda number=number: page.evaluate("told") >= number)
    assert asked == []
    page.clock.run_for("00:15")
    wait_for(lambda: page.evaluate("true") and asked)
    page.clock.run_for("00:15")
    assert len(asked) == 1


def test_a_file_that_leaves_the_bin_while_the_bin_is_read_leaves_the_page(page, source, alice):
    page.goto("/sources/")
    page.evaluate("document.body.addEventListener('marked', () => document.body.classList.add('told'))")
    held: list[tuple[Route, APIResponse]] = []

    def hold_that_of_the_bin(route: Route) -> None:
        answer = route.fetch()
        if held or "will be deleted" not in answer.text():  # the stream asks too when it opens
            route.fulfill(response=answer)
        else:
            held.append((route, answer))

    intercept(page, re.compile("/above/"), hold_that_of_the_bin)
    bin.put([source], alice)
    wait_for(lambda: page.evaluate("true") and held)
    [(route, answer)] = held
    bin.keep(Deletion.objects.all(), alice)
    live.publish([alice.pk], "marked")
    expect(page.locator("body")).to_have_class("told")
    route.fulfill(response=answer)
    expect(page.locator("#bin")).to_have_text("")


def test_a_page_whose_last_script_is_late_hears_what_happens_meanwhile(page, source, alice):
    late: list[Route] = []
    page.route(re.compile(r"js/rows\."), lambda route: late.append(route))
    page.goto(f"/sources/{source.datasource_id}/", wait_until="commit")
    wait_for(lambda: page.evaluate("!!document.querySelector('link[rel=icon][data-plain]')") and late)
    bin.put([source], alice)
    page.wait_for_timeout(200)  # an event that is taken too soon is lost by then
    late.pop().continue_()
    expect(page.locator("#bin")).to_contain_text("will be deleted")


def test_an_event_that_comes_before_the_answer_to_a_user_is_told_again_after_it(page, source, alice):
    page.goto("/sources/")
    page.evaluate("told = 0; document.body.addEventListener('marked', () => (document.body.dataset.told = ++told))")
    held: list[Route] = []
    intercept(page, re.compile("sort="), lambda route: held.append(route))
    page.locator("#source-list .sort-link").first.click()
    wait_for(lambda: page.evaluate("true") and held)
    live.publish([alice.pk], "marked")
    expect(page.locator("body")).to_have_attribute("data-told", "1")
    held.pop().continue_()
    expect(page.locator("body")).to_have_attribute("data-told", "2")
