import time_machine

from core import redis, throttle

NOW = "2026-11-24T12:00:10Z"


def test_an_address_may_ask_so_often_a_minute_and_others_are_not_held_up():
    with time_machine.travel(NOW, tick=False) as clock:
        assert not any(throttle.is_held_up("share", "203.0.113.7", 120) for _ in range(120))
        assert throttle.is_held_up("share", "203.0.113.7", 120)
        assert not throttle.is_held_up("share", "203.0.113.8", 120)
        assert not throttle.is_held_up("other", "203.0.113.7", 120)
        clock.shift(50)
        assert not throttle.is_held_up("share", "203.0.113.7", 120)


def test_guessing_costs_more():
    with time_machine.travel(NOW, tick=False):
        tries = 0
        while not throttle.is_held_up("share", "203.0.113.7", 120):
            throttle.guessed("share", "203.0.113.7")
            tries += 1
    assert tries == 12


def test_what_is_counted_is_forgotten():
    throttle.is_held_up("share", "203.0.113.7", 120)
    [name] = redis.connection().keys("claro:throttle:*")
    assert 0 < redis.connection().ttl(name) <= 60


def test_without_redis_nobody_is_held_up(redis_server):
    redis_server.stop()
    try:
        assert not throttle.is_held_up("share", "203.0.113.7", 120)
        throttle.guessed("share", "203.0.113.7")
    finally:
        redis_server.start()
