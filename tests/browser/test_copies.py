"""The whole-table copy in a browser: started in place, followed without polling, and usable without scripts."""

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from core import live
from datasources import access
from datasources.copies import jobs
from datasources.models import Source, TableCopy
from tests.support.browser import intercept
from tests.support.copy_rows import State, under_way
from tests.support.processes import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def path(table) -> str:
    return f"/sources/{table.datasource_id}/copy/"


@pytest.fixture
def details(table) -> str:
    return f"/sources/{table.datasource_id}/"


def line(page: Page):
    return page.get_by_role("region", name="Whole-table copy")


def changed(source: Source, **changes) -> None:
    """As a worker does it: the row, then the event."""
    TableCopy.objects.filter(source=source).update(**changes)
    access.publish(source.key, jobs.event_name(source))


def test_the_line_starts_a_copy_where_it_stands(page, details, table):
    page.goto(details)
    expect(line(page)).to_contain_text("Live from Claro, 1,000 rows at a time")
    page.evaluate("window.isTheSamePage = true")
    line(page).get_by_role("button", name="Copy the whole table").click()
    expect(line(page)).to_contain_text("Copying")
    expect(line(page).get_by_role("button", name="Stop")).to_be_visible()
    assert page.evaluate("window.isTheSamePage")
    assert TableCopy.objects.get().is_under_way


@pytest.mark.parametrize("where", ["line", "page"])
def test_progress_appears_by_events(page, path, details, table, where):
    under_way(table)
    requests = []
    page.on("request", lambda request: requests.append(request.url) if "/copy/" in request.url else None)
    page.goto(path if where == "page" else details)
    expect(page.get_by_text("Copying")).to_be_visible()
    page.wait_for_function("document.documentElement.matches('.js')")
    page.evaluate("addEventListener('glance', event => event.stopImmediatePropagation(), true)")
    before = len(requests)
    changed(table, rows_read=12_000, rows_total=100_000)
    expect(page.get_by_text("Copying: 12,000 of 100,000 rows")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "12000")
    changed(table, state=State.READY, finished_at="2026-01-05T14:02Z", due_at=None, rows=100_000)
    expect(page.get_by_text("Whole table · copied 5 Jan 2026, 14:02")).to_be_visible()
    assert len(requests) - before <= 4


@pytest.mark.parametrize("older", ["first-rows/", ""])
def test_an_older_answer_that_comes_late_does_not_hide_progress(page, details, table, alice, older):
    under_way(table)
    held: list[tuple[Route, APIResponse]] = []
    page.goto("/sources/" if older else details)
    if not older:
        expect(page.get_by_role("region", name="First rows")).to_be_visible()
    intercept(page, "**" + details + older, lambda route: held.append((route, route.fetch())))
    if older:
        page.goto(details)
    else:
        live.publish([alice.pk], "shares-changed")  # only for the page
    wait_for(lambda: page.evaluate("true") and held)
    page.evaluate("addEventListener('glance', event => event.stopImmediatePropagation(), true)")
    changed(table, rows_read=12_000, rows_total=100_000)
    expect(line(page)).to_contain_text("Copying: 12,000 of 100,000 rows")
    swapped = "({ detail: { ctx } }) => ctx.target.id === 'source' && (document.body.dataset.isOlder = true)"
    page.evaluate(f"document.addEventListener('htmx:after:swap', {swapped})")
    for route, answer in held:
        route.fulfill(response=answer)
    expect(page.locator("body[data-is-older]")).to_have_count(1)
    expect(line(page)).to_contain_text("Copying: 12,000 of 100,000 rows")


def test_a_copy_is_stopped_and_resumed(page, path, table):
    under_way(table, rows_read=3000, rows_total=9000)
    page.goto(path)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Copying stopped at 3,000 of 9,000 rows.")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Copying: 3,000 of 9,000 rows")).to_be_visible()


def test_another_user_s_copy_appears_on_an_open_page(page, details, table, alice):
    page.goto(details)
    expect(line(page)).to_contain_text("Live from Claro")
    jobs.start(table, alice)
    expect(line(page)).to_contain_text("Copying")


def test_without_scripts_a_copy_is_started_stopped_and_deleted(people, alice, details, path, table):
    page = people(alice, java_script_enabled=False).new_page()
    page.goto(details)
    line(page).get_by_role("button", name="Copy the whole table").click()
    expect(page.get_by_text("The table things.csv is being copied.")).to_be_visible()
    expect(page.get_by_role("heading", name="Whole-table copy of things.csv")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped copying things.csv.")).to_be_visible()
    TableCopy.objects.update(rows_read=50)
    page.goto(path)
    page.get_by_text("Delete the copy").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted the copies of things.csv.")).to_be_visible()
    assert TableCopy.objects.get().rows_read == 0
