"""Rows that are kept with an order are those of the copy, cell by cell."""

import pytest

from datasources.copies import first_rows, opened, orders, read, store
from datasources.copies.query import Query
from datasources.models import TableCopy
from tests.support.copies import copied

COLUMNS = ["id", "text", "number", "nested", "yes", "mixed", "nothing", "great"]
TEXTS = ["b", None, "", "a\nb", "é" * 300, "http://example.com/" + "x" * 300, "http" + "x" * 3000]
MIXED = [1, "1", None, 2.5, {"k": [1]}, True, ""]
ROWS = [
    [n, TEXTS[n % 7], n if n % 3 else n + 0.5, {"k": "v" * n * 3}, n % 2 == 0, MIXED[n % 7], None, 2**100 + n]
    for n in range(120)
]
QUERY = Query(sorts=(("number", "desc"),))
PLACES = [{0, 1, 2, 3, 4, 5, 6, 7}, {1, 5}, {3}]


@pytest.fixture(autouse=True)
def kept_here_only(monkeypatch) -> None:
    monkeypatch.setattr(orders, "keep_soon", lambda copy, terms: None)


def pages(copy: TableCopy) -> list[list[list[object]]]:
    with opened.reader(copy, seconds=20) as reader:
        return [
            read.page(reader, QUERY, first, 50, lambda _, places=places: places, cut_at).rows
            for first in (0, 100)
            for places in PLACES
            for cut_at in (None, 220, 2000)
        ]


def keep(copy: TableCopy) -> None:
    with opened.reader(copy, seconds=20) as reader:
        orders.keep(reader, orders.by(reader.columns, QUERY.sorts))


@pytest.fixture
def ran(monkeypatch) -> list[str]:
    """The SQL that reads rows."""
    ran: list[str] = []
    run = opened.Reader.run
    monkeypatch.setattr(opened.Reader, "run", lambda self, sql, *more: ran.append(sql) or run(self, sql, *more))
    return ran


def test_kept_rows_are_those_of_the_copy_without_reading_it(table, ran):
    copy = copied(table, COLUMNS, ROWS)
    before = pages(copy)
    keep(copy)
    ran.clear()
    after = pages(copy)
    assert repr(after) == repr(before)  # 1, 1.0 and True differ
    assert [row[0] for row in after[0]] == [row[0] for row in sorted(ROWS, key=lambda row: -row[2])[:50]]
    assert not [sql for sql in ran if "FROM rows" in sql or "JOIN rows" in sql]


def test_rows_that_are_not_kept_are_read(table, monkeypatch):
    copy = copied(table, COLUMNS, ROWS)
    before = pages(copy)
    monkeypatch.setattr(first_rows, "ROWS", 20)
    keep(copy)
    assert repr(pages(copy)) == repr(before)
    [path] = files(copy)
    path.unlink()
    assert repr(pages(copy)) == repr(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "row"), [(["id", "number", "long"], [1, 1, "x" * 5000]), (["id", "number", *"c" * 300], [1] * 302)]
)
def test_large_rows_are_not_kept(table, columns, row):
    copy = copied(table, columns, [row])
    before = pages(copy)
    keep(copy)
    [path] = files(copy)
    assert path.stat().st_size == 0
    assert repr(pages(copy)) == repr(before)


def test_kept_rows_go_with_their_order(table, monkeypatch):
    monkeypatch.setattr(orders, "KEPT_MAX", 1)
    copy = copied(table, COLUMNS, ROWS)
    keep(copy)
    with opened.reader(copy, seconds=20) as reader:
        orders.keep(reader, "c0, n")
    assert len(files(copy)) == 1


def files(copy: TableCopy) -> list:
    every = store.beside(copy, "first-*")
    return sorted(every.parent.glob(every.name))
