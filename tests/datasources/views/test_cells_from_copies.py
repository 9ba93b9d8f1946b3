"""Whole cells, and cut ones, of a table that has a whole-table copy."""

import json

import pytest

from datasources.copies import store
from datasources.models import TableCopy
from tests.conftest import htmx
from tests.datasources.views.conftest import asked
from tests.support.copies import copied
from tests.support.html import dom

LONG = "a long story\n  with <b>&amp;</b> \u200f" * 40


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_a_cell_opens_whole_from_the_copy(web, account, table, path, headers):
    copied(table, ["id", "text"], [[n, f"{n}: {LONG}"] for n in range(1, 101)])
    page = web.get(f"{path}cell/?sort=id&order=desc&limit=25&page=2&at=30.2", headers=headers)
    [shown] = [one for one in dom(page).iter("pre") if one.get("data-at")]
    assert "".join(shown.itertext()).removeprefix("\n") == f"71: {LONG}".replace("\r\n", "\n")
    assert asked(account) == []


def test_several_cells_of_a_page_are_whole_at_once(web, table, path):
    copied(table, ["id", "text", "more"], [[n, f"{n}: {LONG}", {"n": n}] for n in range(1, 101)])
    page = web.get(f"{path}cell/?q=story&at=3.2&at=7.3&at=3.1", headers=htmx())
    shown = {one.get("data-at"): "".join(one.itertext()).removeprefix("\n") for one in dom(page).iter("pre")}
    assert shown == {"3.2": f"3: {LONG}", "7.3": '{\n  "n": 7\n}', "3.1": "3"}


@pytest.mark.parametrize("at", ["51.1", "0.1", "1.5", "1000000.1", "x"])
@pytest.mark.parametrize("query", ["", "q=thing&"])
def test_a_cell_that_is_not_on_the_page_is_not_there(web, path, copy, at, query):
    assert web.get(f"{path}cell/?{query}at={at}").status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [("filter=nix = 1&", 422), ("sort=nix&", 422), ("check=nix.1&", 422)],
)
def test_a_cell_of_what_is_refused_says_why(web, path, copy, query, status):
    assert web.get(f"{path}cell/?{query}at=1.1").status_code == status


def test_a_cell_of_a_search_without_a_copy_makes_no_call(web, account, path):
    page = web.get(f"{path}cell/?q=thing&at=1.1")
    assert (page.status_code, asked(account)) == (409, [])


def test_long_cells_are_cut_as_those_of_live_rows_are(table, account, web, path):
    rows = [[LONG, {"text": "y" * 500}, "https://claro.test/" + "x" * 500, " " * 300, "z" * 121]]
    answer = {"columns": ["a", "b", "c", "d", "e"], "data": rows}
    account.fault("answer", path="/data", status=200, body=json.dumps(answer))
    live = dom(web.get(path)).find(".//tbody/tr")
    store.purge(TableCopy.objects.all())
    copied(table, answer["columns"], rows)
    from_copy = dom(web.get(path)).find(".//tbody/tr")
    assert [cell.attrib for cell in from_copy] == [cell.attrib for cell in live]
    assert ["".join(cell.itertext()) for cell in from_copy] == ["".join(cell.itertext()) for cell in live]
