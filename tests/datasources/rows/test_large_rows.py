"""Rows of many bytes: limits are lowered, so that kilobytes do what megabytes do in life."""

import json

import pytest

from core.redis import connection
from datasources import gateway
from datasources.claro import TooLarge
from datasources.gateway.breaker import Breaker
from datasources.models import ApiKey, Source
from datasources.rows import block_sizes
from datasources.rows.pages import Query
from tests.conftest import synced
from tests.support.rows import asked, ids, read


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setattr(gateway, "MAX_ANSWER_BYTES", 640_000)
    monkeypatch.setattr(block_sizes, "LARGE_BYTES", 80_000)
    monkeypatch.setattr(block_sizes, "WANTED_BYTES", 40_000)


def table_of(account, key, sizes: list[int]) -> Source:
    """A source with a row of so many bytes for each size."""
    rows = [{"id": n, "text": "x" * size} for n, size in enumerate(sizes, start=1)]
    source_id = account.upload("large.json", json.dumps(rows))
    synced(key)
    return Source.objects.select_related("key").get(datasource_id=source_id, key=key)


def limits(account) -> list[int]:
    return [int(query["limit"]) for query in asked(account)]


def test_rows_of_large_cells_are_shown_from_smaller_blocks(account, key):
    source = table_of(account, key, [800] * 1000)  # 800 kB in all
    assert ids(read(source, 1, 25)) == list(range(1, 26))
    assert limits(account) == [1000, 50]


def test_the_size_that_fits_is_remembered_for_later_pages_sorts_and_filters(account, key):
    source = table_of(account, key, [800] * 1000)
    for number in range(1, 21):
        assert ids(read(source, number, 50))[0] == number * 50 - 49
    read(source, 1, 50, Query(sort="id", order="desc"))
    read(source, 1, 50, Query(filter="id > 7"))
    assert [limit for limit in limits(account) if limit > 50] == [1000]
    [name] = set(connection().scan_iter("claro:rows:size:bytes:*"))  # SCAN may give one twice
    assert connection().ttl(name) > 86_400


def test_a_large_answer_that_was_read_makes_the_next_blocks_smaller(account, key):
    source = table_of(account, key, [400] * 1000)
    assert ids(read(source, 1, 50)) == list(range(1, 51))
    read(source, 1, 50, Query(sort="id"))
    assert ids(read(source, 20, 50)) == list(range(951, 1001))  # from the large block
    first, *others = limits(account)
    assert (first, set(others)) == (1000, {50})  # the next small block may have been fetched ahead


def test_a_page_larger_than_a_block_is_read_from_several(account, key):
    source = table_of(account, key, [800] * 1000)
    assert ids(read(source, 1, 100)) == list(range(1, 101))
    assert limits(account)[:3] == [1000, 50, 50]


def test_a_single_row_that_is_too_large_is_reported_and_not_transferred_again(account, key):
    source = table_of(account, key, [100] * 20 + [700_000] + [100] * 200)
    for _ in range(2):
        with pytest.raises(TooLarge):
            read(source, 21, 1)
    assert limits(account) == [1000, 50, 2, 1]


def test_rows_beyond_one_that_is_too_large_come_in_blocks_that_grow_again(account, key):
    source = table_of(account, key, [700_000] + [100] * 300)
    with pytest.raises(TooLarge):
        read(source, 1, 25)
    for number in range(2, 13):
        assert ids(read(source, number, 25)) == list(range(number * 25 - 24, number * 25 + 1))
    assert max(limits(account)[4:]) > 50
    assert len(limits(account)) < 60  # 276 rows


def test_a_row_of_too_many_columns_costs_itself_only(account, key):
    source = table_of(account, key, [1] * 3)
    wide = {str(number): 1 for number in range(51_000)}
    body = json.dumps({"data": [{"id": 1}, wide, {"id": 3}], "pagination": {"total": 3}})
    account.fault("answer", status=200, body=body, headers={"Content-Type": "application/json"}, path="/data")
    first, marked, last = ids(read(source))
    assert (first, marked[:16], last) == (1, "[unreadable row:", 3)
    assert len(asked(account)) == 1


def test_an_answer_that_is_too_large_says_nothing_bad_of_the_key(account, key):
    source = table_of(account, key, [700_000] * 5)
    for row in range(1, 5):
        with pytest.raises(TooLarge):
            read(source, row, 1)
    key.refresh_from_db()
    assert (key.state, key.problem) == (ApiKey.State.VALID, None)
    Breaker(key.fingerprint).enter()  # closed
    assert len(limits(account)) == 4 + 3
