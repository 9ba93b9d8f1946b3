"""What cells hold, as a browser shows and copies it; and what stays in its place while the table changes."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import synced
from tests.support.browser import DESKTOP, PHONE, intercept, violations
from tests.support.rows_page import apply_filter, filter_box, open_panel

pytestmark = [pytest.mark.browser, pytest.mark.any_window]

SPACES = [
    "  two before",
    "two after  ",
    "two  within",
    "   ",
    "",
    None,
    "tab\twithin",
    "\u200b",
    "\xa0no-break\xa0",
    "plain",
]
MARKS = [
    "\u200fשלום עולם\u200e",
    "\u200e12/03/2024\u200e",
    "\u202aC:\\folder\\file.txt",
    "\u202eunbalanced\u2067",
    "a\r\nb",
]
COPIED = [
    'say "hi"',
    "one\ntwo",
    "a\tb",
    "<b>&</b>",
    None,
    "",
    1.5,
    True,
    "0012",
    {"a": ["x", 1]},
    "   ",
    "https://a.test/?x=1",
]
LONG = "a long story,\n" * 60


@pytest.fixture
def table_of(page, account, key):
    """Alice's page of the rows that Claro answers so."""

    def shown(columns: list[str], *rows: list[object]) -> Page:
        account.upload("things.csv", "id\n1\n")
        source = synced(key)[0]
        body = json.dumps({"columns": columns, "rows": rows})
        headers = {"Content-Type": "application/json"}
        account.fault("answer", path="/data", status=200, body=body, headers=headers)
        page.goto(f"/sources/{source.datasource_id}/rows/")
        expect(page.locator(".rows tbody tr")).to_have_count(len(rows))
        return page

    return shown


def copied(page: Page, start: str, end: str) -> dict[str, str]:
    """The clipboard after everything from one element to another was selected and copied."""
    script = """async ([start, end]) => {
      const [first, last] = [document.querySelector(start), document.querySelector(end)];
      getSelection().setBaseAndExtent(first, 0, last, last.childNodes.length);
      const data = new DataTransfer();
      const event = new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true });
      const isOurs = !document.querySelector(start).dispatchEvent(event);
      return { isOurs, plain: data.getData("text/plain"), html: data.getData("text/html") };
    }"""
    got = page.evaluate(script, [start, end])
    assert got["isOurs"]
    return got


def at(row: int, column: int) -> str:
    return f"#row-{row} > :nth-child({column + 1})"


def test_cells_show_the_spaces_and_marks_that_they_hold(table_of):
    values = [value for value in [*SPACES, *MARKS] if value]
    page = table_of(["n", "text"], *[[n, value] for n, value in enumerate(values)])
    texts = page.locator(".rows tbody td:nth-child(3)").evaluate_all("cells => cells.map(one => one.textContent)")
    assert texts == values
    shown = page.locator(".rows tbody td:nth-child(3)").evaluate_all("cells => cells.map(one => one.innerText)")
    assert shown[: len(values) - 1] == values[:-1]


def test_cells_of_which_nothing_can_be_seen_differ_from_empty_ones(table_of):
    page = table_of(
        ["n", "text"], *[[n, value] for n, value in enumerate([" ", "\n\n", "\u200b", "\u2060", "\xa0", "", None])]
    )
    cells = page.locator(".rows tbody tr td:nth-child(3)")
    for place, name in enumerate(["space", "2 line breaks", "zero width space", "word joiner", "no-break space"]):
        sign = cells.nth(place).get_by_role("img", name=name, exact=True)
        assert sign.bounding_box()["width"] > 20
        assert sign.bounding_box()["height"] < 30
    heights = {cells.nth(place).bounding_box()["height"] for place in range(7)}
    assert max(heights) - min(heights) < 4
    assert not violations(page)


def test_direction_marks_move_nothing_outside_their_cell(table_of):
    page = table_of(["a", "b", "c"], ["left", "\u202e\u2067\u202b abc", "right"], ["left", "plain", "right"])
    places = [[page.locator(at(row, column)).bounding_box()["x"] for column in range(4)] for row in (1, 2)]
    assert places[0] == places[1]
    assert page.locator(at(1, 3)).inner_text() == "right"


def test_copied_cells_paste_as_what_they_hold(table_of):
    page = table_of([f"c{n}" for n in range(len(COPIED))], COPIED, COPIED)
    got = copied(page, at(1, 1), at(2, len(COPIED)))
    line = ['"say ""hi"""', '"one\ntwo"', '"a\tb"', "<b>&</b>", "", "", "1.5", "true", "0012"]
    line += ['"{""a"": [""x"", 1]}"', "   ", "https://a.test/?x=1"]
    assert got["plain"] == "\n".join(["\t".join(line)] * 2)
    parsed = [re.findall("<td[^>]*>(.*?)</td>", row) for row in got["html"].split("<tr>")[1:]]
    assert [len(row) for row in parsed] == [len(COPIED)] * 2
    assert parsed[0][3:6] == ["&lt;b&gt;&amp;&lt;/b&gt;", "", ""]


def test_copied_cut_cells_paste_whole(table_of, account):
    page = table_of(["n", "story", "link"], *[[n, LONG, "https://a.test/" + "x" * 300] for n in range(3)])
    got = copied(page, at(1, 1), at(3, 3))
    line = f'0\t"{LONG}"\thttps://a.test/{"x" * 300}'
    assert got["plain"].startswith(line)
    assert got["plain"].count(LONG) == 3
    assert len(account.calls(f"{page.url.split('/')[4]}/data")) == 1


def test_headers_are_copied_with_their_cells_and_row_numbers_are_not(table_of):
    page = table_of(["name", "", "price"], ["thing", "x", 7])
    got = copied(page, ".rows thead", at(1, 3))
    assert got["plain"] == "name\t\tprice\nthing\tx\t7"


def test_one_copied_cell_is_its_text_and_nothing_else(table_of):
    page = table_of(["a", "b"], ['say "hi"\t', None])
    got = copied(page, at(1, 1), at(1, 1))
    assert (got["plain"], got["html"]) == ('say "hi"\t', "")
    assert copied(page, at(1, 1), at(1, 2))["plain"] == '"say ""hi""\t"\t'


def test_a_cut_cell_is_read_on_request_and_focus_returns(table_of):
    page = table_of(["n", "story"], [1, LONG])
    assert page.content().count("a long story") < 20
    button = page.get_by_role("button", name=re.compile("^a long story"))
    button.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("story, row 1")
    expect(dialog.locator("pre")).to_have_text(LONG)
    assert dialog.locator("pre").text_content() == LONG
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_a_cell_that_cannot_be_loaded_says_so(table_of, witness):
    page = table_of(["n", "story"], [1, LONG])
    intercept(page, "**/rows/cell/**", lambda route: route.fulfill(status=404, body="gone"))
    witness.expects(404)
    page.get_by_role("button", name=re.compile("^a long story")).click()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text(re.compile("Loading failed"))


def test_a_cut_cell_has_a_page_without_scripts(people, alice, table_of):
    path = table_of(["n", "story"], [1, LONG]).url
    page = people(alice, java_script_enabled=False).new_page()
    page.goto(path)
    page.get_by_role("button", name=re.compile("^a long story")).click()
    assert page.locator("pre[data-at]").text_content() == LONG
    expect(page.get_by_role("heading", level=1)).to_have_text("story, row 1")
    page.get_by_role("link", name="Back to rows").click()
    expect(page.locator(".rows tbody tr")).to_have_count(1)


def test_headers_of_numbers_stand_over_their_numbers(table_of):
    page = table_of(["a very long name of a column", "text"], [1, "x"], [2, "y"])
    ends = [page.locator(at(1, 1)).bounding_box(), page.locator("#sort-1").bounding_box()]
    assert abs((ends[0]["x"] + ends[0]["width"]) - (ends[1]["x"] + ends[1]["width"])) < 14
    assert page.locator("#sort-1").evaluate("a => getComputedStyle(a.parentElement).textAlign") == "right"


def test_labels_of_many_columns_do_not_overlap(table_of):
    names = [f"{'A long question, number' * (n % 4)} {n} {'x' * (n % 7) * 9}" for n in range(60)]
    page = table_of(names, list(range(60)))
    open_panel(page, "columns")
    boxes = page.locator(".columns label").evaluate_all(
        """labels => labels.map(one => {
          const {x, y, right, bottom} = one.getBoundingClientRect();
          return {x, y, right: Math.max(right, x + one.scrollWidth), bottom: Math.max(bottom, y + one.scrollHeight)};
        })"""
    )
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = one["right"] <= other["x"] + 1 or other["right"] <= one["x"] + 1
            assert apart or one["bottom"] <= other["y"] + 1 or other["bottom"] <= one["y"] + 1


PLACES = """() => [scrollY, ...["h1", ".row-tools", ".rows-status", ".rows-area", ".pager"]
  .map(one => { const {x, y} = document.querySelector(one).getBoundingClientRect(); return [one, x, y]; })]"""


@pytest.mark.slow
@pytest.mark.parametrize(("viewport", "first_row_at"), [(DESKTOP, 150), (PHONE, 220)], ids=["desktop", "phone"])
def test_nothing_moves_but_the_table(people, alice, account, key, viewport, first_row_at):
    lines = "".join(f"{n},thing {n},{500 - n}\n" for n in range(1, 121))
    account.upload("things.csv", f"id,name,price\n{lines}")
    source = synced(key)[0]
    context = people(alice, viewport=viewport)
    context.witness.expects(422)
    page = context.new_page()
    page.goto(f"/sources/{source.datasource_id}/rows/")
    where = page.locator("#rows [data-announce]")
    expect(where).to_have_text("Rows 1 to 50 of 120")
    before = page.evaluate(PLACES)
    assert page.locator(".rows tbody tr").first.bounding_box()["y"] <= first_row_at

    page.locator("#sort-3").click()
    expect(page.locator("#chip-sort")).to_be_attached()
    assert page.evaluate(PLACES) == before
    apply_filter(page, "price < 490")
    expect(where).to_have_text("Rows 1 to 50 of 110 that match")
    assert page.evaluate(PLACES) == before
    apply_filter(page, "price > > 3")
    problem = page.locator("#filter-problem [role=alert]")
    expect(problem).to_be_visible()
    assert page.evaluate(PLACES) == before
    for part in (filter_box(page), problem):
        rect = part.bounding_box()
        assert rect["y"] >= 0
        assert rect["y"] + rect["height"] <= viewport["height"]
    apply_filter(page, "price = 499")
    expect(where).to_have_text("Rows 1 to 1 of 1 that match")
    assert page.evaluate(PLACES) == before
    page.locator("#chip-filter .chip-x").click()
    expect(where).to_have_text("Rows 1 to 50 of 120")
    assert page.evaluate(PLACES) == before

    page.locator("#page-next").scroll_into_view_if_needed()
    scrolled = page.evaluate(PLACES)
    for text in ("Rows 51 to 100 of 120", "Rows 101 to 120 of 120"):
        page.locator("#page-next").click()
        expect(where).to_have_text(text)
        assert page.evaluate(PLACES) == scrolled


WIDE = [
    "W" * 20,
    "@" * 20,
    "MW" * 60,
    "\ufdfd" * 3,
    "𒐫" * 4,
    "漢字" * 20,
    "👨‍👩‍👧‍👦" * 9,
    10**19,
    -(10**60),
    0.1,
    ["W" * 9],
]


@pytest.mark.parametrize("width", [0, 40])
def test_nothing_spills_over_into_the_next_cell(table_of, width):
    page = table_of([f"c{place}" for place in range(len(WIDE))], WIDE, WIDE[::-1], WIDE[3:] + WIDE[:3])
    if width:
        widths = "&".join(f"width={width}.c{place}" for place in range(len(WIDE)))
        page.goto(f"{page.url}?{widths}")
    is_wider = "cell => cell.scrollWidth > cell.clientWidth + 1"  # widths are rounded
    spills = "cell => getComputedStyle(cell).overflowX === 'visible'"
    cells = page.locator(".rows tr > *")
    for window in (DESKTOP, PHONE):
        page.set_viewport_size(window)
        assert cells.evaluate_all(f"cells => cells.some({is_wider})")
        assert (
            cells.evaluate_all(f"cells => cells.filter({is_wider}).filter({spills}).map(cell => cell.textContent)")
            == []
        )
