import os
import threading

import pytest

from datasources.copies import opened, orders, read, store
from datasources.copies.orders import CannotSort
from datasources.copies.query import Query
from datasources.models import TableCopy
from tests.support.copies import built, copied
from tests.support.processes import wait_for

COLUMNS = ["id", "name"]
ROWS = [[number, f"thing {number % 7}"] for number in range(120)]
BY_NAME = Query(sorts=(("name", "asc"),))


@pytest.fixture(autouse=True)
def small_tables_too(monkeypatch) -> None:
    monkeypatch.setattr(orders, "KEPT_FROM", 0)


@pytest.fixture
def copy(table) -> TableCopy:
    return copied(table, COLUMNS, ROWS)


def ordered(tmp_path, values: list[object], order: str) -> list[object]:
    with opened.open_file(built(tmp_path, ["a"], [[value] for value in values])) as reader:
        return [cell for [cell] in read.page(reader, Query(sorts=(("a", order),)), 0, 100).rows]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # Text in the order of a language: accents and case count last, digits by digit.
        (["b", "Ä", "a", "B", "ä", "A", "z", "É", "e"], ["a", "A", "ä", "Ä", "b", "B", "e", "É", "z"]),
        (["item 2", "item 10", "Item 1"], ["Item 1", "item 10", "item 2"]),
        ([10, 9, -1, 2**63 - 1, 2**63 - 2], [-1, 9, 10, 2**63 - 2, 2**63 - 1]),
        ([2**100 + 1, 2**100, 0.5], [0.5, 2**100, 2**100 + 1]),
        # A double holds neither of these exactly.
        ([2**53 + 1, 2**53, 1.5], [1.5, 2**53, 2**53 + 1]),
        ([2.5, -1.5, 1e300, -1e300], [-1e300, -1.5, 2.5, 1e300]),
        ([True, False, True], [False, True, True]),
        # In a column of both, numbers come before text.
        (["b", 10, "a", 9, True], [9, 10, "a", "b", True]),
        (["10", "9", 10, 9], [9, 10, "10", "9"]),
    ],
)
def test_the_order_of_each_kind_of_column(tmp_path, values, expected):
    assert ordered(tmp_path, values, "asc") == expected
    assert ordered(tmp_path, values, "desc") == expected[::-1]


@pytest.mark.parametrize(
    ("values", "ascending", "descending"),
    [
        ([None, 2, None, 1], [1, 2, None, None], [2, 1, None, None]),
        (["", "b", None, "a", ""], ["a", "b", "", None, ""], ["b", "a", "", None, ""]),
        ([None, 1, "", "a"], [1, "a", None, ""], ["a", 1, None, ""]),
        ([None, None], [None, None], [None, None]),
    ],
)
def test_empty_cells_are_last_in_both_directions(tmp_path, values, ascending, descending):
    assert ordered(tmp_path, values, "asc") == ascending
    assert ordered(tmp_path, values, "desc") == descending


@pytest.mark.parametrize("locale", ["de", "sv"])
def test_the_language_is_that_of_the_setting(tmp_path, settings, locale):
    settings.COPIES_LOCALE = locale
    assert ordered(tmp_path, ["z", "ö", "o"], "asc") == {"de": ["o", "ö", "z"], "sv": ["o", "z", "ö"]}[locale]


@pytest.mark.parametrize(("name", "sentence"), [("nix", "There is no column nix."), ("a", "2 columns are named a,")])
def test_a_column_that_is_not_there_or_there_twice_gets_a_sentence(tmp_path, name, sentence):
    with opened.open_file(built(tmp_path, ["a", "a"], [[1, 2]])) as reader, pytest.raises(CannotSort, match=sentence):
        read.page(reader, Query(sorts=((name, "asc"),)), 0, 10)


def test_an_order_is_kept_after_the_first_page_and_used_for_the_next_ones(copy, monkeypatch):
    before = page(copy, BY_NAME, 60)
    terms = orders.by(columns(copy), BY_NAME.sorts)
    wait_for(lambda: orders.kept(copy, terms, 0, 1))
    with orders._turn:  # the thread is done
        pass
    ran: list[str] = []
    run = opened.Reader.run
    monkeypatch.setattr(opened.Reader, "run", lambda self, sql, *more: ran.append(sql) or run(self, sql, *more))
    after = page(copy, BY_NAME, 60)
    assert (after, after[0]) == (before, [59, "thing 3"])
    assert not [sql for sql in ran if "ORDER BY" in sql]


def test_the_end_of_a_kept_order_is_the_end_of_the_table(copy):
    terms = keep(copy, BY_NAME)
    assert len(orders.kept(copy, terms, 0, 1000)) == 120
    assert len(orders.kept(copy, terms, 115, 50)) == 5
    assert orders.kept(copy, terms, 120, 50) == []
    assert orders.kept(copy, terms, 10**12, 50) == []
    assert page(copy, BY_NAME, 10**12) == []


def test_each_order_and_language_is_kept_apart(copy, settings):
    keep(copy, BY_NAME)
    descending = orders.by(columns(copy), (("name", "desc"),))
    settings.COPIES_LOCALE = "de"
    german = orders.by(columns(copy), BY_NAME.sorts)
    assert [orders.kept(copy, terms, 0, 1) for terms in (descending, german)] == [None, None]


def test_a_filtered_table_keeps_no_order(copy):
    page(copy, Query(filter="id > 60", sorts=BY_NAME.sorts), 0)
    page(copy, Query(), 0)
    assert not files(copy)
    assert not orders._turn.locked()


def test_a_file_that_is_cut_off_is_not_read(copy):
    terms = keep(copy, BY_NAME)
    [path] = files(copy)
    os.truncate(path, 100)
    assert orders.kept(copy, terms, 0, 10) is None
    assert page(copy, BY_NAME, 0)[0] == [0, "thing 0"]


def test_the_order_that_was_not_read_for_longest_makes_room(copy, monkeypatch):
    monkeypatch.setattr(orders, "KEPT_MAX", 2)
    first = keep(copy, BY_NAME)
    second = keep(copy, Query(sorts=(("name", "desc"),)))
    for number, path in enumerate(files(copy)):
        os.utime(path, (number, number))
    orders.kept(copy, first, 0, 1)
    keep(copy, Query(sorts=(("id", "desc"),)))
    assert len(files(copy)) == 2
    assert orders.kept(copy, first, 0, 1)
    assert orders.kept(copy, second, 0, 1) is None


def test_kept_orders_go_with_the_copy(copy):
    keep(copy, BY_NAME)
    store.purge(TableCopy.objects.all())
    assert not list(store.folder().glob(f"{copy.pk}*"))


def test_an_order_made_while_its_copy_is_deleted_does_not_stay(copy, monkeypatch):
    purged = orders.keep

    def keep_and_lose(reader, terms):
        purged(reader, terms)
        TableCopy.objects.filter(pk=copy.pk).delete()
        purged(reader, terms)

    monkeypatch.setattr(orders, "keep", keep_and_lose)
    orders.keep_soon(copy, orders.by(columns(copy), BY_NAME.sorts))
    wait_for(lambda: not orders._turn.locked())
    assert not list(store.folder().glob(f"{copy.pk}*"))


def test_one_order_is_made_at_a_time(copy, monkeypatch):
    may_end, made = threading.Event(), []
    monkeypatch.setattr(orders, "keep", lambda reader, terms: made.append(terms) or may_end.wait(20))
    orders.keep_soon(copy, "c0, n")
    orders.keep_soon(copy, "c1, n")
    may_end.set()
    wait_for(lambda: not orders._turn.locked())
    assert made == ["c0, n"]


def test_an_order_that_cannot_be_kept_is_no_error(copy, monkeypatch, caplog):
    def full(reader, terms):
        raise OSError("No space left on device")

    monkeypatch.setattr(orders, "keep", full)
    assert page(copy, BY_NAME, 0)[0] == [0, "thing 0"]
    wait_for(lambda: not orders._turn.locked())
    assert "No space left" in caplog.text


def test_small_tables_keep_none(copy, monkeypatch):
    monkeypatch.setattr(orders, "KEPT_FROM", 121)
    page(copy, BY_NAME, 0)
    assert not files(copy)


def page(copy: TableCopy, query: Query, first: int) -> list[list[object]]:
    with opened.reader(copy, seconds=20) as reader:
        return read.page(reader, query, first, 50).rows


def keep(copy: TableCopy, query: Query) -> str:
    with opened.reader(copy, seconds=20) as reader:
        terms = orders.by(reader.columns, query.sorts)
        orders.keep(reader, terms)
    return terms


def columns(copy: TableCopy) -> tuple:
    with opened.reader(copy, seconds=20) as reader:
        return reader.columns


def files(copy: TableCopy) -> list:
    every = store.beside(copy, "order-*")
    return sorted(every.parent.glob(every.name))
