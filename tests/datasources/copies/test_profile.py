"""The profile of a copy: its numbers, and that each bar counts the rows that its filter finds."""

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from datasources.claro import NumberText
from datasources.copies import checks, filters, opened, profile
from datasources.copies.conditions import Condition
from datasources.copies.profile import ColumnProfile
from tests.support.copies import built

NAMES = ["price", "Price", "order", 'say "x"', "it's", "a b", "<script>", "\u202eright", "true", "x" * 300, "ü", "--"]
# Values that look like others, are near others, or end a text too early.
NASTY = [
    None,
    "",
    " ",
    "0",
    "00501",
    "5",
    "5.0",
    "1e5",
    "1,234.5",
    "-7",
    "true",
    "a  b",
    " a",
    "a\u00a0",
    "Ã¤",
    "â€œ",
    "\ufffd",
    "2024-02-29",
    "2024-02-30",
    "2024-02-29T10:00:00Z",
    "2024-03-01 10:00",
    "1.2.2024",
    "x' OR 1=1 --",
    'a"b',
    "%",
    "\0",
    "ß",
    "🙂",
    "[1]",
    0,
    5,
    5.0,
    -0.0,
    0.1,
    2**53 + 1,
    2**53,
    2**63,
    2**127 - 1,
    1e300,
    5e-324,
    -1e300,
    float("inf"),
    NumberText("0.10"),
    NumberText("1e400"),
    NumberText("0.1234567890123456789"),
    NumberText("NaN"),
    True,
    False,
    [1],
    {"a": "b"},
    "y" * 1500,
    "5\n",
    "2024-02-29\n",
]


@pytest.fixture
def profiled(tmp_path):
    """`profiled(name=[values …])`: the profiles of a table of these columns."""

    def made(**columns: list) -> dict[str, ColumnProfile]:
        path = built(tmp_path, list(columns), list(zip(*columns.values(), strict=True)))
        profile.write(path)
        with opened.open_file(path) as reader:
            return {one.column.name: one for one in profile.of(reader)}

    return made


def test_numbers_have_a_histogram_of_round_ranges_and_quartiles(profiled):
    price = profiled(price=[1.5, 2.5, 9.0, None, 20.0])["price"]
    assert (price.facts.rows, price.facts.nulls, price.empty, price.facts.distinct) == (5, 1, 1, 4)
    assert (price.facts.least, price.facts.most, price.facts.mean) == ("1.5", "20.0", 8.25)
    assert price.facts.quartiles == [2.25, 5.75, 11.75]
    assert [bar.filter for bar in price.bars][:2] == ["(price >= 1 AND price < 2)", "(price >= 2 AND price < 3)"]
    assert (len(price.bars), price.counts[:2], sum(price.counts)) == (20, [1, 1], 4)


def test_few_whole_numbers_have_a_bar_each(profiled):
    stars = profiled(stars=[1, 1, 3])["stars"]
    assert [(bar.label, bar.filter) for bar in stars.bars] == [(str(n), f"stars = {n}") for n in (1, 2, 3)]
    assert stars.counts == [2, 0, 1]


def test_texts_have_their_frequent_values_and_empty_cells_apart(profiled):
    brand = profiled(brand=["Acme", "Dun's", "Acme", "", None, "Acme"])["brand"]
    assert (brand.facts.nulls, brand.facts.blanks, brand.facts.distinct, brand.facts.is_exact) == (1, 1, 2, True)
    assert brand.facts.tops == [["Acme", 3], ["Dun's", 1]]
    assert [bar.filter for bar in brand.bars] == ["brand = 'Acme'", "brand = 'Dun''s'"]
    assert brand.facts.lengths == [4, 5, 4.25]


def test_truth_values_have_two_bars(profiled):
    is_new = profiled(is_new=[True, False, True, None])["is_new"]
    assert [(bar.filter, count) for bar, count in zip(is_new.bars, is_new.counts, strict=True)] == [
        ("is_new = true", 2),
        ("is_new = false", 1),
    ]


def test_dates_as_text_have_a_histogram_by_time(profiled):
    made = profiled(made=["2024-01-31", "2024-02-01", "2024-12-24"])["made"]
    assert made.facts.are_dates
    assert made.bars[0].filter == "(made >= '2024-01-01' AND made < '2024-02-01')"
    assert made.counts == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_texts_that_are_no_dates_of_the_calendar_have_no_histogram(profiled):
    assert not profiled(made=["2024-02-30", "2024-03-01"])["made"].facts.are_dates


def test_a_column_of_different_texts_is_a_likely_key_without_bars(profiled):
    sku = profiled(sku=[f"A{n}" for n in range(30)], kind=["x"] * 30)
    assert sku["sku"].is_key
    assert not sku["sku"].bars
    assert sku["kind"].is_constant
    assert not sku["kind"].is_key


def test_empty_and_missing_columns_have_a_profile(profiled):
    nothing = profiled(nothing=[None, None])["nothing"]
    assert (nothing.filled, nothing.bars, nothing.facts.distinct) == (0, [], 0)


@pytest.mark.parametrize("columns", [["a", "a"], [""], ["x" * 1001]])
def test_a_column_that_filters_cannot_name_says_so(tmp_path, columns):
    path = built(tmp_path, columns, [[1] * len(columns)])
    profile.write(path)
    with opened.open_file(path) as reader:
        assert not any(one.has_filters for one in profile.of(reader))


def test_a_profile_is_read_without_the_rows(tmp_path):
    path = built(tmp_path, ["price", "brand"], [[1, "a"], [2, "b"]])
    profile.write(path)
    with opened.open_file(path) as reader:
        asked = []
        reader.run, run = lambda sql, parameters=(): asked.append(sql) or run(sql, parameters), reader.run
        assert [one.column.name for one in profile.of(reader, [1])] == ["brand"]
        assert len(asked) == 1
        assert "FROM profile" in asked[0]


values = st.sampled_from(NASTY) | st.text(max_size=8) | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
cells = st.lists(values, min_size=1, max_size=40) | st.sampled_from([str, int, float, bool]).flatmap(
    lambda kind: st.lists(
        st.sampled_from([one for one in NASTY if type(one) is kind]) | st.none(), min_size=1, max_size=40
    )
)


@pytest.mark.slow
@effort(max_examples=20)
@given(st.data())
def test_a_bar_counts_the_rows_that_its_filter_finds(tmp_path_factory, data):
    name, column = data.draw(st.sampled_from(NAMES)), data.draw(cells)
    other = data.draw(st.lists(st.integers(0, 3), min_size=len(column), max_size=len(column)))
    path = built(tmp_path_factory.mktemp("copy"), [name, "other"], list(zip(column, other, strict=True)))
    profile.write(path)
    with opened.open_file(path, seconds=60) as reader:

        def found(condition: Condition) -> int:
            [(rows,)] = reader.run(f"SELECT count(*) FROM rows WHERE {condition.sql}", condition.parameters)  # noqa: S608
            return rows

        profiles = profile.of(reader)
        some = filters.condition("other >= 2", reader.columns)
        for one, part in zip(profiles, profile.part(reader, some, profiles, tops=True), strict=True):
            nulls = filters.condition(one.nulls_filter, reader.columns)
            assert found(nulls) == one.facts.nulls
            assert part.rows == found(some)
            counted = [*zip(one.bars, one.counts, part.bars, strict=True)]
            counted += [
                (bar, count, among) for bar, (_, count), among in zip(one.tops, one.facts.tops, part.tops, strict=True)
            ]
            for bar, count, among in counted:
                if not bar.filter:
                    continue
                condition = filters.condition(bar.filter, reader.columns)
                assert found(condition) == count, bar.filter
                assert found(Condition.joined(" AND ", [condition, some])) == among, bar.filter
            for check, count in one.facts.findings.items():
                condition = checks.condition(f"{check}.{one.column.place + 1}", reader.columns)
                assert found(condition) == count, check
