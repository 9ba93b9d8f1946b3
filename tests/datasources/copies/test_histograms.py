"""Bounds of bars: round, few, and around all values; names and values in filters."""

from datetime import datetime as moment
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasources.copies.histograms import BINS_MAX, Range, Same, date_bounds, name, number_bounds
from datasources.copies.schema import Column, Kind


@pytest.mark.parametrize(
    ("low", "high", "is_whole", "bounds"),
    [
        ("1", "5", True, ["1", "2", "3", "4", "5", "6"]),
        ("0", "1", False, ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1", "1.1"]),
        ("-30", "30", True, ["-30", "-25", "-20", "-15", "-10", "-5", "0", "5", "10", "15", "20", "25", "30", "35"]),
        ("7", "7", True, []),
        ("1E-323", "2E-323", False, []),
    ],
)
def test_bounds_are_round(low, high, is_whole, bounds):
    assert number_bounds(Decimal(low), Decimal(high), is_whole=is_whole) == bounds


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_bounds_of_numbers_hold_all_of_them_and_rise(one, other):
    low, high = sorted([one, other])
    bounds = [float(bound) for bound in number_bounds(Decimal(repr(low)), Decimal(repr(high)), is_whole=False)]
    assert bounds == sorted(set(bounds))
    assert len(bounds) <= BINS_MAX + 1
    assert not bounds or bounds[0] <= low < high < bounds[-1]


@given(st.datetimes(), st.datetimes())
def test_bounds_of_dates_hold_all_of_them_and_rise(one, other):
    low, high = sorted(at.replace(second=0, microsecond=0) for at in (one, other))
    bounds = date_bounds(low, high, "T")
    assert bounds[:-1] == sorted(set(bounds[:-1]))
    assert len(bounds) <= BINS_MAX + 1
    text = high.isoformat("T", "minutes")
    assert not bounds or (bounds[0] <= low.isoformat("T", "minutes") and (bounds[-1] == "" or text < bounds[-1]))


def test_bounds_of_dates_follow_the_calendar():
    assert date_bounds(moment(2024, 1, 5), moment(2024, 4, 1), "")[:2] == ["2024-01-01", "2024-01-08"]  # noqa: DTZ001
    assert date_bounds(moment(2020, 1, 5), moment(2024, 4, 1), "")[:2] == ["2020-01-01", "2020-04-01"]  # noqa: DTZ001
    assert date_bounds(moment(2024, 1, 5, 9, 3), moment(2024, 1, 5, 9, 9), " ")[0] == "2024-01-05 09:03"  # noqa: DTZ001


@pytest.mark.parametrize(
    ("column", "written"),
    [("price", "price"), ("a b", '"a b"'), ('a"b', '"a""b"'), ("order", '"order"'), ("true", '"true"'), ("ü", '"ü"')],
)
def test_names_are_quoted_where_a_filter_needs_it(column, written):
    assert name(column) == written


@pytest.mark.parametrize(
    ("kind", "text", "written"),
    [
        (Kind.TEXT, "it's", "a = 'it''s'"),
        (Kind.TEXT, "5", "a = '5'"),
        (Kind.INT, "-5", "a = -5"),
        (Kind.FLOAT, "1e+22", "a = 1e+22"),
        (Kind.BOOLEAN, "true", "a = true"),
        (Kind.TEXT, "a\0b", ""),
        (Kind.TEXT, "x" * 1001, ""),
    ],
)
def test_values_are_written_as_filters_read_them(kind, text, written):
    assert Same(Column(0, "a", kind), text).filter == written


def test_a_range_has_words_and_a_filter():
    one = Range(Column(0, "a", Kind.FLOAT), "1000", "2000")
    assert (one.label, one.filter) == ("1,000 to under 2,000", "(a >= 1000 AND a < 2000)")
