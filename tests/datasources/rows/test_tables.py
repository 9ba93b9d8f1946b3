"""The table of a page: its bytes, whatever the cells hold, and the columns it shows."""

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from datasources.claro import NumberText
from datasources.rows.cells import CUT_AT
from datasources.rows.choices import Choice
from datasources.rows.pages import Rows
from datasources.rows.tables import COLUMNS_MAX, TABLE_BYTES, Table, table

STATE = {"choice": Choice(), "from_column": 1, "sort": "", "order": "asc"}


def made(rows: list[list[object]], names: list[str] | None = None, **state) -> Table:
    columns = tuple(names or [f"c{place}" for place in range(1, len(rows[0]) + 1)])
    return table(Rows(columns, rows, 0, len(rows), False), STATE | state, {})


def size(made: Table) -> int:
    return len((made.head + made.body).encode())


def places(made: Table) -> list[int]:
    return [column.place for column in made.shown]


@pytest.mark.parametrize("value", ["twenty characters ok", 1234.5, None, "", NumberText("1.10"), True])
def test_1000_rows_of_60_plain_columns_stay_whole(value):
    wide = made([[value] * 60] * 1000)
    assert (len(wide.shown), wide.left_out) == (60, 0)
    assert "…" not in wide.body


@pytest.mark.slow
@pytest.mark.parametrize("columns", [1, 60, 2500])
@pytest.mark.parametrize(
    "value",
    [
        "x" * 80_000,
        "&" * 80_000,
        '"<' * 200,
        "𝒳" * 300,
        "\u200ba" * 100,
        " " * 500,
        "\r\n" * 60,
        "a\tb\xa0" * 30,
        "https://example.com/" + "x" * 1900,
        "https://example.com/?'" + "'" * 1000,
        [["&\u200b"] * 50],
        10**400,
        NumberText("1." + "1" * 1000),
        7,
        None,
    ],
    ids=lambda value: str(value)[:9].encode("unicode-escape").decode(),
)
def test_a_page_of_1000_rows_stays_small_whatever_its_cells_hold(columns, value):
    wide = made([[value] * columns] * 1000)
    assert size(wide) <= TABLE_BYTES
    assert len(wide.shown) >= 1
    assert wide.left_out == columns - len(wide.shown)
    assert wide.body.count("<tr ") == 1000
    assert wide.body.count("<td ") == 1000 * len(wide.shown)


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.lists(st.text(), max_size=9)
)


@pytest.mark.slow
@effort(max_examples=25)
@given(
    values=st.lists(VALUES, min_size=1, max_size=20),
    names=st.lists(st.text(max_size=1500), min_size=1, max_size=20),
    rows=st.integers(1, 400),
    columns=st.integers(1, 3000),
    first=st.integers(1, 4000),
)
def test_any_table_is_small_and_says_what_it_leaves_out(values, names, rows, columns, first):
    line = [values[place % len(values)] for place in range(columns)]
    wide = made([line] * rows, [names[place % len(names)] for place in range(columns)], from_column=first)
    assert size(wide) <= TABLE_BYTES
    assert 1 <= len(wide.shown) <= COLUMNS_MAX
    assert places(wide) == list(range(wide.first, wide.last + 1))
    assert wide.left_out == columns - len(wide.shown)


def test_cells_are_cut_shorter_before_columns_are_left_out():
    wide = made([["x" * 400] * 18] * 1000)
    assert wide.left_out == 0
    assert "xxx…" in wide.body
    assert f"{'x' * (CUT_AT - 1)}…" not in wide.body
    assert f"{'x' * (CUT_AT - 1)}…" in made([["x" * 400] * 12] * 1000).body


def test_a_text_is_not_cut_where_its_button_takes_more_than_the_text():
    wide = made([["x" * 40] * 2500] * 1000)
    assert len(wide.shown) > 40
    assert "…" not in wide.body


def test_the_columns_that_are_left_out_are_reached_one_page_after_the_other():
    rows = [[f"{place} " + "y" * 30 for place in range(500)]] * 1000
    found, first = [], 1
    while first:
        wide = made(rows, from_column=first)
        found += places(wide)
        first = wide.next
    assert found == list(range(1, 501))
    assert wide.previous
    assert made(rows, from_column=9999).shown


def test_at_most_2000_columns_are_shown():
    wide = made([[1] * 2500])
    assert (len(wide.shown), wide.left_out, wide.next) == (2000, 500, 2001)
    assert len(made([[1] * 2500], from_column=2001).shown) == 500


def test_long_names_of_columns_leave_columns_out_too():
    wide = made([[1] * 2000], names=["имя " * 240 + str(place) for place in range(2000)])
    assert size(wide) <= TABLE_BYTES
    assert 50 < len(wide.shown) < 2000


def test_chosen_columns_come_in_the_order_in_which_they_were_named():
    chosen = made([[1, 2, 3, 4]], names=["a", "b", "a", ""], choice=Choice(("", "b", "nix", "a")))
    assert places(chosen) == [4, 2, 1, 3]
    assert chosen.is_chosen
    assert [column.name for column in chosen.listed] == ["", "b", "a"]
    assert not made([[1, 2]], names=["a", "b"], choice=Choice(("nix", ""))).is_chosen


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u2060\ufeff", "\t", "\xa0"])
def test_a_column_without_a_visible_name_says_so_and_its_place(name):
    nameless = made([[1, 2]], names=["a", name])
    assert nameless.shown[1].label == "no name, column 2"
    assert "no name, column 2" in nameless.head
    assert "aria-sort" not in nameless.head


def test_a_column_is_shown_as_sorted_only_where_it_is():
    assert made([[1, 2]], names=["", "b"], sort="", order="desc").head.count("aria-sort") == 0
    assert made([[1, 2]], names=["a", "a"], sort="a").head.count("aria-sort") == 0
    assert made([[1, 2]], names=[" ", "b"], sort=" ").head.count('aria-sort="ascending"') == 1


@pytest.mark.parametrize(
    ("names", "reasons"),
    [
        (["", "b"], ["it has no name", ""]),
        (["a", "a", "b"], ["another column has the same name"] * 2 + [""]),
        ([" ", "\u200b"], ["", ""]),
        (["x" * 1001, "x" * 1000], ["its name is too long", ""]),
    ],
)
def test_a_column_that_cannot_be_sorted_has_no_link_and_a_reason(names, reasons):
    some = made([[1] * len(names)], names=names)
    assert [column.refusal for column in some.shown] == reasons
    assert some.head.count("<a ") == reasons.count("")
    assert all(reason in some.head for reason in reasons)


def test_headers_of_numbers_are_aligned_like_their_numbers():
    rows = [[None, "a", None, True, 1], [1, 2, NumberText("1.0"), 1, 1.5]]
    heads = made(rows).head.split("<th")[1:]
    assert ["is-number" in head for head in heads] == [True, False, True, False, True]
