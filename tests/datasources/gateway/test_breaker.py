import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from core import redis
from datasources.claro import (
    AccessDenied,
    ApiError,
    BadAnswer,
    ClaroError,
    DatasourceNotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unreachable,
    Unreadable,
)
from datasources.gateway.breaker import FAILURES, LONGEST_PAUSE_MS, PROBE_LOST_MS, Breaker, CircuitOpen, is_failure
from tests.support.redis import now_ms
from tests.support.threads import at_once

NOW = datetime.now(UTC)
# How much Redis' clock may differ from that of its expiries, which it reads once for several commands.
CLOCK_MS = 5


@pytest.fixture
def breaker() -> Breaker:
    return Breaker("f")


@pytest.fixture
def opened(breaker) -> Breaker:
    for _ in range(FAILURES):
        breaker.failed()
    return breaker


def part(name: str) -> str:
    return f"claro:breaker:{{f}}:{name}"


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """That of this process stands still. That of Redis can't."""
    with time_machine.travel(NOW, tick=False):
        yield


def waits(breaker: Breaker) -> timedelta:
    """How long whoever comes now is told to wait."""
    with pytest.raises(CircuitOpen) as raised:
        breaker.enter()
    return raised.value.retry_at - NOW


def the_pause_passes() -> None:
    assert redis.connection().delete(part("pause")) == 1


def test_it_is_closed_at_first_and_while_fewer_fail_than_open_it(breaker):
    assert breaker.enter() is False
    for _ in range(FAILURES - 1):
        breaker.failed()
    assert breaker.enter() is False


def test_failures_in_a_row_open_it_for_all_processes(breaker):
    began_ms = now_ms()
    for _ in range(FAILURES):
        breaker.failed()
    left_ms = waits(Breaker("f")) / timedelta(milliseconds=1)
    assert left_ms <= 6000
    assert left_ms + now_ms() - began_ms >= 4000 - CLOCK_MS
    assert Breaker("another").enter() is False


def test_an_answer_in_between_breaks_the_row(breaker):
    for _ in range(FAILURES):
        breaker.failed()
        breaker.worked()
    assert breaker.enter() is False


def test_when_the_pause_is_over_one_of_all_who_ask_is_the_probe(opened):
    the_pause_passes()
    got = at_once(12, lambda: Breaker("f").enter())
    assert [one for one in got if one is True] == [True]
    others = [one for one in got if one is not True]
    assert {type(one) for one in others} == {CircuitOpen}
    assert {one.retry_at for one in others} == {NOW + timedelta(seconds=2)}


def test_a_probe_that_is_answered_closes_it(opened):
    the_pause_passes()
    assert opened.enter() is True
    opened.worked()
    assert opened.enter() is False
    opened.failed()
    assert opened.enter() is False  # the row begins anew


def test_pauses_double_with_each_probe_in_vain_up_to_five_minutes(opened):
    pauses = []
    for _ in range(9):
        the_pause_passes()
        assert opened.enter() is True
        began_ms = now_ms()
        told_ms = round((opened.probe_failed().retry_at - NOW) / timedelta(milliseconds=1))
        left_ms = round(waits(opened) / timedelta(milliseconds=1))
        assert left_ms <= told_ms <= left_ms + now_ms() - began_ms + CLOCK_MS
        pauses.append(told_ms)
    expected = [10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert all(800 * s - 1 <= ms <= 1200 * s for s, ms in zip(expected, pauses, strict=True))
    assert len(set(pauses[-4:])) > 1  # no two keys come back together
    assert max(pauses) <= LONGEST_PAUSE_MS * 1.2


def test_what_fails_late_does_not_make_the_pause_longer(opened):
    before = redis.connection().pttl(part("pause"))
    for _ in range(FAILURES * 2):
        opened.failed()
    assert redis.connection().pttl(part("pause")) <= before
    the_pause_passes()
    opened.failed()  # under way since before it opened, or a check that a person asked for
    assert opened.enter() is True


def test_a_probe_that_died_is_followed_by_another(opened):
    the_pause_passes()
    assert opened.enter() is True
    assert 0 < redis.connection().pttl(part("probe")) <= PROBE_LOST_MS
    redis.connection().delete(part("probe"))
    assert opened.enter() is True


def test_a_probe_that_was_not_made_leaves_it_to_the_next(opened):
    the_pause_passes()
    assert opened.enter() is True
    opened.probe_learnt_nothing()
    assert opened.enter() is True


def test_it_speaks_when_it_opens_and_when_it_closes_and_not_in_between(breaker, caplog):
    with caplog.at_level(logging.INFO):
        for _ in range(FAILURES * 2):
            breaker.failed()
        breaker.worked()
        breaker.worked()
    first, last = (record.getMessage() for record in caplog.records)
    assert "3 times in a row; not asked for" in first
    assert last == "Claro answers again"


def test_nothing_of_it_stays_in_redis_for_ever(opened):
    opened.failed()
    the_pause_passes()
    opened.enter()
    Breaker("another").failed()
    names = set(redis.connection().scan_iter("claro:breaker:*"))  # SCAN may give one twice
    assert len(names) == 3
    assert all(redis.connection().ttl(name) > 0 for name in names)


def test_without_redis_it_is_closed(opened, redis_server):
    redis_server.stop()
    try:
        assert opened.enter() is False
        opened.failed()
        opened.worked()
        opened.probe_learnt_nothing()
        assert isinstance(opened.probe_failed(), CircuitOpen)
    finally:
        redis_server.start()


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (Unreachable(), True),
        (BadAnswer(), True),
        (Unreadable(), False),
        (TooLarge(), False),
        (ApiError(status=500), True),
        (ApiError(code="INTERNAL", status=503), True),
        (ApiError(code="TEAPOT", status=418), False),
        (Unauthorized(), False),
        (AccessDenied(), False),
        (DatasourceNotFound(), False),
        (RateLimited(retry_at=NOW), False),
    ],
)
def test_only_what_concerns_claro_as_a_whole_counts(error, counts):
    assert is_failure(error) is counts


def test_what_it_raises_survives_the_way_to_another_process():
    error = CircuitOpen("log", retry_at=NOW)
    back = ClaroError.from_dict(error.to_dict())
    assert (type(back), back.retry_at, back.user_message) == (CircuitOpen, NOW, "Claro does not answer right now.")
