import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasources.sources.patterns import pattern


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("products.csv", "products.csv"),
        ("Products 2026-05-01_v2 (final).CSV", "products.csv"),
        ("products-may-2026.csv", "products.csv"),
        ("products_20260501T0300.csv", "products.csv"),
        ("mayonnaise_final2.csv", "mayonnaise.csv"),
        ("2026-05-01.csv", ""),
        ("цены-2026.tsv", "цены.tsv"),
        ("no suffix 3", "no suffix"),
        ("", ""),
    ],
)
def test_dates_digits_and_marks_of_versions_are_left_out(name, found):
    assert pattern(name) == found


@given(st.text(max_size=80), st.integers(0, 10**9))
def test_a_number_at_the_end_changes_no_pattern(name, number):
    stem = name.replace(".", " ").replace("/", " ")
    assert pattern(f"{stem} {number}.csv") == pattern(f"{stem}.csv") or not stem.strip()
