"""Words are found in names whatever their case, accents and separators, and marked where they stand."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.folding import folded, marks, searched, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("products autumn", ("products", "autumn")),
        ("Products-Autumn_2026.csv", ("products", "autumn", "2026", "csv")),
        ("  --  ", ()),
        ("produ products produ", ("products",)),
        ("ÉTÉ straße", ("strasse", "ete")),
    ],
)
def test_a_search_is_words_between_separators_the_longest_first(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "search", "marked"),
    [
        ("products-autumn.csv", "AUTUMN prod", "[prod]ucts-[autumn].csv"),
        ("Straße", "rass", "St[raß]e"),
        ("ﬁne", "f", "[ﬁ]ne"),
        ("été", "ete", "[été]"),
        ("e\u0301te\u0301.csv", "e", "[e\u0301]t[e\u0301].csv"),
        ("aaaa", "aa", "[aa][aa]"),
        ("file-10-21.csv", "1 file", "[file]-[1]0-21.csv"),
        ("q1-2021.csv", "q1 20", "[q1]-[20]21.csv"),
        ("é7-17", "7", "é[7]-17"),
        ("abcd", "abc bcd", "[abcd]"),
        ("İstanbul", "stan", "İ[stan]bul"),
        ("", "a", ""),
    ],
)
def test_matches_are_marked_in_the_name_as_it_is(text, search, marked):
    parts, at = [], 0
    for start, stop in marks(text, words_of(search, searched)):
        parts += [text[at:start], f"[{text[start:stop]}]"]
        at = stop
    assert "".join(parts) + text[at:] == marked


@given(st.text(max_size=30), st.text(min_size=1, max_size=4))
def test_each_word_that_is_in_the_folded_name_is_marked_and_no_other(text, search):
    for word in words_of(search, searched):
        ranges = marks(text, [word])
        assert bool(ranges) == (word in searched(text))
        assert all(word in searched(text[start:stop]) for start, stop in ranges)
        assert all(stop <= start for (_, stop), (start, _) in pairwise(ranges))


@given(st.text())
def test_letter_by_letter_it_is_the_same(text):
    assert "".join(map(folded, text)) == folded(text) == folded(unicodedata.normalize("NFD", text))
