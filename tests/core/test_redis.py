import signal
import time

import pytest
import redis
from django.core.cache import cache

from core import redis as core_redis
from core.redis import TIMES, Impatience, connection


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


@pytest.fixture
def waited(monkeypatch) -> list[str]:
    """The attempts to connect, and to get the answer to a command. Times would depend on the machine."""
    attempts: list[str] = []
    for name in ("_connect", "read_response"):
        real = getattr(redis.Connection, name)

        def noting(self, *arguments, name=name, real=real, **options):
            attempts.append(name)
            return real(self, *arguments, **options)

        monkeypatch.setattr(redis.Connection, name, noting)
    return attempts


def fails(ask) -> type[redis.RedisError]:
    with pytest.raises(redis.RedisError) as raised:
        ask()
    return raised.type


@pytest.mark.slow
def test_of_all_who_ask_a_silent_redis_one_waits_and_the_others_know(silent, waited, monkeypatch):
    monkeypatch.setattr(core_redis, "AWAY_S", 60.0)
    began = time.monotonic()
    assert (fails(connection().ping), waited) == (redis.TimeoutError, ["read_response"])
    assert -0.1 < time.monotonic() - began - TIMES["socket_timeout"] < 10
    asks = (connection().ping, connection().pipeline().ping().execute, lambda: cache.get("x"))
    assert {*map(fails, asks)} == {redis.ConnectionError}
    silent()
    assert fails(connection().ping) is redis.ConnectionError
    assert waited == ["read_response"]
    then = time.monotonic() + 60
    with monkeypatch.context() as later:
        later.setattr("time.monotonic", lambda: then)
        assert connection().ping()


def test_one_that_refuses_costs_no_time_and_is_asked_again_at_once(redis_server, waited):
    connection().ping()
    redis_server.stop()
    try:
        fails(connection().ping)  # finds out that its connection has ended
        waited.clear()
        assert [fails(connection().ping) for _ in range(3)] == [redis.ConnectionError] * 3
        assert waited == ["_connect"] * 3
    finally:
        redis_server.start()
    assert connection().ping()
