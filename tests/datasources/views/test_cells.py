"""Whole cells at their own address, and what a page shows of each kind of column and cell."""

import json

import pytest

from accounts.models import User
from datasources import gateway
from datasources.rows import block_sizes
from tests.conftest import htmx, synced
from tests.datasources.views.conftest import asked, body
from tests.support.html import all_words, dom, link, told, words


@pytest.fixture
def rows_from(account, key, web, table):
    """The page of rows that Claro answers so."""

    def page(answer: dict | str, query: str = "", **headers):
        text = answer if isinstance(answer, str) else json.dumps(answer)
        account.fault("answer", path="/data", status=200, body=text, headers={"Content-Type": "application/json"})
        return web.get(f"/sources/{table.datasource_id}/rows/{query}", headers=headers)

    return page


@pytest.fixture
def cell_path(path):
    return f"{path}cell/"


LONG = "a long story\r\n  with <b>&amp;</b> \u200f" * 40


def answer(*rows: list[object], columns: list[str] | None = None) -> dict:
    return {"columns": columns or [f"c{n}" for n in range(1, len(rows[0]) + 1)], "rows": rows}


def whole(page) -> list[str]:
    return ["".join(one.itertext()).removeprefix("\n") for one in dom(page).iter("pre") if one.get("data-at")]


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_the_whole_text_of_a_cut_cell_has_its_own_address(rows_from, web, account, cell_path, headers):
    page = rows_from(answer([1, "short"], [2, LONG]))
    assert "story" * 2 not in page.content.decode().replace("a long story", "story", 1)
    [button] = [one for one in dom(page).iter("button") if one.get("name") == "at"]
    form = dom(page).find(f".//form[@id='{button.get('form')}']")
    assert (form.get("action"), form.get("method"), button.get("value")) == (cell_path, "get", "2.2")
    cell = web.get(cell_path, {"at": "2.2"}, headers=headers)
    assert whole(cell) == [LONG]
    assert len(asked(account)) == 1  # from the cached block
    if not headers:
        assert words(dom(cell).find(".//h1")) == "c2, row 2"
        assert link(cell, "Back to rows") == f"{cell_path.removesuffix('cell/')}?"


def test_a_page_holds_no_whole_text_of_a_cut_cell(rows_from):
    page = rows_from(answer(*[[n, "word " * 2000] for n in range(1000)]), "?limit=1000")
    assert len(page.content) < 500_000
    assert len(body(page)) == 1000


def test_the_address_of_a_cell_keeps_page_sort_and_filter(web, account, table, path):
    query = "?page=2&limit=25&sort=id&order=desc&filter=id > 1&column=price&key=" + str(table.key_id)
    page = web.get(path + query)
    form = dom(page).find(".//form[@id='cell']")
    given = [(one.get("name"), one.get("value")) for one in form.iterfind("input")]
    [cell] = whole(web.get(form.get("action"), dict([*given, ("at", "26.2")])))
    assert cell == "thing 95"
    assert len(asked(account)) == 1


def test_several_cells_come_at_once_and_nested_ones_compact(rows_from, web, cell_path):
    nested = {"a": ["x" * 200, 1.5]}
    rows_from(answer([nested, None, True, 5, "ü"]))
    places = {"at": [f"1.{place}" for place in range(1, 6)]}
    assert whole(web.get(cell_path, places))[0] == json.dumps(nested, indent=2)
    assert whole(web.get(cell_path, places | {"is_compact": "on"})) == [json.dumps(nested), "", "true", "5", "ü"]


@pytest.mark.parametrize(
    "at", ["1", "1.", "0.1", "1.0", "-1.1", "1.99", "121.1", "x.y", "1.1.1", "²1.1", "9" * 400 + ".1"]
)
def test_a_cell_that_is_not_there_is_not_found(web, cell_path, at):
    assert web.get(cell_path, {"at": at}).status_code == 404


def test_an_address_without_a_cell_says_so(web, cell_path):
    page = web.get(cell_path)
    assert page.status_code == 400
    assert "contains no cell" in words(page)


def test_a_cell_is_for_those_who_see_the_table(client_of, bob: User, web, cell_path, client):
    assert client_of(bob).get(cell_path, {"at": "1.1"}).status_code == 404
    assert client.get(cell_path, {"at": "1.1"}).status_code == 302
    assert web.post(cell_path, {"at": "1.1"}).status_code == 405


def test_a_cell_of_too_many_characters_is_cut_and_says_so(rows_from, web, cell_path):
    rows_from(answer(["&" * 600_000]))
    page = web.get(cell_path, {"at": "1.1"})
    assert len(whole(page)[0]) == 500_000
    assert "This cell has 600,000 characters" in words(page)
    assert len(page.content) < 4_000_000


NUMBERS = (
    "[0.1234567890123456789, 12345678901234567890.12, 1.10, 0.00001, 1E5, 1e22, 1e-400, -0.0, -0, 9007199254740993]"
)


@pytest.mark.parametrize("limit", [50, 25], ids=["first", "from the cache"])
def test_numbers_have_the_digits_of_the_answer(rows_from, web, path, limit):
    columns = json.dumps([f"c{n}" for n in range(12)])
    rows_from(f'{{"columns": {columns}, "rows": [[{NUMBERS[1:-1]}, {{"a": 1.10}}, "1.10"]]}}')
    page = web.get(f"{path}?limit={limit}")
    assert body(page)[0][1:] == [*NUMBERS[1:-1].split(", "), '{"a": 1.10}', "1.10"]
    kinds = [cell.get("class").split()[0] for cell in dom(page).iterfind(".//tbody/tr/td")]
    assert kinds == ["is-number"] * 10 + ["is-json", "is-text"]
    assert [head.get("class") for head in dom(page).iterfind(".//thead/tr/th")][1:11] == ["is-number"] * 10


def test_a_column_without_a_name_is_named_and_says_that_it_cannot_be_sorted(rows_from, web, path):
    page = rows_from(answer([0, "a", 7], [1, "b", 3], columns=["", "name", "score"]))
    assert all_words(page, ".//thead//th") == ["Row", "no name, column 1", "name", "score"]
    assert dom(page).find(".//*[@aria-sort]") is None
    assert dom(page).find(".//a[@id='sort-1']") is None
    assert "Column “no name, column 1” can't be sorted or filtered: it has no name." in words(page)
    assert all_words(page, ".//ul[@id='filter-columns']/li") == ["name", "score"]
    labels = all_words(page, ".//form[@id='columns-form']//label")
    assert labels == ["no name, column 1", "name", "score"]
    only = web.get(f"{path}?column=")
    assert body(only) == [["1", "0"], ["2", "1"]]
    assert all_words(only, ".//thead//th") == ["Row", "no name, column 1"]
    assert dom(web.get(f"{path}?order=desc")).find(".//*[@aria-sort]") is None


def test_links_keep_the_choice_of_the_column_without_a_name(rows_from):
    page = rows_from(answer(*[[n, "a"] for n in range(99)], columns=["", "b"]), "?column=")
    assert link(page, "Next") == "?column=&page=2"
    form = dom(page).find(".//form[@class='filter-form']")
    assert [one.get("value") for one in form.iterfind("input[@name='column']")] == [""]


def test_columns_of_one_name_have_their_own_values_and_say_what_they_cannot(rows_from, web, path):
    page = rows_from(answer([1, 2, 3], columns=["a", "b", "a"]), "?sort=a")
    assert body(page) == [["1", "1", "2", "3"]]
    assert all_words(page, ".//thead//th") == ["Row", "a", "b", "a"]
    assert dom(page).find(".//*[@aria-sort]") is None
    assert "“a” can't be sorted or filtered: another column has the same name." in words(page)
    assert all_words(page, ".//form[@id='columns-form']//label") == ["a (2 columns)", "b"]


def test_columns_of_one_name_keep_their_values_over_several_blocks(rows_from, account, web, path, settings):
    settings.CLARO_ROWS_BLOCK = 2
    headers = {"Content-Type": "application/json"}
    for rows, columns in [([[1, 2], [3, 4]], ["a", "a"]), ([[5, 6, 7]], ["b", "a", "a"])]:
        account.fault(
            "answer", path="/data", status=200, body=json.dumps(answer(*rows, columns=columns)), headers=headers
        )
    page = web.get(f"{path}?limit=4")
    assert all_words(page, ".//thead//th") == ["Row", "a", "a", "b"]
    assert [row[1:] for row in body(page)] == [["1", "2", "null"], ["3", "4", "null"], ["6", "7", "5"]]


@pytest.mark.slow
def test_columns_that_are_left_out_are_counted_and_reached(rows_from, web, path):
    page = rows_from(answer(*[[f"{n} " + "text " * 30 for n in range(300)]] * 200), "?limit=250")
    assert len(page.content) < 4_000_000
    line = dom(page).find(".//p[@id='left-out']")
    shown = page.context["table"].last
    assert f"Columns 1 to {shown} of 300. {300 - shown} are not shown." in words(line)
    following = web.get(path + line.find("a").get("href")).content.decode()
    assert f'id="sort-{shown + 1}"' in following
    assert f'id="sort-{shown}"' not in following
    assert "Previous columns" in following
    assert 'id="find-column"' in following
    last = web.get(f"{path}?limit=250&column=c300")
    assert all_words(last, ".//thead//th") == ["Row", "c300"]


@pytest.mark.parametrize("query", ["?from_column=0", "?from_column=x"])
def test_a_first_column_that_cannot_be_gets_a_sentence(web, path, query):
    page = web.get(path + query)
    assert page.status_code == 400
    assert "“from_column” in the address" in told(page)


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_a_row_that_is_too_large_says_that_size_is_the_reason_and_offers_the_file(
    account, key, web, monkeypatch, headers
):
    monkeypatch.setattr(gateway, "MAX_ANSWER_BYTES", 640_000)
    monkeypatch.setattr(block_sizes, "WANTED_BYTES", 40_000)
    source_id = account.upload("large.json", json.dumps([{"text": "x" * 700_000}, {"text": "y"}]))
    synced(key)
    page = web.get(f"/sources/{source_id}/rows/", headers=headers)
    assert page.status_code == 502
    assert "size limit" in told(page)
    buttons = [one for one in dom(page).iter("button") if "Download the file" in words(one)]
    assert len(buttons) == 1
    assert web.post(f"/sources/{source_id}/download/", {"expires_in": "3600"}).status_code == 302
    assert body(web.get(f"/sources/{source_id}/rows/?limit=1&page=2"))[0][1] == "y"
