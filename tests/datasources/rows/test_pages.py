import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from core import vault
from core.redis import connection
from datasources import keys
from datasources.claro import InvalidParameters, ProcessingInProgress, RateLimited, Unreachable
from datasources.models import ApiKey, Source
from datasources.rows import blocks, pages
from datasources.rows.pages import Query, Rows, StillLoading
from tests.conftest import synced
from tests.support.leaks import redis_content
from tests.support.processes import wait_for
from tests.support.rows import PLAIN, asked, cached_block, ids, of_length, read, wait_until_nobody_asks
from tests.support.sandbox import HTML_502
from tests.support.threads import at_once


def answer(account, **body) -> None:
    """The next answer about rows, as Claro might give it."""
    headers = {"Content-Type": "application/json"}
    account.fault("answer", status=200, body=json.dumps(body), headers=headers)


def test_a_page_of_rows(table):
    page = read(table, 2, 50)
    assert page.columns == ("id", "name", "price")
    assert page.rows[0] == [51, "thing 51", 76.5]
    assert (len(page.rows), page.first, page.total, page.has_next) == (50, 50, 120, True)
    assert read(table, 2, 50) == page  # from the cache


def test_paging_through_1000_rows_50_at_a_time_costs_one_call(account, key):
    source = of_length(account, key, 1000)
    seen = [number for page in range(1, 21) for number in ids(read(source, page, 50))]
    assert seen == list(range(1, 1001))
    assert len(asked(account)) == 1
    assert asked(account)[0] == {"page": "1", "limit": "1000"}


def test_20_people_reading_the_same_page_cost_one_call(table, account):
    account.fault("slow", seconds=0.3)
    answers = at_once(20, lambda: read(table))
    assert [ids(page) for page in answers] == [list(range(1, 51))] * 20
    assert len(asked(account)) == 1


def test_a_page_may_span_blocks(table, account, settings):
    settings.CLARO_ROWS_BLOCK = 40
    page = read(table, 2, 30)
    assert ids(page) == list(range(31, 61))
    assert (page.first, page.total, page.has_next) == (30, 120, True)
    assert [query["page"] for query in asked(account)] == ["1", "2"]


def test_blocks_that_name_different_columns_are_joined(table, account, settings):
    settings.CLARO_ROWS_BLOCK = 2
    pagination = {"total": 4, "totalPages": 2}
    answer(account, data=[{"a": 1}, {"a": 2, "b": 3}], pagination=pagination)
    answer(account, data=[{"c": 4, "a": 5}, {"c": 6}], pagination=pagination)
    page = read(table, 1, 4)
    assert page.columns == ("a", "b", "c")
    assert page.rows == [[1, None, None], [2, 3, None], [5, None, 4], [None, None, 6]]


def test_columns_of_one_name_stay_apart_where_blocks_are_joined(table, account, settings):
    settings.CLARO_ROWS_BLOCK = 2
    pagination = {"total": 4, "totalPages": 2}
    answer(account, columns=["a", "a"], rows=[[1, 2], [3, 4]], pagination=pagination)
    answer(account, columns=["b", "a", "a", "a"], rows=[[9, 5, 6, 7], [9, 8, 8, 8]], pagination=pagination)
    page = read(table, 1, 4)
    assert page.columns == ("a", "a", "b", "a")
    assert page.rows == [[1, 2, None, None], [3, 4, None, None], [5, 6, 9, 7], [8, 8, 9, 8]]


@pytest.mark.parametrize("shape", ["objects", "arrays", "typed"])
def test_every_shape_of_the_api_gives_the_same_rows(table, account, shape):
    account.sandbox.control("POST", "settings", shape=shape)
    page = read(table, 2, 25)
    assert page.columns == ("id", "name", "price")
    assert (page.rows[0], page.total, page.has_next) == ([26, "thing 26", 39.0], 120, True)
    assert read(table, 2, 25) == page


def test_without_a_total_a_short_block_is_the_last(table, account, settings):
    settings.CLARO_ROWS_BLOCK = 3
    answer(account, columns=["n"], rows=[[1], [2], [3]])
    answer(account, columns=["n"], rows=[[4]])
    assert (read(table, 1, 3).total, read(table, 1, 3).has_next) == (None, True)
    assert (ids(read(table, 2, 3)), read(table, 2, 3).has_next) == ([4], False)


def test_an_empty_table_has_columns_and_no_rows(account, key):
    page = read(of_length(account, key, 0))
    assert (page.columns, page.rows, page.total, page.has_next) == (("id", "name"), [], 0, False)


@pytest.mark.parametrize(("number", "limit"), [(4, 50), (3, 1000), (10**9, 1000), (3, 60)])
def test_a_page_past_the_end_is_empty(table, number, limit):
    page = read(table, number, limit)
    assert (page.rows, page.total, page.has_next) == ([], 120, False)


@effort(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(0, 120),
    block=st.integers(10, 130),
    limit=st.integers(1, 130),
    number=st.integers(1, 14),
)
def test_any_page_is_the_slice_of_the_table(table, settings, count, block, limit, number):
    settings.CLARO_ROWS_BLOCK = block
    page = read(table, number, limit, Query(filter=f"id <= {count}"))
    assert ids(page) == list(range(1, count + 1))[(number - 1) * limit : number * limit]
    assert (page.first, page.total, page.has_next) == ((number - 1) * limit, count, number * limit < count)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        (Query(sort="name"), 1),
        (Query(sort="id", order="desc"), 120),
        (Query(filter="id > 7"), 8),
        (Query(sort="id", order="desc", filter="id < 5"), 4),
    ],
)
def test_another_sort_order_or_filter_is_asked_for(table, account, query, first):
    read(table)
    assert ids(read(table, query=query))[0] == first
    assert ids(read(table))[0] == 1
    assert len(asked(account)) == 2


@pytest.mark.parametrize("query", [Query(order="desc"), Query(filter="  "), Query(sort="", order="")])
def test_what_means_nothing_to_the_api_is_the_plain_table(table, account, query):
    read(table)
    assert read(table, query=query) == read(table)
    assert len(asked(account)) == 1
    assert asked(account)[0] == {"page": "1", "limit": "1000"}


def test_a_source_processed_again_is_read_anew(table, account):
    read(table)
    account.change(table.datasource_id, status="completed")
    synced(table.key)
    table.refresh_from_db()
    read(table)
    assert len(asked(account)) == 2


def test_two_keys_never_share_rows(table, account, alice):
    read(table)
    secret = account.another_key()
    [theirs] = synced(keys.add(alice, "Other", secret, ApiKey.State.VALID))
    assert read(theirs) == read(table)
    assert [call["path"] for call in account.sandbox.calls(secret)][-1].endswith("/data")
    assert len(asked(account)) == 1


def test_two_people_with_the_same_key_share_rows(table, account, bob):
    read(table)
    theirs = keys.add(bob, "Also", account.key, ApiKey.State.VALID)
    [same] = synced(theirs)
    assert read(same) == read(table)
    assert len(asked(account)) == 1


def test_who_waited_for_a_call_that_failed_gets_its_error(table, account):
    account.fault("slow", seconds=0.2)
    got = at_once(10, lambda: read(table, query=Query(filter="nonsense(")))
    assert {type(error) for error in got} == {InvalidParameters}
    assert len({error.user_message for error in got}) == 1
    assert len(asked(account)) == 1


def test_the_rate_limit_reaches_all_who_wait_with_its_end(still, table, account):
    account.fault("answer", status=429, headers={"Retry-After": "30"}, body="slow down")
    got = at_once(5, lambda: read(table))
    assert {type(error) for error in got} == {RateLimited}
    assert len({error.retry_at for error in got}) == 1
    assert len(asked(account)) == 1


def test_an_error_is_forgotten_soon_and_the_rows_are_asked_for_again(table, account):
    account.fault("answer", status=502, body=HTML_502, times=3)
    with pytest.raises(Unreachable):
        read(table)
    [error] = wait_for(lambda: set(connection().scan_iter("claro:rows:*:error")))  # SCAN may give one twice
    assert connection().ttl(error) > 0
    connection().delete(error)
    assert len(read(table).rows) == 50


def test_a_processing_source_says_so(key, account):
    account.add(fileName="a.csv", status="processing")
    [source] = synced(key)
    with pytest.raises(ProcessingInProgress):
        read(source)


def test_rows_that_take_long_come_while_the_page_says_so(table, account, monkeypatch):
    monkeypatch.setattr(pages, "WAIT_S", 0.05)
    account.hold_up()
    for _ in range(3):  # looking again does not ask again
        with pytest.raises(StillLoading):
            pages.page(table, 1, 50, PLAIN)
    lock = wait_for(lambda: next(connection().scan_iter("claro:rows:*:lock"), None))
    assert connection().pttl(lock) > 0
    account.let_go()
    wait_for(lambda: connection().exists(lock) == 0)
    assert len(read(table).rows) == 50
    assert len(asked(account)) == 1


def test_a_reader_that_died_is_replaced_when_its_lock_ends(table, account):
    read(table)
    name = cached_block()
    connection().flushall()
    connection().set(f"{name}:lock", "of a dead process", px=200)
    assert len(read(table).rows) == 50
    assert len(asked(account)) == 2


@pytest.mark.parametrize("filter_", ["", "nonsense("], ids=["rows", "an error"])
def test_what_came_between_a_look_and_the_lock_is_not_asked_for_again(table, account, monkeypatch, filter_):
    client, lock = connection(), connection().set

    def somebody_was_quicker(*args, **kwargs):
        monkeypatch.setattr(client, "set", lock)
        _outcome(table, filter_)
        wait_until_nobody_asks()
        return lock(*args, **kwargs)

    monkeypatch.setattr(client, "set", somebody_was_quicker)
    late = _outcome(table, filter_)
    assert late == _outcome(table, filter_)
    assert len(asked(account)) == 1
    wait_until_nobody_asks()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("meta", lambda seal: b"\x00garbage"),
        ("0", lambda seal: b"\x00garbage"),
        ("meta", lambda seal: seal("meta", zlib.compress(b"{}"))),
        ("0", lambda seal: seal("0", zlib.compress(b"{"))),
        ("0", lambda seal: seal("0", b"garbage")),
        ("0", lambda seal: seal("1", zlib.compress(b"[]"))),
        ("meta", lambda seal: zlib.compress(b'{"columns": [], "rows": 0, "total": 0, "has_next": false}')),
    ],
)
def test_a_cache_entry_that_cannot_be_read_is_asked_for_again(table, account, field, value):
    before, name = read(table), cached_block()
    connection().hset(name, field, value(lambda other, data: vault.seal_bytes(data, blocks.PURPOSE, f"{name}:{other}")))
    assert read(table) == before
    assert read(table) == before
    assert len(asked(account)) == 2


def test_blocks_are_forgotten_after_their_time(table, settings):
    read(table)
    assert 0 < connection().ttl(cached_block()) <= settings.ROWS_CACHE_TTL.total_seconds()


def test_redis_holds_rows_sealed_and_no_secret(table, account):
    read(table)
    _outcome(table, "name = 'thing 120' nonsense(")
    wait_until_nobody_asks()
    content = redis_content()
    assert b"thing 120" not in content
    assert b"nonsense" not in content
    assert account.key.encode() not in content
    assert table.key.secret.encode() not in content


def test_a_page_says_that_redis_is_away_and_comes_back_with_it(table, web, redis_server):
    address = f"/sources/{table.datasource_id}/rows/"
    redis_server.stop()
    try:
        with pytest.raises(redis.RedisError):
            pages.page(table, 1, 50, PLAIN)
        response = web.get(address)
    finally:
        redis_server.start()
    assert response.status_code == 503
    assert "Redis" in response.content.decode()
    assert web.get(address).status_code in (200, 202)


def test_redis_that_goes_away_during_a_call_is_told(table, account, redis_server):
    account.hold_up()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(pages.page, table, 1, 50, PLAIN)
        wait_for(account.held_up)
        redis_server.stop()
        account.let_go()
        try:
            with pytest.raises(redis.RedisError):
                reading.result()
        finally:
            redis_server.start()


def _outcome(source: Source, filter_: str) -> Rows | str:
    try:
        return read(source, query=Query(filter=filter_))
    except InvalidParameters as error:
        return error.user_message
