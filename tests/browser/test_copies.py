"""The whole-table copy in a browser: started in place, followed without polling, and usable without scripts."""

import pytest
from playwright.sync_api import Page, expect

from datasources import access
from datasources.copies import jobs
from datasources.models import Source, TableCopy
from tests.support.copy_rows import State, under_way

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
    before = len(requests)
    changed(table, rows_read=12_000, rows_total=100_000)
    expect(page.get_by_text("Copying: 12,000 of 100,000 rows")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "12000")
    changed(table, state=State.READY, finished_at="2026-01-05T14:02Z", due_at=None, rows=100_000)
    expect(page.get_by_text("Whole table · copied 5 Jan 2026, 14:02")).to_be_visible()
    assert len(requests) - before <= 4


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
