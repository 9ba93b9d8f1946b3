"""Plots of a copy: each line's filter finds as many rows as the line states."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasources.copies import chips, opened, profile
from datasources.copies.plots import asked, drawn
from datasources.copies.plots.asked import CannotPlot, Measure, Plot, PlotKind
from datasources.copies.query import Query, where
from tests.support.copies import copied

pytestmark = pytest.mark.django_db
HOSTILE = "a.b[0]'\"><script>"
COLUMNS = ["brand", "price", "day", HOSTILE, "big", "rating", "yes"]
BRANDS = ["Acme", "", None, "null", "(null)", "2026-01-05", "2026-01-05T10:00", "it's", "100%"]
ROWS = [
    [
        BRANDS[n % 9],
        n * 0.5 if n % 7 else None,
        f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}",
        n % 5,
        2**60 + n,
        [1.10, 5, 2**53 + 1, -0.0][n % 4],
        n % 2 == 0,
    ]
    for n in range(200)
]


@pytest.fixture
def ask(table):
    """Draws a plot, and counts the rows that each line's filter finds."""
    copy = copied(table, COLUMNS, ROWS)

    def draw(plot: Plot, filter: str = "") -> list[tuple]:
        with opened.reader(copy) as reader:
            found = drawn.draw(reader, plot, profile.of(reader), where(reader, Query(filter=filter)))
            for line in found.lines:
                if line.filter:
                    both = where(reader, Query(filter=f"({filter}) AND {line.filter}" if filter else line.filter))
                    sql = f"SELECT count(*) FROM rows WHERE {both.sql}"  # noqa: S608
                    assert reader.run(sql, both.parameters) == [(line.rows,)], line
        return found

    return draw


PLOTS = [
    Plot(PlotKind.BAR, "brand"),
    Plot(PlotKind.BAR, "brand", "price", Measure.MEAN, "yes"),
    Plot(PlotKind.BAR, "price", "brand", Measure.DISTINCT),
    Plot(PlotKind.BAR, "rating", "big", Measure.SUM),
    Plot(PlotKind.BAR, "yes", "big", Measure.MAX),
    Plot(PlotKind.HISTOGRAM, "price"),
    Plot(PlotKind.HISTOGRAM, "big", group="brand"),
    Plot(PlotKind.LINE, "day", "price", Measure.MEDIAN, HOSTILE),
    Plot(PlotKind.LINE, "day"),
    Plot(PlotKind.SCATTER, "price", HOSTILE, group="brand"),
    Plot(PlotKind.SCATTER, "big", "rating"),
    Plot(PlotKind.BOX, "brand", "price"),
    Plot(PlotKind.BOX, HOSTILE, "big"),
    Plot(PlotKind.HEAT, "brand", HOSTILE),
    Plot(PlotKind.HEAT, "day", "yes", Measure.MIN, "price"),
]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: f"{plot.kind} {plot.x[:5]} {plot.y[:5]}")
def test_a_filter_finds_the_rows_of_its_line(ask, plot):
    every = ask(plot)
    assert every.lines
    assert sum(bool(line.filter) for line in every.lines) >= len(every.lines) - 1
    if plot.kind not in (PlotKind.SCATTER, PlotKind.BOX):
        assert sum(line.rows for line in every.lines) == 200
    ask(plot, "price > 20 OR yes = true")


def test_different_values_are_those_of_the_profile(table):
    cells = [["a", 1.5, "x"], ["", 1.50, None], [None, 2, ""], ["a", None, "y"], [" ", -0.0, "x"], ["b", 0, "Y"]]
    with opened.reader(copied(table, ["text", "number", "rest", "all"], [[*row, "one"] for row in cells])) as reader:
        profiles = profile.of(reader)
        for one in profiles:
            plot = Plot(PlotKind.BAR, "all", one.column.name, Measure.DISTINCT)
            [line] = drawn.draw(reader, plot, profiles, where(reader, Query())).lines
            assert line.values == (one.facts.distinct,)
    assert [one.facts.distinct for one in profiles] == [3, 3, 3, 1]


def test_empty_cells_are_groups_of_their_own(ask):
    counts = {line.cells[0]: line.filter for line in ask(Plot(PlotKind.BAR, "brand")).lines}
    assert counts["(empty text)"] == "brand = ''"
    assert list(counts.values()).count("brand IS NULL") == 1
    assert counts["2026-01-05"] == "brand LIKE '2026-01-05'"


def test_large_whole_numbers_keep_their_digits(ask):
    [no, yes] = ask(Plot(PlotKind.BAR, "yes", "big", Measure.MAX)).lines
    assert {no.values[0], yes.values[0]} == {2**60 + 198, 2**60 + 199}


@pytest.mark.parametrize("cells", [[2**62, -(2**62), 5], [2**63 - 1] * 9 + [1], [-(2**63)] * 3, [10**18, 1, 1]])
def test_whole_numbers_of_64_bits_add_up_exactly(table, cells):
    copy = copied(table, ["word", "n"], [["a", cell] for cell in cells])
    with opened.reader(copy) as reader:
        plot = Plot(PlotKind.BAR, "word", "n", Measure.SUM)
        [line] = drawn.draw(reader, plot, profile.of(reader), where(reader, Query())).lines
    assert line.values == (sum(cells),)


def test_rare_values_are_one_bar(table):
    copy = copied(table, ["word"], [[f"w{n % 40}"] for n in range(120)])
    with opened.reader(copy) as reader:
        found = drawn.draw(reader, Plot(PlotKind.BAR, "word"), profile.of(reader), where(reader, Query()))
        assert [found.lines[-1].cells, found.lines[-1].rows] == [("(other values)",), 45]
        assert [chip.operator for chip in chips.parse(found.lines[-1].filter).items] == ["not_one_of", "not_empty"]
        rest = where(reader, Query(filter=found.lines[-1].filter))
        assert reader.run(f"SELECT count(*) FROM rows WHERE {rest.sql}", rest.parameters) == [(45,)]  # noqa: S608


def test_many_points_are_counted_in_a_grid(table, monkeypatch):
    copy = copied(table, ["a", "b"], [[n, n * n % 1000] for n in range(300)])
    monkeypatch.setattr(drawn, "POINTS_MAX", 299)
    with opened.reader(copy) as reader:
        found = drawn.draw(reader, Plot(PlotKind.SCATTER, "a", "b"), profile.of(reader), where(reader, Query()))
    assert not found.are_points
    assert sum(line.rows for line in found.lines) == 300


def test_a_line_leads_through_the_ranges_without_rows(table):
    copy = copied(table, ["day", "n"], [["2026-01-01", 1], ["2026-01-01", 2], ["2026-01-04", 5], [None, 9]])
    with opened.reader(copy) as reader:
        every = profile.of(reader), where(reader, Query())
        counts = drawn.draw(reader, Plot(PlotKind.LINE, "day"), *every).lines
        means = drawn.draw(reader, Plot(PlotKind.LINE, "day", "n", Measure.MEAN), *every).lines
    assert [(line.cells[0][:10], line.values) for line in counts if line.places[0] >= 0] == [
        ("2026-01-01", (2,)),
        ("2026-01-02", (0,)),
        ("2026-01-03", (0,)),
        ("2026-01-04", (1,)),
    ]
    assert [line.values for line in means] == [(1.5,), (None,), (None,), (5.0,), (9.0,)]


def test_colours_are_few(table):
    copy = copied(table, ["word", "n"], [[f"w{n % 40}", n] for n in range(120)])
    with opened.reader(copy) as reader:
        plot = Plot(PlotKind.HISTOGRAM, "n", group="word")
        found = drawn.draw(reader, plot, profile.of(reader), where(reader, Query()))
    assert len({line.cells[1] for line in found.lines}) == drawn.COLOURS_MAX + 1


@pytest.mark.parametrize(
    ("plot", "said"),
    [
        (Plot(PlotKind.BAR, "nowhere"), "There is no column nowhere"),
        (Plot(PlotKind.SCATTER, "price"), "Choose a column for the vertical axis"),
        (Plot(PlotKind.SCATTER, "price", "brand"), "brand is no column of numbers"),
        (Plot(PlotKind.HISTOGRAM, "brand"), "brand has no range"),
        (Plot(PlotKind.BAR, "brand", "brand", Measure.SUM), "brand is no column of numbers"),
    ],
)
def test_columns_that_do_not_fit_are_refused_in_words(ask, plot, said):
    with pytest.raises(CannotPlot, match=said):
        ask(plot)


def test_suggestions_can_be_drawn(ask, table):
    copy = table.copies.get()
    with opened.reader(copy) as reader:
        plots = asked.suggested(profile.of(reader))
    assert len(plots) == 3
    assert len({plot.kind for plot in plots}) == 3
    for plot in plots:
        assert ask(plot).lines


CELLS = st.one_of(
    st.none(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=6), st.booleans(),
    st.sampled_from(["2026-01-05", "2026-01-05T10:00", "1.10", "5", "", " "]),
)  # fmt: skip


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(CELLS, min_size=4, max_size=4), min_size=1, max_size=30),
    st.lists(st.text(min_size=1, max_size=8), min_size=4, max_size=4, unique=True),
)
def test_any_cells_under_any_name_are_counted_as_their_filter_finds_them(table, rows, names):
    table.copies.all().delete()
    copy = copied(table, names, rows)
    with opened.reader(copy) as reader:
        every = profile.of(reader)
        for one in every:
            if not one.has_filters:
                continue
            found = drawn.draw(reader, Plot(PlotKind.BAR, one.column.name), every, where(reader, Query()))
            assert sum(line.rows for line in found.lines) == len(rows)
            for line in found.lines:
                if line.filter:
                    inside = where(reader, Query(filter=line.filter))
                    sql = f"SELECT count(*) FROM rows WHERE {inside.sql}"  # noqa: S608
                    assert reader.run(sql, inside.parameters) == [(line.rows,)], line
