"""A whole row at its own address: its fields, its neighbours, and the filters that it offers."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import htmx
from tests.datasources.views.conftest import asked
from tests.datasources.views.test_cells import answer, rows_from  # noqa: F401 - a fixture
from tests.support.copies import COLUMNS, copied
from tests.support.html import all_words, dom, link, words

LONG = "a long story\r\n  with <b>&amp;</b> \u200f" * 400
HOSTILE = [
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "https://user:secret@a.test/",
    "https://a.test/?x=1&y='\"",
    {"<b>": ["</li>", {"": None}], "n": 0.1, "deep": [[[]]]},
    "   ",
    "",
    None,
    True,
    "=1+1",
    LONG,
]


def fields(page) -> dict[str, str]:
    """The text of each field, as a script copies it."""
    found = [one for one in dom(page).iter("div") if "field" in (one.get("class") or "").split()]
    return {one.get("data-name"): "".join(one.find(".//pre").itertext()).removeprefix("\n") for one in found}


def offers(page, name: str) -> dict[str, dict[str, list[str]]]:
    """The filters that a field offers: their parameters by their label."""
    [field] = [one for one in dom(page).iter("div") if one.get("data-name") == name]
    links = [one for one in field.iter("a") if "/rows/filter/" in one.get("href")]
    return {words(one).split(":")[0]: parse_qs(urlsplit(one.get("href")).query) for one in links}


def test_a_row_has_its_own_page_with_all_fields_and_its_neighbours(copy, web, path):
    page = web.get(f"{path}7/?filter=id+%3E+100&sort=price&order=desc&column=name&limit=25")
    assert page.status_code == 200
    assert fields(page) == {"id": "114", "name": "thing 114", "price": "171.0", "note": "note 2"}
    assert words(dom(page).find(".//h1")) == "Row 7 of 20"
    kept = "filter=id+%3E+100&sort=price&order=desc&column=name&limit=25"
    assert (link(page, "Previous"), link(page, "Next")) == (f"../6/?{kept}", f"../8/?{kept}")
    assert link(page, "Rows of") == f"{path}?{kept}&go=7"


def test_the_first_and_the_last_row_end_the_way(copy, web, path):
    assert "Previous" not in all_words(web.get(f"{path}1/"), ".//main//a")
    assert "Next" not in all_words(web.get(f"{path}120/"), ".//main//a")


def test_a_live_row_costs_one_call_for_its_block(table, web, path, account):
    assert fields(web.get(f"{path}7/"))["name"] == "thing 7"
    assert fields(web.get(f"{path}8/", headers=htmx()))["name"] == "thing 8"
    assert len(asked(account)) == 1


@pytest.mark.parametrize("number", ["121", "999999999", "9999999999999999999999", "0"])
def test_there_is_no_row_past_the_end(copy, web, path, number):
    assert web.get(f"{path}{number}/").status_code == 404


def test_a_live_row_past_the_end_is_not_there(table, web, path):
    page = web.get(f"{path}5000/")
    assert page.status_code == 404
    assert all_words(page, ".//main//a") == ["Back to the rows"]


@pytest.mark.parametrize(("query", "status"), [("filter=pirce+%3E+5", 422), ("check=nonsense", 422)])
def test_a_row_says_why_it_can_not_be_found(copy, web, path, query, status):
    assert web.get(f"{path}1/?{query}").status_code == status


def test_a_row_that_claro_does_not_give_now_leads_back_and_to_another_try(table, web, path, account):
    account.fault("drop", times=9)
    page = web.get(f"{path}7/?sort=id&order=desc")
    assert page.status_code == 503
    links = {words(one): one.get("href") for one in dom(page).findall(".//main//a")}
    assert links == {"Try again": f"{path}7/?sort=id&order=desc", "Back to the rows": f"{path}?sort=id&order=desc"}


def test_no_other_try_is_offered_at_a_file_that_claro_does_not_have(table, web, path, account):
    account.refuse("DATASOURCE_NOT_FOUND", 404)
    assert all_words(web.get(f"{path}7/"), ".//main//a") == ["Back to the rows"]


def test_a_search_without_a_copy_needs_one(table, web, path):
    assert web.get(f"{path}1/?q=thing").status_code == 409


@pytest.mark.parametrize("is_live", [True, False], ids=["live", "copy"])
def test_hostile_values_are_text(rows_from, table, web, path, is_live):  # noqa: F811
    names = [f"c{n}" for n in range(len(HOSTILE))]
    if is_live:
        rows_from(answer(HOSTILE, columns=names))
    else:
        copied(table, names, [HOSTILE])
    page = web.get(f"{path}1/")
    shown = {name: json.loads(text) if name == "c4" else text for name, text in fields(page).items()}
    expected = [value if isinstance(value, str | dict) else "null" if value is None else "true" for value in HOSTILE]
    expected[6] = "empty"
    assert list(shown.values()) == expected
    links = [one.get("href") for one in dom(page).iter("a") if one.get("target") == "_blank"]
    assert links == [HOSTILE[3]]
    assert not list(dom(page).find(".//main").iter("script"))


def test_a_nested_value_is_a_folded_tree(rows_from, web, path):  # noqa: F811
    value: object = "deep"
    for _ in range(60):
        value = {"inner": value}
    rows_from(answer([{"a": [1, "x"], "b": {}}, value], columns=["one", "two"]))
    page = web.get(f"{path}1/")
    trees = [one for one in dom(page).iter("div") if one.get("class") == "tree"]
    assert words(trees[0]) == '2 keys a: 2 items 0: 1 1: "x" b: {}'
    assert trees[0].find("details").get("open") is not None
    assert "deep" in words(trees[1])


def test_a_field_offers_filters_that_keep_the_address(copy, web, path):
    found = offers(web.get(f"{path}7/?q=thing&sort=price&order=desc&limit=25"), "price")
    kept = {"q": ["thing"], "sort": ["price"], "order": ["desc"], "limit": ["25"], "do": ["add"], "c": ["price"]}
    assert found == {
        "Only these": {**kept, "op": ["is"], "v": ["171.0"], "exact": ["1"]},
        "Not these": {**kept, "op": ["not"], "v": ["171.0"], "exact": ["1"]},
        "Greater": {**kept, "op": ["gt"], "v": ["171.0"]},
        "Less": {**kept, "op": ["lt"], "v": ["171.0"]},
    }


def test_what_a_filter_can_not_name_offers_none(rows_from, web, path):  # noqa: F811
    rows_from(answer([1, 2, {"a": 1}, "x" * 5000, None], columns=["same", "same", "nested", "long", "none"]))
    page = web.get(f"{path}1/")
    assert not offers(page, "nested")
    assert not offers(page, "long")
    assert {label: one["op"] for label, one in offers(page, "none").items()} == {
        "Only these": ["null"],
        "Not these": ["not_null"],
    }


def test_the_rows_page_opens_where_its_row_is(copy, web, path):
    page = web.get(f"{path}?row=30&limit=25&page=4")
    assert dom(page).find(".//tbody/tr").get("id") == "row-26"
    assert "row=" not in link(page, "Export")


def test_columns_of_a_copy_are_all_shown(copy, web, path):
    assert list(fields(web.get(f"{path}3/?column=id"))) == COLUMNS
