from concurrent.futures import ThreadPoolExecutor

import pytest

from core.redis import connection
from datasources import keys
from datasources.models import ApiKey
from datasources.rows import block_sizes, blocks, pages
from datasources.rows.pages import Query, StillLoading
from tests.support.processes import wait_for
from tests.support.rows import PLAIN, asked, cached_block, ids, of_length, read, wait_until_nobody_asks
from tests.support.threads import at_once


def test_a_living_reader_keeps_its_lock_for_the_whole_call(table, account, monkeypatch):
    monkeypatch.setattr(blocks, "RENEW_S", 0.1)
    account.hold_up()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(at_once, 4, lambda: read(table))
        wait_for(account.held_up)
        [lock] = set(connection().scan_iter("claro:rows:*:lock"))
        for _ in range(3):
            connection().pexpire(lock, blocks.LOCK_MS // 2)
            wait_for(lambda: connection().pttl(lock) > blocks.LOCK_MS // 2)
        account.let_go()
        assert {len(page.rows) for page in reading.result()} == {50}
    assert len(asked(account)) == 1


def test_a_late_reader_does_not_free_the_lock_of_its_successor(table, account, monkeypatch):
    monkeypatch.setattr(pages, "WAIT_S", 0.05)
    account.hold_up()
    with pytest.raises(StillLoading):
        pages.page(table, 1, 50, PLAIN)
    [lock] = set(connection().scan_iter("claro:rows:*:lock"))  # SCAN may give one twice
    connection().set(lock, "of the successor", px=60_000)
    account.let_go()
    wait_for(lambda: connection().exists(lock.decode().removesuffix(":lock")))
    assert connection().get(lock) == b"of the successor"


def test_the_next_block_is_fetched_ahead_of_who_reads_on(account, key, settings):
    settings.CLARO_ROWS_BLOCK = 100
    source = of_length(account, key, 250)
    read(source, 1, 50)
    assert len(asked(account)) == 1
    read(source, 2, 50)
    wait_for(lambda: connection().zcard(blocks.INDEX) == 2)
    assert ids(read(source, 3, 50)) == list(range(101, 151))
    assert [call["page"] for call in asked(account)] == ["1", "2"]


def test_fetching_ahead_takes_only_what_would_go_to_waste(still, alice, sandbox, settings):
    settings.CLARO_ROWS_BLOCK = 100
    account = sandbox.account(calls_per_minute=20)
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    source = of_length(account, key, 250)
    for number in range(1, 3):
        read(source, number, 50)
    wait_for(lambda: next(connection().scan_iter("claro:rows:*:lock"), None) is None)
    assert [call["page"] for call in asked(account)] == ["1"]
    assert not list(connection().scan_iter("claro:rows:*:error"))


def test_blocks_shrink_where_answers_take_longer_than_a_page_waits(account, key, monkeypatch):
    source = of_length(account, key, 1000)
    read(source, 1, 50)
    monkeypatch.setattr(block_sizes, "SLOW_S", 0.0)
    read(source, 1, 50, Query(sort="id"))
    assert block_sizes.block_size(source) == 500
    assert ids(read(source, 1, 50, Query(sort="name"))) != ids(read(source, 1, 50))
    assert asked(account)[-1]["limit"] == "500"
    # what was read in large blocks is read from there still
    before = len(asked(account))
    assert ids(read(source, 20, 50)) == list(range(951, 1001))
    assert len(asked(account)) == before
    for sort in ("id", "name") * 4:
        read(source, 1, 50, Query(sort=sort, order="desc", filter=f"id > {block_sizes.block_size(source)}"))
    assert block_sizes.block_size(source) == block_sizes.SMALLEST_BY_TIME


def test_the_least_read_blocks_make_room(account, key, settings):
    source = of_length(account, key, 1000)
    read(source)
    settings.ROWS_CACHE_BYTES = int(connection().get(f"{blocks.INDEX}:total")) * 5 // 2
    first = cached_block()
    for order in ("asc", "desc"):
        read(source, query=Query(sort="id", order=order))
        read(source)
    kept = connection().zrange(blocks.INDEX, 0, -1)
    assert len(kept) == 2
    assert first.encode() in kept
    assert connection().hlen(f"{blocks.INDEX}:bytes") == 2
    wait_until_nobody_asks()
    # SCAN may give a name twice (https://redis.io/docs/latest/commands/scan/).
    assert set(connection().scan_iter("claro:rows:????????????????????????????????:*")) == set(kept)
