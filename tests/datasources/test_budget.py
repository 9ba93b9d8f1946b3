import threading

import pytest

from datasources import redis as shared
from datasources.budget import FIRST_CALLS, Budget
from datasources.claro import RateLimit, RateLimited


def said(remaining: int, reset_in_s: float | None = 30, limit: int | None = 100) -> RateLimit:
    return RateLimit(limit=limit, remaining=remaining, reset_in_s=reset_in_s)


def call(budget: Budget, answer: RateLimit | None = None, refused_for_s: float | None = None) -> None:
    budget.after_call(budget.before_call(), answer, refused_for_s)


def test_what_one_process_learns_another_knows():
    call(Budget("f"), said(41))
    left = Budget("f").left()
    assert (left.limit, left.calls) == (100, 41)
    assert left.reset_at is not None


def test_a_call_that_would_be_refused_is_not_made():
    call(Budget("f"), said(0))
    with pytest.raises(RateLimited) as raised:
        Budget("f").before_call()
    assert raised.value.retry_at is not None


def test_calls_under_way_count_before_their_answer_comes():
    call(Budget("f"), said(2))
    budget = Budget("f")
    tickets = [budget.before_call(), budget.before_call()]
    with pytest.raises(RateLimited):
        budget.before_call()
    budget.after_call(tickets[0], said(1), None)
    assert budget.left().calls == 0


def test_keys_have_purses_of_their_own():
    call(Budget("f"), said(0))
    call(Budget("g"))


def test_a_refusal_closes_the_purse_although_calls_were_left():
    call(Budget("f"), said(50), refused_for_s=20)
    with pytest.raises(RateLimited):
        Budget("f").before_call()
    assert Budget("f").left().calls == 0


def test_the_window_begins_anew_after_its_end():
    call(Budget("f"), said(0, reset_in_s=0.05))
    _wait_ms(80)
    assert Budget("f").left().calls == 100
    call(Budget("f"))


def test_a_late_answer_of_the_same_window_does_not_give_calls_back():
    budget = Budget("f")
    first, second = budget.before_call(), budget.before_call()
    budget.after_call(second, said(10), None)
    budget.after_call(first, said(60), None)
    assert budget.left().calls == 10


def test_an_answer_of_the_window_before_says_nothing():
    budget = Budget("f")
    late = budget.before_call()
    call(budget, said(99, reset_in_s=60))
    budget.after_call(late, said(3, reset_in_s=1), None)
    assert budget.left().calls == 99


def test_without_headers_our_own_calls_are_counted_against_the_plan():
    for _ in range(3):
        call(Budget("f", calls_per_minute=20))
    assert Budget("f", calls_per_minute=20).left().calls == 17


def test_nothing_is_known_before_the_first_call_and_one_is_careful():
    assert Budget("f").left() is None
    for _ in range(FIRST_CALLS):
        Budget("f").before_call()
    with pytest.raises(RateLimited):
        Budget("f").before_call()


def test_many_at_once_never_take_more_than_there_is():
    call(Budget("f"), said(30))
    taken = []

    def take() -> None:
        for _ in range(10):
            try:
                taken.append(Budget("f").before_call())
            except RateLimited:
                return

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 30


def test_a_call_lost_with_its_process_is_forgotten():
    call(Budget("f"), said(1))
    Budget("f").before_call()
    name = "claro:budget:{f}:calls"
    for ticket in shared.connection().zrange(name, 0, -1):
        shared.connection().zincrby(name, -60_000, ticket)
    Budget("f").before_call()


def _wait_ms(milliseconds: int) -> None:
    """Redis' own clock can't be frozen; this is how long its window lasts here."""
    threading.Event().wait(milliseconds / 1000)
