"""Rows of a whole-table copy by several columns."""

import pytest

from tests.datasources.views.conftest import ids
from tests.support.html import all_words, dom, words


def test_a_table_is_sorted_by_several_columns(web, path, copy):
    page = web.get(f"{path}?sort=note&order=desc&sort=id&order=desc&limit=31")
    assert ids(page) == [*range(119, 0, -4), 118]
    chips = dom(page).find(".//div[@aria-label='Active filters and sorting']")
    assert [(words(chip), chip.get("href")) for chip in chips] == [
        ("Sorted by note ↓ Remove the sort order", "?sort=id&order=desc&limit=31"),
        ("then by id ↓ Remove the sort order", "?sort=note&order=desc&limit=31"),
    ]
    heads = [one.get("aria-sort") for one in dom(page).iterfind(".//thead//th")]
    assert heads == [None, None, None, None, "descending"]
    assert all_words(page, ".//caption") == ["Rows 1 to 31 of things.csv, sorted by note, then by id"]


def test_a_header_replaces_what_rows_are_sorted_by(web, path, copy):
    page = web.get(f"{path}?sort=note&order=desc&sort=id&order=desc")
    links = [one.get("href") for one in dom(page).iterfind(".//thead//a[@class='sort-link']")]
    asc = [f"?sort={name}&order=asc" for name in ("id", "name", "price")]
    assert links == [*asc, "?"]


def test_a_form_adds_a_column_to_those_that_rows_are_sorted_by(web, path, copy):
    page = web.get(f"{path}?sort=note&limit=25&page=2")
    form = dom(page).find(".//div[@id='sort-panel']/form")
    kept = [(one.get("name"), one.get("value")) for one in form.iterfind("input[@name]")]
    assert kept == [("limit", "25"), ("sort", "note"), ("order", "asc")]
    assert [one.get("value") for one in form.iter("button")] == ["id", "name", "price"]


@pytest.mark.parametrize(
    ("query", "sorts"),
    [
        ("?sort=note&sort=id&order=desc", [("note", "↓"), ("id", "↑")]),
        ("?sort=note&sort=note&order=desc&order=asc", [("note", "↓")]),
        ("?sort=&order=desc&sort=id&order=desc", [("id", "↓")]),
        ("?sort=note&order=asc&order=desc&sort=id", [("note", "↑"), ("id", "↓")]),
    ],
)
def test_each_column_has_the_order_at_its_place(web, path, copy, query, sorts):
    chips = dom(web.get(path + query)).find(".//div[@aria-label='Active filters and sorting']")
    assert [words(chip).rpartition("by ")[2].split()[:2] for chip in chips] == [list(one) for one in sorts]
