import pytest
import redis as redis_py
import time_machine

from core import redis
from core.guesses import Guess, Pace, TooManyGuesses
from tests.support.threads import at_once

NOW = "2026-11-24T12:00:10Z"
SLOW = Pace(free=2, first_s=10, longest_s=25)
SHARED = Pace(free=4, first_s=1, longest_s=1)


def guess(who: str = "somebody", what: str = "secret", pace: Pace = SLOW) -> Guess:
    return Guess(what, [(who, pace)])


def waits(one: Guess) -> int:
    """The seconds that this guess would have to wait; 0 when it was counted."""
    try:
        one.count()
    except TooManyGuesses as error:
        return error.wait_s
    return 0


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def test_a_few_guesses_are_free_and_then_each_waits_longer(clock):
    assert [guess().count() for _ in range(2)] == [False, True]
    for pause in (10, 20, 25, 25):
        assert 0 < waits(guess()) - pause <= 1
        clock.shift(pause - 1)
        assert waits(guess()) > 0
        clock.shift(1.1)
        assert waits(guess()) == 0


def test_a_guess_that_is_refused_makes_nobody_wait_longer(clock):
    for _ in range(40):
        waits(guess())
    clock.shift(10.1)
    assert waits(guess()) == 0


def test_guessers_and_secrets_are_counted_apart(clock):
    for _ in range(3):
        waits(guess())
    assert waits(guess()) > 0
    assert waits(guess("another")) == waits(guess(what="another")) == 0


def test_what_all_guess_together_is_counted_too(clock):
    def of(number: int) -> int:
        return waits(Guess("secret", [(f"network {number}", SLOW), ("all", SHARED)]))

    assert [of(number) for number in range(6)] == [0, 0, 0, 0, 2, 2]
    clock.shift(1.1)
    assert [of(number) for number in range(6, 8)] == [0, 2]


def test_a_right_guess_counts_for_nothing_and_those_of_others_stay(clock):
    for _ in range(20):
        right = guess()
        assert waits(right) == 0
        right.was_right()
    waits(guess())
    for _ in range(3):
        right = guess()
        right.count()
        right.was_right()
    waits(guess())
    assert waits(guess()) > 0


def test_of_guesses_at_the_same_moment_no_more_are_checked():
    outcomes = at_once(16, lambda: waits(guess(pace=Pace(free=5, first_s=60, longest_s=60))))
    assert outcomes.count(0) == 5


def test_guesses_are_forgotten_and_tell_nothing_about_whom_they_are_for(clock):
    waits(guess("alice@example.com", "alice@example.com"))
    [name] = redis.connection().keys("claro:guesses:*")
    assert b"alice" not in name
    assert 0 < redis.connection().ttl(name) <= SLOW.forget_s


def test_without_redis_no_guess_is_checked(redis_server):
    redis_server.stop()
    try:
        with pytest.raises(redis_py.RedisError):
            guess().count()
    finally:
        redis_server.start()
