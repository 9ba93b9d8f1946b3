"""The chooser of columns and the headers: changes at once, ranges, order and widths by a drag."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import synced
from tests.support.answers import another_answer
from tests.support.browser import intercept
from tests.support.copies import copied
from tests.support.processes import wait_for
from tests.support.rows_page import open_panel

pytestmark = [pytest.mark.browser, pytest.mark.any_window]


@pytest.fixture
def table(page, account, key, kind) -> Page:
    """Alice's page of a table of six columns, the chooser open."""
    account.upload("things.csv", "a,b,c,d,e,f\n1234567.5,2,3,4,5,6\n12.25,2,3,4,5,6\n")
    source = synced(key)[0]
    if kind == "copy":
        copied(source, [*"abcdef"], [[1234567.5, 2, 3, 4, 5, 6], [12.25, 2, 3, 4, 5, 6]])
    page.goto(f"/sources/{source.datasource_id}/rows/")
    open_panel(page, "columns")
    return page


def box(page: Page, name: str):
    return page.get_by_role("checkbox", name=name, exact=True)


def heads(page: Page, *names: str) -> None:
    expect(page.locator(".rows thead tr:first-child th .sort-link")).to_have_text(list(names))


@pytest.mark.slow
def test_boxes_ranges_and_the_search_apply_at_once(table):
    box(table, "b").click()
    heads(table, "a", "c", "d", "e", "f")
    expect(table).to_have_url(re.compile(r"\?hide=b$"))
    expect(box(table, "b")).to_be_focused()
    box(table, "d").click(modifiers=["Shift"])
    heads(table, "a", "e", "f")
    box(table, "d").focus()
    table.keyboard.press("Shift+ArrowDown")
    heads(table, "a", "f")
    table.locator("#find-column").fill("c")
    expect(box(table, "f")).to_be_hidden()
    table.keyboard.press("Enter")
    heads(table, "a", "c", "f")
    expect(table.locator("#find-column")).to_be_focused()
    table.get_by_role("button", name="None").click()
    heads(table)


def test_headers_are_dragged_to_another_place_and_width(table):
    table.keyboard.press("Escape")
    head = table.locator("th[data-place='1']")
    head.hover()
    table.mouse.down()
    table.locator("th[data-place='3']").hover()
    table.mouse.up()
    heads(table, "b", "c", "a", "d", "e", "f")
    at = head.bounding_box()
    table.mouse.move(at["x"] + at["width"] - 3, at["y"] + 5)
    table.mouse.down()
    table.mouse.move(at["x"] + 250, at["y"] + 5, steps=3)
    table.mouse.up()
    expect(table).to_have_url(re.compile(r"width=2[45][0-9]\.a"))
    assert abs(head.bounding_box()["width"] - 250) < 8


@pytest.mark.slow
def test_boxes_move_by_keys_and_by_a_drag(table):
    box(table, "b").click()
    heads(table, "a", "c", "d", "e", "f")
    box(table, "c").focus()
    table.keyboard.press("Alt+ArrowDown")
    heads(table, "a", "d", "c", "e", "f")
    expect(box(table, "c")).to_be_focused()
    expect(table.locator("#announcer")).to_have_text("c moved to place 3 of 5")
    table.keyboard.press("e")
    expect(box(table, "e")).to_be_focused()
    grips = table.locator("#columns-panel .grip")
    grips.nth(0).hover()
    table.mouse.down()
    grips.nth(3).hover()
    table.mouse.up()
    heads(table, "d", "c", "e", "a", "f")
    expect(table.locator("#announcer")).to_have_text("a moved to place 4 of 5")
    checked = "boxes => boxes.filter((one) => one.checked).length"
    assert table.locator("#columns-panel [name=on]").evaluate_all(checked) == 5


def test_a_column_gets_the_width_of_its_longest_cell(page, account, key):
    question = "How satisfied were you, all in all, with the service that you got at this branch last year?"
    account.upload("things.csv", f'a,b,"{question}"\n{"short"},1,1\n{"much longer text " * 4},2,2\n')
    page.goto(f"/sources/{synced(key)[0].datasource_id}/rows/?width=80.a")
    is_whole = "cell => cell.scrollWidth <= cell.clientWidth"
    cell = page.locator("tbody tr").nth(1).locator("td").first
    assert not cell.evaluate(is_whole)
    page.get_by_role("button", name="Menu of a").click()
    page.get_by_role("button", name="Fit width").click()
    expect(page).to_have_url(re.compile(r"width=[3-9]\d\d\.a"))
    assert cell.evaluate(is_whole)
    assert cell.bounding_box()["width"] - cell.evaluate("cell => cell.scrollWidth") < 3
    head = page.locator("th[data-place='3']")
    head.scroll_into_view_if_needed()
    at = head.bounding_box()
    page.mouse.dblclick(at["x"] + at["width"] - 3, at["y"] + 8)
    expect(page).to_have_url(re.compile(r"width=(2[5-9]|3[0-3])\d\.How"))


@pytest.mark.slow
def test_other_answers_leave_a_change_alone_that_the_page_waits_for(table, alice):
    held: list[Route] = []
    intercept(table, re.compile("/rows/columns/"), lambda route: held.append(route))
    box(table, "b").click()
    another_answer(table, alice)
    expect(box(table, "b")).not_to_be_checked()
    box(table, "c").click()
    wait_for(lambda: table.evaluate("true") and len(held) == 2)
    held.pop().continue_()
    heads(table, "a", "d", "e", "f")
    box(table, "d").focus()
    table.keyboard.press("Alt+ArrowDown")
    wait_for(lambda: table.evaluate("true") and len(held) == 2)
    another_answer(table, alice)
    held.pop().continue_()
    expect(table.locator("#announcer")).to_have_text("d moved to place 3 of 4")
    expect(box(table, "d")).to_be_focused()


def test_a_tick_counts_whose_request_was_replaced_by_the_next_change(table):
    held: list[Route] = []
    intercept(table, re.compile("/rows/columns/"), lambda route: held.append(route))
    box(table, "b").click()
    wait_for(lambda: table.evaluate("true") and held)
    box(table, "c").focus()
    table.keyboard.press("Alt+ArrowDown")
    wait_for(lambda: table.evaluate("true") and len(held) == 2)
    held.pop().continue_()
    heads(table, "a", "d", "c", "e", "f")


@pytest.mark.slow
def test_a_move_without_an_answer_is_made_by_retry_whatever_else_is_answered(table, witness, alice):
    witness.expects("ERR_FAILED", "Failed to fetch")
    intercept(table, re.compile("/rows/columns/"), lambda route: route.abort())
    box(table, "b").focus()
    table.keyboard.press("Alt+ArrowDown")
    retry = table.locator("[data-retry]")
    expect(retry).to_be_visible()
    table.unroute_all()
    another_answer(table, alice)
    retry.click()
    heads(table, "a", "c", "b", "d", "e", "f")


@pytest.mark.slow
def test_changes_that_follow_at_once_are_made_one_after_the_other(table):
    held: list[Route] = []
    intercept(table, re.compile("/rows/columns/"), lambda route: held.append(route))

    def let_go(number: int) -> None:
        wait_for(lambda: table.evaluate("true") and len(held) == number)
        held[-1].continue_()

    box(table, "b").focus()
    for _ in range(3):
        table.keyboard.press("Alt+ArrowDown")
    box(table, "d").click()
    box(table, "f").click()
    box(table, "e").focus()
    table.keyboard.press("Alt+ArrowUp")
    let_go(1)
    heads(table, "a", "c", "b", "d", "e", "f")
    expect(box(table, "d")).not_to_be_checked()
    let_go(2)
    let_go(3)
    # Boxes need no turn of their own: they are sent with every change, so the last one replaces their requests.
    wait_for(lambda: table.evaluate("true") and "do=left" in (held[-1].request.post_data or ""))
    held[-1].continue_()
    heads(table, "a", "e", "c", "b")
    expect(box(table, "e")).to_be_focused()
    expect(table.locator("#announcer")).to_have_text("e moved to place 2 of 4")


def test_after_an_error_no_further_change_is_sent(table, witness):
    witness.expects(503)
    held: list[Route] = []
    intercept(table, re.compile("/rows/columns/"), lambda route: held.append(route))
    box(table, "b").focus()
    for _ in range(2):
        table.keyboard.press("Alt+ArrowDown")
    wait_for(lambda: table.evaluate("true") and held)
    with table.expect_response(re.compile("/rows/columns/")):
        held[0].fulfill(status=503, body="<p>Broken</p>")
    expect(table.locator("#columns-form.htmx-request")).to_have_count(0)
    box(table, "c").focus()
    table.keyboard.press("Alt+ArrowDown")
    wait_for(lambda: table.evaluate("true") and len(held) == 2)
    held[1].continue_()
    heads(table, "a", "b", "d", "c", "e", "f")


@pytest.mark.slow
@pytest.mark.parametrize("query", ["?width=900.a", "?pin=a&width=900.a"])
def test_a_wide_column_that_stays_leaves_room_for_others(table, query):
    table.goto(table.url + query)
    box, last = table.locator(".rows-box"), table.locator("#row-1 > :last-child")
    last.scroll_into_view_if_needed()
    last.click()
    expect(table.get_by_role("menu")).to_be_visible()
    table.keyboard.press("Escape")
    box.evaluate("box => box.scrollTo(0, 0)")
    assert table.locator("#row-1 > :nth-child(2)").bounding_box()["x"] >= box.bounding_box()["x"]


@pytest.mark.slow
def test_grouped_thousands_are_shown_and_not_copied(table):
    table.get_by_role("button", name="Group thousands").click()
    expect(table).to_have_url(re.compile("thousands=1"))
    cells = table.locator("tbody td:nth-child(2)")
    expect(cells).to_have_text(["1234567.5", "12.25"])
    comma = "cell => getComputedStyle(cell.querySelector('i'), '::before').content"
    assert "," in cells.first.evaluate(comma)


@pytest.mark.slow
def test_going_back_undoes_changes(table):
    box(table, "b").click()
    heads(table, "a", "c", "d", "e", "f")
    box(table, "c").click()
    heads(table, "a", "d", "e", "f")
    table.go_back()
    heads(table, "a", "c", "d", "e", "f")
    table.go_back()
    heads(table, *"abcdef")
    table.locator("#sort-1").click()
    expect(table).to_have_url(re.compile(r"\?sort=a&order=asc$"))
    heads(table, *"abcdef")


@pytest.mark.slow
def test_boxes_found_by_the_server_keep_focus_and_ticks(page, account, key):
    names = [f"col{number:03}" for number in range(320)]
    account.upload("wide.csv", ",".join(names) + "\n" + ",".join("1" * 320) + "\n")
    source = synced(key)[0]
    copied(source, names, [[1] * 320])
    page.goto(f"/sources/{source.datasource_id}/rows/")
    open_panel(page, "columns")
    page.keyboard.type("col31")
    box(page, "col315").click()
    expect(page).to_have_url(re.compile("hide=col315$"))
    expect(box(page, "col315")).to_be_focused()
    held: list[Route] = []
    intercept(page, re.compile("/rows/(columns|chooser)/"), lambda route: held.append(route))
    page.locator("#find-column").fill("col3")
    wait_for(lambda: page.evaluate("true") and held)
    box(page, "col312").click()
    wait_for(lambda: page.evaluate("true") and len(held) == 2)
    held[0].continue_()
    expect(box(page, "col300")).to_be_visible()
    expect(box(page, "col312")).not_to_be_checked()
    held[1].continue_()
    expect(page).to_have_url(re.compile("hide=col312&hide=col315$"))
