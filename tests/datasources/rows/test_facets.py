"""Filters by a click: conditions that are added to an address, and taken out again."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasources.copies import filters
from datasources.copies.schema import Column, Kind
from datasources.rows.facets import FILTER_MAX, Links, conditions

COLUMNS = [Column(0, "price", Kind.INT), Column(1, "brand", Kind.TEXT)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("price > 5", ["price > 5"]),
        ("price > 5 AND brand = 'a AND b'", ["price > 5", "brand = 'a AND b'"]),
        ("price BETWEEN 1 AND 2 and brand IS NULL", ["price BETWEEN 1 AND 2", "brand IS NULL"]),
        ("(price >= 1 and price < 2) AND active", ["(price >= 1 AND price < 2)", "active"]),
        ('"" = 5 AND price > 5', ['("" = 5 AND price > 5)']),
        ("price > 5 OR brand = 'x'", ["(price > 5 OR brand = 'x')"]),
        ("(price > 5 OR price < 2) AND brand = 'x'", ["(price > 5 OR price < 2)", "brand = 'x'"]),
        ("brand = 'it''s'", ["brand = 'it''s'"]),
        ("brand = 'open", ["(brand = 'open)"]),
        ("price > 5) AND (price < 9", ["(price > 5) AND (price < 9)"]),
        ("price > 5) OR (price < 2", ["(price > 5) OR (price < 2)"]),
    ],
)
def test_a_filter_has_conditions(text, parts):
    assert conditions(text) == parts


def clicked(filter: str, bars: list[str], bar: str) -> str:
    """The filter after a click on a bar of a column."""
    links = Links({"filter": [filter], "page": ["3"], "sort": ["price"]})
    query = parse_qs(urlsplit(links.to(links.facet(bars).filter_of(bar))).query)
    assert query.get("page") is None
    assert query["sort"] == ["price"]
    return query.get("filter", [""])[0]


BARS = ["(price >= 0 AND price < 5)", "(price >= 5 AND price < 10)"]


def test_a_bar_is_added_takes_the_place_of_another_and_goes_with_a_second_click():
    one = clicked("brand = 'x'", BARS, BARS[0])
    assert one == "brand = 'x' AND (price >= 0 AND price < 5)"
    two = clicked(one, BARS, BARS[1])
    assert two == "brand = 'x' AND (price >= 5 AND price < 10)"
    assert clicked(two, BARS, BARS[1]) == "brand = 'x'"
    assert clicked("price > 1 OR brand = 'x'", BARS, BARS[0]) == f"(price > 1 OR brand = 'x') AND {BARS[0]}"


CONDITION = st.sampled_from(
    [
        "price > 5",
        "brand = 'a AND (b'",
        "price BETWEEN 1 AND 2",
        "NOT (price = 1 OR brand = 'x')",
        "brand IN ('a')",
    ]
)


@given(st.lists(st.tuples(CONDITION, st.sampled_from([" AND ", " or "])), min_size=1, max_size=4))
def test_a_click_and_another_one_lead_back_to_the_same_rows(parts):
    text = "".join(one + word for one, word in parts).removesuffix(" AND ").removesuffix(" or ")
    there = clicked(text, BARS, BARS[0])
    back = clicked(there, BARS, BARS[0])
    assert conditions(back) == conditions(text)
    filters.condition(there, COLUMNS)  # is read


def test_a_filter_that_is_too_long_for_an_address_has_no_link():
    links = Links({"filter": ["brand = 'x'"]})
    assert links.to("x" * (FILTER_MAX + 1)) == ""


def test_a_check_forgets_the_filter():
    query = Links({"filter": ["brand = 'x'"], "q": ["y"], "key": ["k"]}, "/rows/").to_check("spaces.2")
    assert query == "/rows/?key=k&check=spaces.2"
