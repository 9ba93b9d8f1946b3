import signal
import time

import pytest
import redis
from django.core.cache import cache

from core.redis import AWAY_S, TIMES, Impatience, connection


@pytest.fixture
def silent(redis_server):
    """A Redis that takes connections and says nothing, as a machine without power does; `silent()` ends that."""
    connection().ping()
    redis_server.process.send_signal(signal.SIGSTOP)

    def back() -> None:
        redis_server.process.send_signal(signal.SIGCONT)

    yield back
    back()
    Impatience._away_until = 0.0  # the next test finds it there


def took(ask) -> float:
    began = time.monotonic()
    with pytest.raises(redis.RedisError):
        ask()
    return time.monotonic() - began


@pytest.mark.slow
def test_of_all_who_ask_a_silent_redis_one_waits_and_the_others_know(silent, monkeypatch):
    assert took(connection().ping) == pytest.approx(TIMES["socket_timeout"], abs=0.8)
    asks = (connection().ping, connection().pipeline().ping().execute, lambda: cache.get("x"))
    assert sum(map(took, asks)) < 0.5
    silent()
    assert took(connection().ping) < 0.5
    then = time.monotonic() + AWAY_S
    with monkeypatch.context() as later:
        later.setattr("time.monotonic", lambda: then)
        assert connection().ping()


def test_one_that_refuses_costs_no_time_and_is_asked_again_at_once(redis_server):
    connection().ping()
    redis_server.stop()
    try:
        assert sum(took(connection().ping) for _ in range(3)) < 0.5
    finally:
        redis_server.start()
    assert connection().ping()
