"""The columns and the first rows of a file, on its page."""

import pytest

from datasources.models import ApiKey
from tests.conftest import htmx, synced
from tests.datasources.views.conftest import facts
from tests.support.copies import copied
from tests.support.html import all_words, dom, told, words


def columns(page) -> list[str]:
    """The lines of the table of columns."""
    return all_words(page, ".//*[@id='columns']//tbody/tr")


def test_columns_are_a_table(web, table, account):
    calls = len(account.calls())
    page = web.get(f"/sources/{table.datasource_id}/")
    assert columns(page) == ["id number", "name text", "price number"]
    assert "Columns" not in facts(page)
    assert "Claro is fetching the first rows." in told(page)
    assert len(account.calls()) == calls


def test_the_page_asks_for_the_first_rows_and_shows_them(web, table, account):
    path = f"/sources/{table.datasource_id}/"
    [loads] = [one for one in dom(web.get(path)).iter() if one.get("hx-get", "").startswith(f"{path}first-rows/")]
    assert dom(web.get(path)).find(".//*[@id='source']").get("hx-get") == path
    for _ in range(2):
        page = web.get(loads.get("hx-get"), headers=htmx())
        assert "<html" not in page.content.decode()
        assert dom(page).find(".//*[@id='source']").get("hx-get") == path
        lines = all_words(page, ".//*[@id='preview']//tbody/tr")
        assert lines == [f"{n} {n} thing {n} {n * 1.5}" for n in range(1, 6)]
        assert columns(page) == ["id whole number 0% 1", "name text 0% thing 1", "price number 0% 1.5"]
        assert all_words(page, ".//p[@class='summary']")[0].startswith("120 rows · 3 columns · ")
    assert sum(call["path"].endswith("/data") for call in account.calls()) == 1
    assert "thing 5" in words(web.get(path))


def test_a_copy_gives_the_profile_and_the_first_rows_without_calls(web, table, copy, account):
    calls = len(account.calls())
    page = web.get(f"/sources/{table.datasource_id}/")
    assert [line.split()[:2] for line in columns(page)][3] == ["note", "text"]
    assert len(dom(page).findall(".//*[@id='columns']//*[@class='head-chart']")) == 3
    assert dom(page).find(".//*[@id='columns']//*[@class='head-chart']//a") is None
    assert all_words(page, ".//*[@id='preview']//tbody/tr")[4] == "5 5 thing 5 7.5 note 1"
    assert all_words(page, ".//p[@class='summary']")[0].startswith("120 rows · 4 columns · ")
    assert len(account.calls()) == calls


@pytest.mark.slow
def test_empty_cells_long_cells_and_hostile_names_are_shown(web, table):
    hostile = "<script>x</script>\u202e"
    names = [hostile, "", *(f"c{n}" for n in range(300))]
    rows = [[None, "<b>" + "x" * 999, *range(300)], ["", None, *range(300)], ["a", "b", *range(300)]]
    copied(table, names, rows)
    page = web.get(f"/sources/{table.datasource_id}/")
    assert columns(page)[0].startswith("<script>x</script>� text 67% ")
    assert columns(page)[1].startswith("no name, column 2 text 33% ")
    assert len(columns(page)) == 200
    assert "102 more columns. Open table" in words(page)
    assert "<script>x" not in page.content.decode()
    [cell, *_] = dom(page).iterfind(".//*[@id='preview']//button[@form='cell']")
    assert "x" * 999 in words(web.get(f"/sources/{table.datasource_id}/rows/cell/?at={cell.get('value')}"))


def test_no_rows_are_asked_for_with_a_key_that_claro_refuses(web, table, account):
    ApiKey.objects.update(state=ApiKey.State.INVALID)
    calls = len(account.calls())
    page = web.get(f"/sources/{table.datasource_id}/first-rows/")
    assert "fetching the first rows" not in told(page)
    assert len(account.calls()) == calls


def test_an_error_of_claro_is_said_in_place_of_the_first_rows(web, table, account):
    account.refuse("ACCESS_DENIED", 403, path="/data", times=9)
    page = web.get(f"/sources/{table.datasource_id}/first-rows/")
    assert page.status_code == 200
    assert "Try again" in words(page)
    assert columns(page) == ["id number", "name text", "price number"]


def test_what_claro_says_of_columns_is_beside_their_names(web, account, key):
    described = [{"name": "sku", "type": "text", "isUnique": True, "about": "<i>key</i>"}, {"name": "price"}]
    source_id = account.add(extra={"columns": described, "columnCount": None})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert columns(page) == ["sku About: <i>key</i> Is unique: true text", "price –"]
    assert all_words(page, ".//p[@class='summary']")[0].startswith("0 rows · 2 columns · ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([], "None"),
        (["id"], "id"),
        ([{"name": "id", "type": 7}], "1 item 2 fields Name id Type 7"),
        ({"id": "number"}, "1 field Id number"),
    ],
)
def test_columns_of_another_shape_are_a_field_like_others(web, account, key, value, shown):
    source_id = account.add(extra={"columns": value})
    synced(key)
    page = web.get(f"/sources/{source_id}/")
    assert facts(page)["Columns"] == shown
    assert columns(page) == []
