"""Plots are drawn under the strict policy; marks and ranges lead to rows."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.plot_places import COLUMNS, ROWS, address
from tests.support.answers import another_answer
from tests.support.browser import PHONE
from tests.support.copies import copied

pytestmark = [pytest.mark.browser, pytest.mark.any_window]

KINDS = [
    "kind=line&x=day&group=brand",
    "kind=scatter&x=price&y=price&group=constructor",
    "kind=box&x=constructor&y=price",
    "kind=heat&x=day&y=brand",
]


@pytest.fixture
def path(table) -> str:
    copied(table, COLUMNS, ROWS)
    return address(table)


def drawn(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("#plot-view[data-drawn] svg")).to_be_visible()


@pytest.mark.parametrize("query", KINDS)
def test_each_kind_is_drawn_on_a_phone(page, path, query):
    page.set_viewport_size(PHONE)
    drawn(page, f"{path}?{query}")
    assert page.locator("#plot-view [class*=role-mark] path").count() > 3
    assert page.evaluate("scrollTo(1000, 0), scrollX") == 0


def test_a_plot_has_the_colours_of_the_theme(page, path):
    drawn(page, path)
    before = page.locator("#plot-view svg").evaluate("svg => svg.style.backgroundColor")
    is_dark = page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.emulate_media(color_scheme="light" if is_dark else "dark")
    expect(page.locator("#plot-view svg")).not_to_have_css("background-color", before)


def place_of(page: Page) -> dict[str, float]:
    """The plot, in sight: the mouse goes by coordinates."""
    drawing = page.locator("#plot-view svg")
    drawing.evaluate("svg => svg.scrollIntoView({ block: 'center' })")
    return drawing.evaluate("svg => svg.getBoundingClientRect().toJSON()")


@pytest.mark.slow
def test_a_mark_leads_to_its_rows_and_a_drag_to_those_of_a_range(page, path, alice):
    drawn(page, f"{path}?kind=histogram&x=price&filter=brand+%3D+%27brand+1%27")
    box = place_of(page)
    at = [(box["x"] + box["width"] * share, box["y"] + 150) for share in (0.4, 0.5, 0.6)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1])
    page.mouse.move(*at[2])
    page.mouse.up()
    found = page.locator("#plot-choice code")
    expect(found).to_have_text(re.compile(r"^\(price >= \d+ AND price < \d+\)$"))
    another_answer(page, alice)
    expect(found).to_be_visible()
    page.get_by_role("link", name="Show these rows").click()
    chips = page.locator(".rows-status .chip")
    expect(chips).to_have_text([re.compile("brand 1"), re.compile(r"price from \d+ to under \d+")])
    drawn(page, f"{path}?kind=bar&x=brand")
    bars = page.locator("#plot-view .mark-rect path")
    bars.nth(1).hover()
    expect(page.locator(".plot-tip")).to_have_text(re.compile(r"brand: brand \d\s*Rows: \d+"))
    bars.nth(1).click()
    expect(chips).to_have_text([re.compile(r"brand is exactly brand \d")])


@pytest.mark.slow
def test_a_drag_over_points_that_are_far_from_0_keeps_their_digits(page, table):
    copied(table, ["id", "part"], [[7_000_000_000 + n, 0.000_001 * n] for n in range(100)])
    drawn(page, f"{address(table)}?kind=scatter&x=id&y=part")
    box = place_of(page)
    shares = ((0.6, 0.3), (0.75, 0.5), (0.85, 0.6))  # on a phone labels take half of the width
    at = [(box["x"] + box["width"] * across, box["y"] + box["height"] * down) for across, down in shares]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1])
    page.mouse.move(*at[2])
    page.mouse.up()
    text = page.locator("#plot-choice code").inner_text()
    low, high, least, most = map(float, re.findall(r"[-\d.e]*\d", text.replace("BETWEEN", "")))
    assert 7_000_000_000 < low < low + 20 < high < 7_000_000_100
    assert 0 < least < most < 0.0001
    page.get_by_role("link", name="Show these rows").click()
    expect(page.locator(".rows-status .chip")).to_have_count(2)
    expect(page.locator("tbody tr").nth(3)).to_be_visible()


def test_a_plot_is_saved_as_files(page, path):
    drawn(page, f"{path}?kind=bar&x=brand")
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind).click()
        assert download.value.suggested_filename.endswith(f" plot.{kind.lower()}")
        assert download.value.path().read_bytes().startswith(start)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.path().read_text().splitlines()[0] == "brand,Rows"


def test_the_table_of_a_plot_works_without_scripts(people, alice, path):
    page = people(alice, java_script_enabled=False).new_page()
    page.goto(f"{path}?kind=bar&x=brand")
    expect(page.get_by_text("The plot needs JavaScript.")).to_be_visible()
    page.get_by_role("link", name=re.compile("Show .* rows: brand 1")).click()
    expect(page).to_have_url(re.compile(r"/rows/\?filter=brand"))
    page.goto(f"{path}?kind=histogram&x=price&filter=brand+%3D+%27brand+1%27")
    page.get_by_label("price from").select_option("20")
    page.get_by_label("price to under").select_option("60")
    page.get_by_role("button", name="Show", exact=True).click()
    chips = page.locator(".rows-status .chip")
    expect(chips).to_have_text([re.compile("brand 1"), re.compile("price from 20 to under 60")])
