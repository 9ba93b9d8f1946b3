"""Search in all columns of a copy, whatever the case and the accents."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasources.claro import NumberText
from datasources.copies import duck, search
from datasources.copies.opened import open_file
from datasources.copies.search import NotFolded
from tests.support.copies import built

COLUMNS = ["id", "name", "exact", "active", "attrs", "number", "nothing"]
ROWS = [
    [1, "Łódź Straße", NumberText("100.10"), True, {"k": "Ärger"}, 5, None],
    [2, "İstanbul ıssız", NumberText("7"), False, ["red shoes"], 2.5, None],
    [3, 'e\u0301cole 5" 50%_x', None, None, None, 1e22, None],
    [4, "ＦＵＬＬ Smørrebrød ΟΔΟΣ", NumberText("1E2"), None, None, None, None],
    [5, "shoes", NumberText("-8.00"), None, ["red"], None, None],
    [6, "", None, None, None, None, None],
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = built(tmp_path_factory.mktemp("search"), COLUMNS, ROWS)
    search.fold(path)
    return path


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("lodz", [1]),
        ("ŁÓDŹ", [1]),
        ("strasse STRASSE straße", [1]),
        ("arger", [1]),
        ("istanbul ISSIZ", [2]),
        ("école", [3]),
        ("ECOLE", [3]),
        ("full smorrebrod οδος", [4]),
        ("ｆｕｌｌ", [4]),
        ("100.10", [1]),
        ("100.1", [1]),
        ("1e+22", [3]),
        ("2.5 true", []),
        ("2.5 false", [2]),
        ("true", [1]),
        ('5"', [3]),
        ("50%_", [3]),
        ("5%x", []),
        ("red shoes", [2, 5]),
        ("shoes red", [2, 5]),
        ('"red shoes"', [2]),
        ('"red shoes" 7', [2]),
        ('"shoes\x1f-8.00"', []),
        ('"k": arger', [1]),
        ("' OR 1=1 --", []),
        ("\u0301", [1, 2, 3, 4, 5, 6]),
        ("  ", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_rows_that_hold_all_words_are_found(path, words, ids):
    with open_file(path, 60) as reader:
        found = search.condition(reader, words)
        assert reader.run(f"SELECT c0 FROM rows WHERE {found.sql} ORDER BY n", found.parameters) == [(n,) for n in ids]  # noqa: S608


def test_a_copy_without_its_folded_text_is_not_searched(tmp_path):
    with open_file(built(tmp_path, COLUMNS, ROWS), 60) as reader:
        with pytest.raises(NotFolded):
            search.condition(reader, "shoes")
        assert search.condition(reader, " ").sql == "true"


def test_python_and_duckdb_fold_every_character_alike():
    """Characters that this Python's Unicode has not assigned are left out."""
    letters = [chr(code) for code in range(1, 0x110000) if unicodedata.category(chr(code)) not in ("Cs", "Cn", "Co")]
    texts = [f"a{letter}Ω" for letter in letters]
    with duck.connect("256MB") as database:
        sql = f"SELECT {search.folded_sql('text')} FROM (SELECT unnest(?) AS text)"  # noqa: S608
        folded = [text for (text,) in database.execute(sql, [texts]).fetchall()]
    assert [text for text, one in zip(texts, folded, strict=True) if search.fold_text(text) != one] == []


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        ("Red  shoes", ("shoes", "red")),
        ('"Red shoes" red', ("red shoes",)),
        ('say "no', ("say", '"no')),
        ('a"b c"d', ('a"b', 'c"d')),
        ('""', ('""',)),
        ("Ä a\u0308", ("a",)),
        ("x" * 600, ("x" * search.LENGTH_MAX,)),
        ("", ()),
    ],
)
def test_words_become_terms(words, terms):
    assert search.terms(words) == terms


@pytest.mark.parametrize(
    ("text", "words", "marked"),
    [
        ("Red shoes, red", "red", ["Red", "red"]),
        ("Straße", "strasse", ["Straße"]),
        ("Straße", "s", ["S", "ß"]),
        ("e\u0301cole", "ecole", ["e\u0301cole"]),
        ("Łódź łódź", "lodz", ["Łódź", "łódź"]),
        ("İİİx", "x", ["x"]),
        ("abcd", "abc bcd", ["abcd"]),
        ("한국", "한", ["한"]),
        ("\u1112\u1161\u11ab\u1100", "한", ["\u1112\u1161\u11ab"]),
        ("ﬁne é", "z", []),
    ],
)
def test_matches_are_marked_in_the_text_as_it_is(text, words, marked):
    assert [text[start:stop] for start, stop in search.marks(text, search.terms(words))] == marked


LETTERS = st.text(st.sampled_from("aAeEsß äéİıŁøæΣς\u0301\u0327Ａ한\u1112\u1161\u11ab1."), max_size=30)


@given(LETTERS, st.lists(LETTERS, max_size=3))
@settings(max_examples=300, deadline=None)
def test_marks_are_in_order_and_match(text, words):
    terms = search.terms(" ".join(words))
    found = search.marks(text, terms)
    assert found == sorted(found)
    assert all(stop <= start for (_, stop), (start, _) in pairwise(found))
    for start, stop in found:
        assert any(term in search.fold_text(text[start:stop]) for term in terms)
    for term in terms:
        assert bool(search.marks(text, [term])) == (term in search.fold_text(text))
