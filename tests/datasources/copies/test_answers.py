"""Answers that the web process keeps for a while (answers.py)."""

import pytest

from datasources.copies import answers, opened, read, store
from datasources.copies.opened import Reader, reader
from datasources.copies.query import Query
from tests.support.copies import copied

ROWS = [[n, f"thing {n % 10}", "x" * (n % 7)] for n in range(1, 121)]


@pytest.fixture
def copy(table):
    return copied(table, ["id", "name", "note"], ROWS)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The SQL that DuckDB is asked."""
    found, run = [], Reader.run
    monkeypatch.setattr(Reader, "run", lambda self, sql, *values: found.append(sql) or run(self, sql, *values))
    return found


def page(copy, first=0, limit=50, places=None, cut_at=300, **query):
    with reader(copy) as opened_copy:
        return read.page(opened_copy, Query(**query), first, limit, places, cut_at)


def test_a_page_that_is_opened_again_asks_nothing(copy, asked):
    first = page(copy, filter="name = 'thing 3'")
    asked.clear()
    assert page(copy, filter="name = 'thing 3'") == first
    assert not asked


def test_other_columns_of_the_same_rows_are_read_without_another_scan(copy, asked):
    page(copy, filter="name = 'thing 3'", places=lambda _: {0})
    asked.clear()
    found = page(copy, filter="name = 'thing 3'", places=lambda _: {1})
    assert found.rows[0] == [None, "thing 3", None]
    assert found.total == 12
    assert len(asked) == 1
    assert "count" not in asked[0]


def test_all_that_matters_is_part_of_the_question(copy):
    asks = [
        {},
        {"first": 50},
        {"limit": 3},
        {"cut_at": 2},
        {"places": lambda _: {1}},
        {"filter": "id > 100"},
        {"filter": "id > 101"},
        {"sorts": (("name", "asc"),)},
        {"sorts": (("name", "desc"),)},
        {"filter": "id > 100", "sorts": (("id", "desc"),)},
    ]
    first = [page(copy, **one) for one in asks]
    assert len({str(one) for one in first}) == len(asks)
    assert [page(copy, **one) for one in asks] == first


def test_another_copy_gives_its_own_rows(copy, table):
    page(copy)
    other = copied(table, ["id", "name", "note"], ROWS[60:])
    assert page(other).rows[0][0] == 61
    assert page(copy).rows[0][0] == 1


def test_much_text_and_many_cells_are_not_kept(table, asked):
    long = copied(table, ["text"], [["x" * 200 + str(n)] for n in range(1000)])
    for cut_at, limit in ((300, 1000), (None, 1000)):
        page(long, limit=limit, cut_at=cut_at)
        asked.clear()
        page(long, limit=limit, cut_at=cut_at)
        assert asked


def test_only_the_last_answers_are_kept(copy, asked, monkeypatch):
    monkeypatch.setattr(answers, "MOST", 2)
    for first in (0, 1, 2):
        page(copy, first)
    asked.clear()
    page(copy, 2)
    page(copy, 1)
    assert not asked
    page(copy, 0)
    assert len(asked) == 1


def test_answers_of_a_removed_copy_are_forgotten(copy, table):
    page(copy)
    path = store.find(copy)
    assert any(name[0] == path for name in answers._answers)
    store.purge(table.copies.all())
    opened.detach_removed()
    assert not any(name[0] == path for name in answers._answers)
