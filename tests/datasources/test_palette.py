"""The command palette's matches: parts of words in any order, whatever their case and accents."""

import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import redis
from core.folding import folded, words_of
from datasources import palette, recent
from datasources.palette import Item, best

LETTERS = "abcxyzABZ019éÈüßøçñÅŁжЯщΣσς한ﬁ"
NAMES = st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=5)


def names(text: str, *found: str) -> list[str]:
    return [one.name for one in best(text, [Item("page", name, f"/{name}/") for name in found], [], [])]


def file(name: str, uploaded_at: str = "2026-11-27", pk: uuid.UUID | None = None) -> tuple:
    return ("file", str(pk or uuid.uuid4()), name, "text/csv", uploaded_at, "", "")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("aut prod", "products-autumn.csv"),
        ("autumn_products", "products-autumn.csv"),
        ("duct tum", "products-autumn.csv"),
        ("AUTUMN.csv", "products-autumn.csv"),
        ("prix ete", "Prix d'été.csv"),
        ("ÉTÉ", "prix d'ete.csv"),
        ("strasse", "Straße 7.csv"),
        ("", "anything"),
        ("   ", "anything"),
        ("100%_", "100%_of.csv"),
        ("(.*", "a (.*) b"),
    ],
)
def test_parts_of_words_match_in_any_order(text, name):
    assert names(text, "another", name)[-1] == name
    assert name in names(text, "another", name)


@pytest.mark.parametrize("text", ["autumn spring", "productsautumn", "%", "_x", ".*"])
def test_every_part_has_to_be_there(text):
    assert names(text, "products-autumn.csv") == []


@given(NAMES, st.data())
def test_any_parts_in_any_order_case_and_form_find_the_name(words, data):
    parts = []
    for word in data.draw(st.permutations(words)):
        start = data.draw(st.integers(0, len(word) - 1))
        part = word[start : data.draw(st.integers(start + 1, len(word)))]
        change = data.draw(st.sampled_from([str.upper, str.lower, str.title, str]))
        parts.append(unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD", "NFKC"])), change(part)))
    name = "-".join(words)
    assert names(" ".join(parts), name) == [name]


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_no_search_and_no_name_breaks_it(text, found):
    shown = names(text, *found)
    assert all(all(word in folded(name) for word in words_of(text)) for name in shown)


def test_what_begins_with_the_letters_comes_first_then_pages_then_the_newest_file():
    rows = [file("cabin.csv"), file("old-bin.csv", "2025-01-01"), file("bin.csv", "2026-01-01")]
    found = best("bin", [Item("page", "Bin", "/bin/")], rows, [])
    assert [one.name for one in found] == ["Bin", "bin.csv", "old-bin.csv", "cabin.csv"]


def test_recent_ones_come_before_all_others():
    ids = [uuid.uuid4() for _ in range(3)]
    rows = [file(f"{name}.csv", "2026-01-01", pk) for name, pk in zip(("bin", "cabin", "robin"), ids, strict=True)]
    opened = [("file", ids[2]), ("file", ids[1]), ("file", uuid.uuid4())]
    found = best("bin", [Item("page", "Bin", "/bin/")], rows, opened)
    assert [one.name for one in found] == ["robin.csv", "cabin.csv", "Bin", "bin.csv"]


def test_a_file_is_there_once_for_all_keys_that_see_it():
    row = file("things.csv")
    assert len(best("things", [], [row, row], [])) == 1


def test_the_last_opened_are_kept_each_once_and_few(redis_server):
    ids = [uuid.uuid4() for _ in range(recent.KEPT + 5)]
    for one in (*ids, ids[-2]):
        recent.note(7, "file", one)
    found = recent.of(7)
    assert found[:2] == [("file", ids[-2]), ("file", ids[-1])]
    assert len(found) == len(set(found)) == recent.KEPT
    assert recent.of(8) == []


def test_without_redis_there_are_no_recent_ones(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis.connection.cache_clear()
    try:
        recent.note(7, "file", uuid.uuid4())
        assert recent.of(7) == []
    finally:
        redis.connection.cache_clear()


def test_twenty_are_shown():
    assert len(best("", [Item("page", str(n), f"/{n}/") for n in range(50)], [], [])) == palette.SHOWN
