"""The menu of a column's header: a fragment over the table, and a page without scripts."""

import pytest

from tests.conftest import htmx
from tests.support.copies import copied
from tests.support.html import dom, words

QUERY = "sort=note&order=desc&limit=25&page=2"


@pytest.fixture
def menu(path):
    return f"{path}menu/"


def links(page) -> dict[str, str]:
    return {words(one): one.get("href") for one in dom(page).iterfind(".//ul[@class='pop-list']//a")}


def test_the_menu_of_a_column_of_a_copy(web, path, menu, copy):
    page = web.get(f"{menu}?place=3&{QUERY}")
    assert words(dom(page).find(".//h1")) == "price"
    assert links(page) == {
        "Sort ascending": f"{path}?sort=price&order=asc&limit=25",
        "Sort descending": f"{path}?sort=price&order=desc&limit=25",
        "Column profile": f"{path}column/?{QUERY.replace('&page=2', '')}&place=3",
    }
    part = web.get(f"{menu}?place=3", headers=htmx())
    assert dom(part).find(".//h1") is None
    assert list(links(part)) == ["Sort ascending", "Sort descending", "Column profile"]


def test_a_sorted_column_can_lose_its_order(web, path, menu, copy):
    found = links(web.get(f"{menu}?place=4&sort=note&order=desc"))
    assert found["Remove the sort order"] == f"{path}?"


def test_a_column_is_hidden_moved_pinned_and_given_a_width(web, path, menu, copy):
    page = web.get(f"{menu}?place=3&limit=25&page=2")
    [changes, width] = [form for form in dom(page).iter("form") if form.get("action").startswith(f"{path}columns/")]
    found = {
        words(button): web.post(changes.get("action"), {"do": button.get("value")}).url
        for button in changes.iter("button")
    }
    assert found == {
        "Hide column": f"{path}?limit=25&page=2&hide=price",
        "Move left": f"{path}?limit=25&page=2&column=id&column=price&column=name&column=note",
        "Move right": f"{path}?limit=25&page=2&column=id&column=name&column=note&column=price",
        "Pin column": f"{path}?limit=25&page=2&pin=price",
        "Fit width": f"{path}?limit=25&page=2",
    }
    do = width.find(".//button").get("value")
    assert web.post(width.get("action"), {"do": do, "width": 90}).url == f"{path}?limit=25&page=2&width=90.price"


def test_a_live_table_leads_to_a_copy_for_the_profile_without_a_call_for_the_menu(web, account, path, menu):
    web.get(path)
    calls = len(account.calls())
    assert "/copy/" in links(web.get(f"{menu}?place=1"))["Column profile needs a whole-table copy"]
    assert len(account.calls()) == calls


@pytest.mark.parametrize(("query", "status"), [("", 400), ("?place=0", 404), ("?place=x", 404), ("?place=99", 404)])
def test_no_column_no_menu(web, menu, copy, query, status):
    assert web.get(f"{menu}{query}").status_code == status


def test_a_column_without_a_name_is_not_sorted(web, table, menu):
    copied(table, ["", "price"], [["a", 1]])
    assert "Sort ascending" not in links(web.get(f"{menu}?place=1"))


def test_the_menu_has_the_filter_of_the_column(web, menu, copy):
    form = dom(web.get(f"{menu}?place=3")).find(".//div[@class='filter-by']/form")
    assert [one.get("value") for one in form.iterfind("input[@name='c']")] == ["price"]
