"""Two changes of a table within a moment: the second is made to the table that the first one leads to."""

import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import synced
from tests.support.browser import intercept
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.processes import wait_for
from tests.support.rows_page import open_panel

pytestmark = [pytest.mark.browser]

TABLES = re.compile(r"/(sources|rows)/(\?|$|columns/|favourite/)")


@pytest.fixture
def rows(page, table, request) -> Page:
    copied(table, COLUMNS, ROWS)
    page.goto(f"/sources/{table.datasource_id}/rows/{getattr(request, 'param', '')}")
    return page


@pytest.fixture
def listed(page, account, key) -> Page:
    """Alice's list of 60 sources."""
    account.add_many([{"fileName": f"file-{n:02}.csv", "age": 100 + n * 60, "fileSize": n} for n in range(60)])
    synced(key)
    page.goto("/sources/")
    return page


@pytest.fixture
def let_go(request, page) -> Callable[[], None]:
    """Answers for the table wait; `let_go()` lets them come, and all that follow."""
    request.getfixturevalue("listed" if "listed" in request.fixturenames else "rows")
    held: list[Route] = []
    intercept(page, TABLES, lambda route: route.continue_() if held and not held[0] else held.append(route))

    def go() -> None:
        wait_for(lambda: page.evaluate("true") and held)
        waiting, held[:] = list(held), [None]
        for route in waiting:
            route.continue_()

    return go


def remove(page: Page, words: str) -> None:
    page.locator(".chips > .chip").filter(has_text=words).get_by_role("link").click()


@pytest.mark.parametrize("rows", ["?filter=price+>+10+AND+id+<+100+AND+id+>+1"], indirect=True)
def test_two_conditions_are_removed(rows, let_go):
    remove(rows, "price > 10")
    remove(rows, "id < 100")
    let_go()
    expect(rows.locator(".chips > .chip")).to_have_count(1)
    expect(rows).to_have_url(re.compile(r"filter=id\+(%3E|>)\+1$"))


@pytest.mark.parametrize("rows", ["?limit=10"], indirect=True)
def test_pages_are_turned_as_often_as_the_key_is_pressed(rows, let_go):
    for _ in range(3):
        rows.keyboard.press("]")
    let_go()
    expect(rows).to_have_url(re.compile("page=4"))
    expect(rows.locator("#page-next")).to_be_focused()


@pytest.mark.parametrize("rows", ["?filter=price+>+10"], indirect=True)
def test_a_condition_is_removed_and_the_rows_are_sorted_by_two_columns(rows, let_go):
    remove(rows, "price > 10")
    rows.locator("#sort-1").click()
    rows.locator("#sort-2").click(modifiers=["Shift"])
    let_go()
    expect(rows).to_have_url(re.compile(r"\?sort=id&order=asc&sort=name&order=asc$"))


@pytest.mark.parametrize("field", ["#q", "#filter"])
def test_a_search_or_filter_follows_a_sort_order_that_is_on_its_way(rows, let_go, field):
    text = {"#q": "7", "#filter": "id < 9"}[field]
    rows.locator("#sort-1").click()
    if field == "#filter":
        open_panel(rows, "filter")
    rows.locator(field).fill(text)
    rows.locator(field).press("Enter")
    let_go()
    expect(rows).to_have_url(re.compile("sort=id"))
    expect(rows).to_have_url(re.compile(f"{field[1:]}={text[:2]}"))
    expect(rows.locator(field)).to_have_value(text)


def test_the_size_of_a_page_follows_a_sort_order_that_is_on_its_way(rows, let_go):
    rows.locator("#sort-1").click()
    rows.locator("#page-limit").select_option("100")
    let_go()
    expect(rows).to_have_url(re.compile(r"(?=.*sort=id)(?=.*limit=100)"))


def test_a_cell_filters_the_table_that_is_on_its_way(rows, let_go):
    rows.locator("#sort-1").click()
    rows.locator("#row-2 > :nth-child(3)").click()
    rows.get_by_role("menuitem", name="Only").click()
    let_go()
    expect(rows).to_have_url(re.compile(r"(?=.*sort=id)(?=.*filter=)"))


@pytest.mark.parametrize("first", ["column", "order"])
def test_a_column_is_hidden_and_the_rows_are_sorted(rows, let_go, first):
    panel = open_panel(rows, "columns")

    def hide() -> None:
        panel.get_by_role("checkbox", name="name", exact=True).click()

    if first == "column":
        hide()
        rows.locator("#sort-1").click()
    else:
        rows.locator("#sort-1").press("Enter")
        hide()
    let_go()
    expect(rows).to_have_url(re.compile(r"(?=.*hide=name)(?=.*sort=id)"))


@pytest.mark.parametrize("rows", ["?filter=price+>+10"], indirect=True)
def test_a_menu_that_is_opened_meanwhile_is_that_of_the_table_to_come(rows, let_go):
    remove(rows, "price > 10")
    rows.get_by_role("button", name="Menu of id").click()
    let_go()
    rows.locator("#column-menu").get_by_role("link", name="Sort descending").click()
    expect(rows).to_have_url(re.compile(r"\?sort=id&order=desc$"))


@pytest.mark.parametrize("rows", ["?filter=price+>+10"], indirect=True)
def test_after_an_error_nothing_else_is_changed(rows, witness):
    witness.expects(503)
    held: list[Route] = []
    intercept(rows, TABLES, lambda route: held.append(route))
    rows.locator("#sort-1").click()
    remove(rows, "price > 10")
    wait_for(lambda: rows.evaluate("true") and held)
    held[0].fulfill(status=503, body="<p>Broken</p>")
    expect(rows.locator("#rows-problem")).to_have_text("Broken")
    rows.locator("#sort-2").click()
    wait_for(lambda: rows.evaluate("true") and len(held) == 2)
    held[1].continue_()
    expect(rows).to_have_url(re.compile(r"(?=.*sort=name)(?=.*filter=price)"))
    assert len(held) == 2


@pytest.mark.parametrize("name", ["columns", "sort", "filter"])
def test_a_panel_that_is_opened_meanwhile_stays_open_with_its_text(rows, let_go, name):
    rows.locator("#sort-1").press("Enter")
    panel = open_panel(rows, name)
    rows.keyboard.type("pri")
    let_go()
    expect(rows).to_have_url(re.compile("sort=id"))
    expect(panel).to_be_visible()
    expect(panel.get_by_role("searchbox").first).to_be_focused()
    rows.keyboard.type("c")
    expect(panel.get_by_role("searchbox").first).to_have_value("pric")
    others = panel.get_by_text("name", exact=True)
    expect(others).to_be_hidden()


def test_a_letter_that_is_typed_while_the_table_settles_is_kept(rows, let_go):
    rows.locator("#sort-1").press("Enter")
    rows.locator("#q").focus()
    rows.keyboard.type("a")
    rows.evaluate("""() => document.addEventListener("htmx:after:settle", ({ target }) => {
      if (target.id === "rows") document.execCommand("insertText", false, "b");
    })""")
    let_go()
    expect(rows).to_have_url(re.compile("sort=id"))
    expect(rows.locator("#q")).to_have_value("ab")


def test_the_list_of_columns_stays_narrow_after_a_tick(rows):
    panel = open_panel(rows, "columns")
    rows.keyboard.type("i")
    rows.keyboard.press("Enter")
    expect(rows).to_have_url(re.compile("hide=id"))
    expect(rows.locator("#find-column")).to_have_value("i")
    expect(panel.get_by_role("checkbox", name="id", exact=True)).to_be_visible()
    expect(panel.get_by_role("checkbox", name="note", exact=True)).to_be_hidden()


def test_boxes_show_all_none_and_only_before_the_answer(rows):
    intercept(rows, TABLES, lambda route: None)
    panel = open_panel(rows, "columns")
    boxes = panel.locator("[name=on]")
    panel.get_by_role("button", name="None", exact=True).click()
    expect(panel.locator("[name=on]:checked")).to_have_count(0)
    panel.get_by_role("button", name="All", exact=True).click()
    expect(panel.locator("[name=on]:checked")).to_have_count(boxes.count())
    boxes.nth(1).locator("xpath=ancestor::li").hover()
    panel.locator(".only").nth(1).click()
    expect(panel.locator("[name=on]:checked")).to_have_count(1)


def test_without_a_connection_a_column_menu_says_so_and_opens_by_retry(rows, witness):
    witness.expects("ERR_FAILED", "Failed to fetch")
    intercept(rows, "**", lambda route: route.abort())
    rows.get_by_role("button", name="Menu of price").click()
    retry = rows.locator("[data-retry]")
    expect(retry).to_be_visible()
    expect(rows.locator("#column-menu")).to_be_hidden()
    rows.unroute_all()
    retry.click()
    expect(rows.locator("#column-menu").get_by_role("button", name="Hide column")).to_be_visible()
    expect(rows.get_by_text("Back online")).to_be_visible()


@pytest.mark.parametrize("what", ["menu", "panel", "sort"])
def test_an_answer_takes_no_focus_from_the_field_that_is_typed_in(rows, let_go, what):
    if what == "menu":
        rows.get_by_role("button", name="Menu of name").click()
        rows.locator("#column-menu").get_by_role("button", name="Hide column").click()
    elif what == "panel":
        open_panel(rows, "filter")
        rows.locator("#filter").fill("id < 100")
        rows.keyboard.press("Enter")
    else:
        open_panel(rows, "sort").get_by_role("button", name="id", exact=True).click()
    rows.keyboard.press("Escape")
    rows.locator("#q").click()
    rows.keyboard.type("1")
    let_go()
    expect(rows).to_have_url(re.compile(r"\?(hide=name|filter=|sort=id)"))
    expect(rows.locator("#q")).to_be_focused()
    rows.keyboard.type("e3")
    expect(rows.locator("#q")).to_have_value("1e3")


@pytest.mark.parametrize("rows", ["?q=7"], indirect=True)
def test_a_search_typed_after_the_removal_of_another_one_is_made(rows, let_go):
    rows.locator("#chip-search").click()
    rows.locator("#q").fill("thing 11")
    rows.keyboard.press("Enter")
    let_go()
    expect(rows).to_have_url(re.compile(r"q=thing\+11"))
    expect(rows.locator("#q")).to_have_value("thing 11")


def test_what_is_pressed_on_the_way_back_is_done_on_the_earlier_page(rows):
    for name in ("price", "name"):
        rows.locator(".rows thead").get_by_role("link", name=name, exact=True).click()
        expect(rows).to_have_url(re.compile(f"sort={name}"))
    held: list[Route] = []
    intercept(rows, TABLES, lambda route: held.append(route) if not held else route.continue_())
    rows.evaluate("history.back()")
    wait_for(lambda: rows.evaluate("true") and held)
    rows.locator("#sort-1").click(modifiers=["Shift"])
    held[0].continue_()
    expect(rows).to_have_url(re.compile("sort=price&order=asc&sort=id&order=asc$"))
    expect(rows.locator(".chips > .chip")).to_contain_text(["price", "id"])


def test_a_form_of_a_condition_leaves_a_sort_order_under_way_alone(rows, let_go):
    rows.locator("#sort-1").press("Enter")
    panel = open_panel(rows, "filter")
    panel.get_by_role("button", name="price", exact=True).click()
    expect(panel.get_by_label("From")).to_be_visible()
    panel.get_by_label("From").fill("100")
    rows.keyboard.press("Enter")
    let_go()
    expect(rows).to_have_url(re.compile(r"(?=.*sort=id)(?=.*filter=price)"))


@pytest.mark.parametrize("rows", ["?filter=price+>+10"], indirect=True)
def test_a_bar_filters_the_table_that_is_on_its_way(rows, let_go):
    remove(rows, "price > 10")
    rows.locator(".heads td:nth-child(2) .head-chart > a").nth(1).click()
    let_go()
    expect(rows.locator(".chips > .chip")).to_have_count(1)
    expect(rows.locator(".chips > .chip")).to_contain_text("id from")


def test_a_field_of_a_row_filters_the_table_that_is_on_its_way(rows, let_go):
    rows.get_by_role("button", name="3", exact=True).click()
    drawer = rows.locator("#row-drawer")
    expect(drawer.locator(".record")).to_be_visible()
    rows.locator("#sort-1").click()
    drawer.get_by_role("link", name="Only these: name").click()
    let_go()
    expect(rows).to_have_url(re.compile(r"(?=.*sort=id)(?=.*filter=name)"))


def test_a_column_moves_as_often_as_its_menu_is_pressed(rows):
    rows.get_by_role("button", name="Menu of id").click()
    rows.locator("#column-menu").get_by_role("button", name="Move right").dblclick()
    expect(rows.locator(".rows thead tr:first-child .sort-link")).to_have_text(["name", "price", "id", "note"])


@pytest.mark.parametrize("rows", ["?filter=price+>+1"], indirect=True)
@pytest.mark.parametrize("what", ["go", "export", "view"])
def test_pages_about_the_table_are_about_the_one_that_is_on_its_way(rows, let_go, what):
    rows.locator("#sort-1").click()
    if what == "go":
        rows.locator("#go-to-row").fill("70")
        rows.locator("#go-to-row").press("Enter")
    else:
        rows.locator("#export-rows" if what == "export" else ".row-tools-save a").click()
    let_go()
    expect(rows).to_have_url(re.compile({"go": "page=2", "export": "/export/", "view": "/views/add/"}[what]))
    assert "sort=id" in unquote(rows.url)


def test_a_refused_filter_stops_nothing_else(rows, witness, let_go):
    witness.expects(422)
    open_panel(rows, "filter")
    rows.locator("#filter").fill("price >")
    rows.keyboard.press("Enter")
    rows.keyboard.press("Escape")
    rows.locator("#sort-1").press("Enter")
    let_go()
    expect(rows).to_have_url(re.compile("sort=id"))
    expect(rows.locator("#filter")).to_have_value("price >")


def test_a_refused_filter_opens_its_panel_again(rows, witness, let_go):
    witness.expects(422)
    open_panel(rows, "filter")
    rows.locator("#filter").fill("price >")
    rows.keyboard.press("Enter")
    rows.keyboard.press("Escape")
    let_go()
    expect(rows.locator("#filter-problem")).to_be_visible()


def test_a_number_that_is_typed_at_the_foot_outlives_sorting(rows, let_go):
    rows.locator("#sort-1").click()
    rows.locator("#go-to-row").click()
    rows.keyboard.type("5")
    let_go()
    expect(rows).to_have_url(re.compile("sort=id"))
    rows.keyboard.type("5")
    expect(rows.locator("#go-to-row")).to_have_value("55")


@pytest.mark.slow
def test_a_list_is_sorted_searched_and_narrowed(listed, let_go):
    listed.get_by_role("link", name="Size").click()
    listed.locator("#q").fill("file-1")
    listed.locator("#group").select_option("status")
    let_go()
    expect(listed).to_have_url(re.compile(r"(?=.*sort=size)(?=.*q=file-1)(?=.*group=status)"))
    expect(listed.locator("#q")).to_have_value("file-1")
    expect(listed.locator("#group")).to_have_value("status")


@pytest.mark.slow
def test_each_star_counts_that_is_pressed_within_a_moment(listed, let_go):
    stars = listed.locator("tbody button[form=f]")
    for place in range(3):
        stars.nth(place).click()
    listed.get_by_role("link", name="Size").click()
    let_go()
    expect(listed).to_have_url(re.compile("sort=size"))
    expect(listed.get_by_role("button", name="Remove from favourites")).to_have_count(3)


def test_a_link_to_another_page_does_not_wait(listed, let_go):
    listed.get_by_role("link", name="Size").click()
    listed.get_by_role("link", name="file-07.csv", exact=True).click()
    expect(listed.get_by_role("heading", name="file-07.csv")).to_be_visible()


@pytest.mark.parametrize("what", ["refresh", "favourites", "next"])
def test_a_search_that_is_due_is_made_before_what_is_pressed(listed, what):
    listed.evaluate(
        """id => {
          const field = document.getElementById("q");
          field.value = "file";
          field.dispatchEvent(new InputEvent("input", { bubbles: true }));
          document.getElementById(id).click();
        }""",
        {"next": "page-next"}.get(what, what),
    )
    wanted = {"refresh": r"\?q=file$", "favourites": "q=file&favourites=1", "next": "q=file&page=2"}[what]
    expect(listed).to_have_url(re.compile(wanted))


def test_refresh_waits_for_a_page_that_is_on_its_way(listed, let_go):
    listed.locator("#page-next").click()
    listed.locator("#refresh").click()
    let_go()
    expect(listed).to_have_url(re.compile("page=2$"))
    expect(listed.locator("tbody tr")).to_have_count(10)
