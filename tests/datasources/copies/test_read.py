from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasources.claro import NumberText
from datasources.copies import read, search
from datasources.copies.filters import FilterError
from datasources.copies.opened import open_file
from datasources.copies.query import Query
from datasources.copies.read import NestedText, Page
from tests.support.copies import built

COLUMNS = ["id", "name", "price", "note"]
ROWS = [[n, f"thing {n % 10}", n * 1.5, None if n % 3 else {"n": n}] for n in range(1, 121)]


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    path = built(tmp_path_factory.mktemp("copy"), COLUMNS, ROWS)
    search.fold(path)
    return path


def page(path: Path, first: int = 0, limit: int = 50, places=None, cut_at: int | None = None, **asked) -> Page:
    with open_file(path, seconds=20) as reader:
        return read.page(reader, Query(**asked), first, limit, places, cut_at)


def test_a_page_has_the_rows_as_the_api_sent_them(path):
    found = page(path)
    assert found == Page(tuple(COLUMNS), ROWS[:50], 0, 120)


@pytest.mark.parametrize(("first", "limit"), [(0, 1), (50, 50), (100, 50), (119, 1000), (0, 1000)])
def test_any_rows_can_be_read(path, first, limit):
    assert page(path, first, limit).rows == ROWS[first : first + limit]


@pytest.mark.parametrize("asked", [{}, {"filter": "id > 0"}, {"sorts": (("id", "asc"),)}])
@pytest.mark.parametrize("first", [120, 10**12])
def test_beyond_the_last_row_there_is_none(path, first, asked):
    found = page(path, first, **asked)
    assert (found.rows, found.total) == ([], 120)


def test_a_filter_has_the_exact_number_of_rows(path):
    found = page(path, 10, 5, filter="price > 90 AND name <> 'thing 1'")
    expected = [row for row in ROWS if row[2] > 90 and row[1] != "thing 1"]
    assert (found.rows, found.total) == (expected[10:15], len(expected))


def test_no_row_may_be_found(path):
    assert page(path, filter="price < 0") == Page(tuple(COLUMNS), [], 0, 0)


def test_filter_and_words_both_count(path):
    found = page(path, filter="id <= 30", words="THING 10.5")
    assert (found.rows, found.total) == ([ROWS[6]], 1)


def test_a_filter_that_cannot_be_read_is_refused(path):
    with pytest.raises(FilterError):
        page(path, filter="price > > 3")


def test_a_table_is_sorted_by_several_columns(path):
    found = page(path, 5, 10, sorts=(("name", "desc"), ("price", "asc")))
    assert found.rows == sorted(ROWS, key=lambda row: (-int(row[1][6:]), row[2]))[5:15]


def test_filtered_rows_are_sorted_too(path):
    found = page(path, 3, 10, filter="id > 60", sorts=(("name", "asc"), ("id", "desc")))
    expected = sorted(ROWS[60:], key=lambda row: (row[1], -row[0]))
    assert (found.rows, found.total) == (expected[3:13], 60)


def test_only_columns_that_are_shown_are_read(path):
    found = page(path, 0, 2, places=lambda rows: {rows - 1, 3})
    assert found.rows == [[None, "thing 1", None, None], [None, "thing 2", None, None]]
    assert page(path, 2, 1, places=lambda rows: {3}).rows == [[None, None, None, {"n": 3}]]


def test_long_cells_are_cut_where_pages_cut_them(tmp_path):
    link, nested = f"https://claro.test/{'x' * 100}", {"text": "y" * 100}
    rows = [["ä" * 100, nested, NumberText("1." + "0" * 99)], [link, "http " * 1000, "short"]]
    path = built(tmp_path, ["a", "b", "c"], rows)
    first, second = page(path, cut_at=20).rows
    assert first == ["ä" * 21, '{"text": "yyyyyyyyyyy', "1." + "0" * 19]
    assert [type(cell) for cell in first] == [str, NestedText, str]
    assert second == [link, ("http " * 1000)[:21], "short"]
    assert page(path).rows == rows


values = st.one_of(
    st.none(),
    st.integers(-3, 3) | st.integers(2**53 - 2, 2**53 + 2) | st.integers(),
    st.sampled_from([0.5, -0.5, 1.0, 1e300, 2.0**53]),
    # The order of these is the same in every language.
    st.text("ab1", max_size=3),
    st.booleans(),
)
tables = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(values, min_size=width, max_size=width), max_size=25)
)


@pytest.mark.slow  # writes a file for each example
@settings(max_examples=25)
@given(tables, st.integers(1, 30), st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["asc", "desc"])), max_size=3))
def test_pages_of_any_size_have_every_row_once_in_order(tmp_path_factory, rows, limit, sorts):
    width = len(rows[0]) if rows else 1
    asked = {f"c{place}": order for place, order in sorts if place < width}
    path = built(tmp_path_factory.mktemp("copy"), [f"c{place}" for place in range(width)], rows)
    expected = list(rows)
    for name, order in reversed(asked.items()):
        place = int(name[1:])
        full = [row for row in expected if row[place] not in (None, "")]
        empty = [row for row in expected if row[place] in (None, "")]
        full.sort(key=lambda row: rank(row[place]), reverse=order == "desc")
        expected = full + empty
    found: list[list[object]] = []
    with open_file(path, seconds=60) as reader:
        while got := read.page(reader, Query(sorts=tuple(asked.items())), len(found), limit).rows:
            found += got
            assert len(got) == limit or len(found) == len(rows)
    assert list(map(repr, found)) == list(map(repr, expected))


def rank(value: object) -> tuple:
    """Numbers by value, then text; in a column of truth values alone, these are text too."""
    if isinstance(value, str | bool):
        return (1, str(value).lower())
    return (0, value)
