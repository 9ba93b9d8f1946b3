"""Finding a file in Claro's list whose upload has an unknown outcome."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from datasources.claro import DataSource, DataSourcePage, Pagination
from datasources.uploads.search import CLOCKS_DIFFER, PAGES_MAX, TooLong, find

SINCE = datetime(2026, 11, 27, 12, tzinfo=UTC)


def source(name: str = "a.csv", size: int | None = 5, after_s: float | None = 1, **more) -> DataSource:
    at = None if after_s is None else SINCE + timedelta(seconds=after_s)
    return DataSource(uuid4(), name, "text/csv", size, "processing", at, None, **more)


def found_in(*pages: list[DataSource], name: str = "a.csv", is_other=lambda source: False):
    """What is found, and how many pages were read."""
    read = []

    def page_of(number: int, limit: int) -> DataSourcePage:
        read.append(number)
        shown = pages[number - 1]
        return DataSourcePage(tuple(shown), Pagination(number, limit, None, None, number < len(pages)), 0)

    return find(page_of, name, 5, SINCE, is_other), len(read)


@pytest.mark.parametrize(
    ("listed", "is_it"),
    [
        (source(), True),
        (source(size=None), True),
        (source(after_s=None), True),
        (source(after_s=-500), True),  # clocks differ
        (source(after_s=-CLOCKS_DIFFER.total_seconds() - 1), False),
        (source(size=6), False),
        (source(name="b.csv"), False),
    ],
)
def test_a_source_of_the_name_and_size_that_is_new_is_the_upload(listed, is_it):
    assert (found_in([listed])[0] is listed) is is_it


@pytest.mark.parametrize(("name", "listed"), [("é.csv", "e\u0301.csv"), ('a "b".csv', "a %22b%22.csv")])
def test_other_spellings_of_the_name_are_the_same(name, listed):
    assert found_in([source(name=listed)], name=name)[0]


def test_what_belongs_to_another_upload_is_passed_over():
    first, second = source(), source()
    assert found_in([first, second], is_other=lambda one: one is first)[0] is second


OLD = -2 * CLOCKS_DIFFER.total_seconds()


def test_a_list_that_begins_with_the_newest_is_read_as_far_as_needed():
    assert found_in([source("b.csv"), source("b.csv", after_s=OLD)], [source()]) == (None, 1)


def test_a_list_in_another_order_is_read_to_its_end():
    wanted = source()
    assert found_in([source("b.csv", after_s=OLD), source("b.csv")], [wanted]) == (wanted, 2)
    assert found_in([source("b.csv", after_s=None)], [wanted]) == (wanted, 2)
    assert found_in([source("b.csv")], []) == (None, 2)


def test_a_long_list_in_another_order_is_not_read_to_its_end():
    with pytest.raises(TooLong):
        found_in(*[[source("b.csv", after_s=None)]] * (PAGES_MAX + 1))
    assert found_in(*[[source("b.csv", after_s=None)]] * PAGES_MAX) == (None, PAGES_MAX)
