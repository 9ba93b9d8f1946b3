"""Filters and searches of a table that has a whole-table copy: what is found, refused, or takes too long."""

from urllib.parse import unquote

import pytest

from datasources import tasks
from datasources.claro import NumberText
from datasources.copies import filters, folding, opened, search
from datasources.copies.filters import FilterError
from datasources.rows import cells
from tests.conftest import htmx
from tests.datasources.views.conftest import asked, body, ids
from tests.support.copies import copied
from tests.support.html import all_words, dom, field, link, told, words


@pytest.fixture
def page_of(table, web):
    """The page of a copy of these rows."""

    def page(columns: list[str], rows: list[list[object]], query: str = ""):
        copied(table, columns, rows)
        return web.get(f"/sources/{table.datasource_id}/rows/{query}")

    return page


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_a_filter_that_is_wrong_is_refused_with_its_place(web, account, path, copy, headers):
    page = web.get(path, {"filter": "price > 3 AND pirce < 5", "limit": 25}, headers=headers)
    assert page.status_code == 422
    assert "This filter doesn't work" in told(page)
    assert "pirce" in told(page)
    mark = dom(page).find(".//pre[@class='filter-mark']")
    assert words(mark) == "price > 3 AND pirce < 5"
    assert words(mark.find("mark")) == "p"
    assert asked(account) == []
    if headers:
        assert [dom(page).find(f".//{tag}") for tag in ("input", "table")] == [None, None]
    else:
        assert field(page, "filter").get("value") == "price > 3 AND pirce < 5"
        assert link(page, "Show all rows") == "?limit=25"


def test_a_filter_that_only_claro_may_read_is_sent_to_claro_as_it_is(web, account, path, copy, monkeypatch):
    expression = " price > 100 AND id > 0 "

    def refuse(text, columns, today):
        raise FilterError("BEYOND is not supported here.", position=3, claro_may_read=True)

    monkeypatch.setattr(filters, "condition", refuse)
    page = web.get(path, {"filter": expression, "sort": "id", "order": "desc"})
    assert asked(account)[0]["filter"] == expression
    assert asked(account)[0]["sort"] == "id"
    assert all_words(page, ".//thead//th") == ["Row", "id", "name", "price"]
    assert words(dom(page).find(".//p[@id='unread']")) == (
        "The dashboard can't read this filter: BEYOND is not supported here. "
        "Claro was asked instead, so these rows are live."
    )
    assert dom(page).find(".//table[@data-sorts]") is None


@pytest.mark.parametrize("more", [{"q": "thing"}, {"sort": ["id", "name"]}, {"check": "spaces.1"}])
def test_claro_is_not_asked_for_what_it_cannot_do(web, account, path, copy, monkeypatch, more):
    def refuse(text, columns, today):
        raise FilterError("BEYOND is not supported here.", position=3, claro_may_read=True)

    monkeypatch.setattr(filters, "condition", refuse)
    page = web.get(path, {"filter": "x BEYOND 1", **more})
    assert (page.status_code, asked(account)) == (422, [])
    assert "Only Claro may be able to read this filter" in told(page)
    assert "BEYOND is not supported here." in told(page)


def test_a_search_finds_all_words_in_any_column_and_marks_them(web, account, path, copy):
    page = web.get(f"{path}?q=THING+180.0")
    assert body(page) == [["1", "120", "thing 120", "180.0", "note 0"]]
    marked = [["".join(mark.itertext()) for mark in cell.iter("mark")] for cell in dom(page).iterfind(".//tbody/tr/td")]
    assert marked == [[], ["thing"], ["180.0"], []]
    assert "Rows 1 to 1 of 1 that match" in words(page)
    assert field(page, "q").get("value") == "THING 180.0"
    chip = dom(page).find(".//a[@id='chip-search']")
    assert (words(chip), chip.get("href")) == ("Contains THING 180.0 Remove the search", "?")
    assert asked(account) == []


def test_a_search_can_be_filtered_and_sorted(web, path, copy):
    page = web.get(f"{path}?q=note+thing&filter=note = 'note 3' AND id > 100&sort=price&order=desc&sort=id")
    assert ids(page) == [119, 115, 111, 107, 103]


@pytest.mark.parametrize(
    ("value", "q", "inner"),
    [
        ("<b>&amp;</b>", "amp", "&lt;b&gt;&amp;<mark>amp</mark>;&lt;/b&gt;"),
        ("<b>", "b", "&lt;<mark>b</mark>&gt;"),
        ("a\tb ", "b", 'a<span class="ws">\t</span><mark>b</mark><span class="ws"> </span>'),
        ("ab" * 30, "a", "<mark>a</mark>b" * 20 + "ab" * 10),
        ({"deep": ["Über"]}, "über", '<bdi>{"deep": ["<mark>Über</mark>"]}</bdi>'),
        (True, "true", "<mark>true</mark>"),
        (NumberText("1.10"), "1.10", "<mark>1.10</mark>"),
        ("https://claro.test/?a=<x>&b", "claro.test", "https://<mark>claro.test</mark>/?a=&lt;x&gt;&amp;b"),
        # The signs that stand for marks while a cell is escaped.
        ("\ufdd0x\ufdd1", "x", "<bdi>\ufdd0x\ufdd1</bdi>"),
    ],
)
def test_marks_leave_cells_escaped(page_of, value, q, inner):
    page = page_of(["cell"], [[value]], f"?q={q}")
    html = page.content.decode()
    row = html[html.index("<tbody>") : html.index("</tbody>")]
    assert f">{inner}<" in row
    [cell] = dom(page).iterfind(".//tbody/tr/td")
    assert "".join(cell.itertext()).strip() == cells.whole(value, is_compact=True).strip()


def test_a_match_beyond_the_cut_is_marked_at_the_cut(page_of):
    page = page_of(["cell"], [["x" * 300 + "needle"]], "?q=needle")
    assert [words(mark) for mark in dom(page).iterfind(".//tbody//mark")] == ["…"]


def test_a_search_that_is_not_ready_says_so_and_goes_on(web, account, path, copy, monkeypatch):
    asked_for: list[str] = []
    monkeypatch.setattr(tasks.fold_copy, "delay", asked_for.append)
    monkeypatch.setattr(search, "condition", raising(search.NotFolded(copy)))
    page = web.get(f"{path}?q=thing", headers=htmx())
    assert (page.status_code, asked(account)) == (202, [])
    assert "Preparing the search" in told(page)
    [alert] = [one for one in dom(page).iter() if one.get("hx-get")]
    assert (alert.get("hx-get"), alert.get("hx-trigger")) == (f"{path}?q=thing", "load delay:1s")
    assert 'http-equiv="refresh"' in web.get(f"{path}?q=thing").content.decode()
    assert asked_for == [str(copy.pk)]


def test_a_search_that_cannot_be_prepared_says_why(web, path, copy, monkeypatch):
    monkeypatch.setattr(tasks.fold_copy, "delay", lambda _: None)
    monkeypatch.setattr(search, "condition", raising(search.NotFolded(copy)))
    monkeypatch.setattr(search, "fold", raising(OSError("No space left on device")))
    monkeypatch.setattr(opened.Reader, "meta", lambda *_: None)  # no search text yet
    folding.fold(str(copy.pk))
    page = web.get(f"{path}?q=thing", headers=htmx())
    assert page.status_code == 503
    assert "The search can't be prepared There is no room for its text." in told(page)
    assert link(page, "Try again") == f"{path}?q=thing"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(opened.TooSlow(), "This took longer than 2 s"), (opened.Busy(), "Not ready yet")],
)
@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_a_query_that_takes_too_long_says_how_to_go_on(web, account, path, copy, monkeypatch, headers, error, sentence):
    monkeypatch.setattr(opened.Reader, "run", raising(error))
    page = web.get(f"{path}?filter=id > 1&q=x&limit=25", headers=headers)
    assert (page.status_code, asked(account)) == (503, [])
    assert sentence in told(page)
    if isinstance(error, opened.TooSlow):
        assert unquote(link(page, "Try again")) == f"{path}?filter=id > 1&q=x&limit=25"
        assert link(page, "Show all rows") == "?limit=25"


def raising(error: Exception):
    def refuse(*_, **__):
        raise error

    return refuse
