import logging
import threading
import time

import pytest

from core import redis as shared
from datasources.claro import RateLimit, RateLimited
from datasources.gateway.budget import Budget, Lane

# How much a lane may take depends on every second of a window.
pytestmark = pytest.mark.usefixtures("still")


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


def test_keys_have_budgets_of_their_own():
    call(Budget("f"), said(0))
    call(Budget("g"))


def test_a_refusal_closes_the_budget_although_calls_were_left():
    call(Budget("f"), said(50), refused_for_s=20)
    with pytest.raises(RateLimited):
        Budget("f").before_call()
    assert Budget("f").left().calls == 0


def test_the_window_begins_anew_after_its_end():
    call(Budget("f"), said(0))
    _wait_for_the_next_window()
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
    for _ in range(5):
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


def taken(lane: Lane, person: str = "", at_most: int = 200) -> int:
    """How many calls the lane gets right now; they stay under way."""
    for number in range(at_most):
        try:
            Budget("f", lane=lane, person=person).before_call()
        except RateLimited:
            return number
    return at_most


def opened(left: int = 100, reset_in_s: float = 60) -> None:
    """A fresh budget: a window of 60 s and 100 calls, `left` of them left, that ends in `reset_in_s`."""
    shared.connection().flushall()
    call(Budget("f"), said(99, reset_in_s=59))
    shared.connection().hset("claro:budget:{f}", "remaining", left)
    shared.connection().hincrby("claro:budget:{f}", "reset_ms", round((reset_in_s - 60) * 1000))
    shared.connection().hdel("claro:budget:{f}", "used:person")


@pytest.mark.parametrize(("lane", "at_once"), [(Lane.PERSON, 100), (Lane.LINK, 25), (Lane.WATCH, 13), (Lane.COPY, 5)])
def test_a_lower_lane_leaves_to_those_above_it_their_share(lane, at_once):
    opened()
    assert taken(lane) == at_once


@pytest.mark.parametrize(("reset_in_s", "copied"), [(60, 5), (34, 53), (8, 100)])
def test_what_is_kept_back_is_let_go_as_the_window_goes_by(reset_in_s, copied):
    opened(reset_in_s=reset_in_s)
    assert taken(Lane.COPY) == copied


@pytest.mark.parametrize(
    ("reset_in_s", "tables", "spare"), [(60, 0, 0), (34, 50, 50), (17.4, 83, 80), (11, 96, 80), (8, 100, 100)]
)
def test_whole_tables_get_what_is_let_go_after_the_rest_of_copying(reset_in_s, tables, spare):
    opened(reset_in_s=reset_in_s)
    assert abs(taken(Lane.TABLE) - tables) <= 1
    opened(reset_in_s=reset_in_s)
    assert abs(taken(Lane.SPARE) - spare) <= 1


def test_lists_links_and_blocks_go_before_whole_tables():
    opened(reset_in_s=34)
    tables = taken(Lane.TABLE)
    assert taken(Lane.COPY) >= 1
    opened(reset_in_s=34)
    assert taken(Lane.COPY) > tables
    assert taken(Lane.TABLE) == 0
    opened(reset_in_s=5)  # nothing is held back any more
    taken(Lane.COPY, at_most=50)
    shared.connection().hset("claro:budget:{f}", "wants:copy", _now_ms() + 1000)
    assert taken(Lane.TABLE) == 45


def test_whole_tables_have_the_share_that_the_rest_of_copying_leaves():
    opened()
    shared.connection().hset("claro:budget:{f}", "wants:table", 10**15)
    assert taken(Lane.PERSON) == 95
    shared.connection().hincrby("claro:budget:{f}", "reset_ms", -55_000)  # nothing is held back any more
    assert taken(Lane.TABLE) == 5
    opened()
    shared.connection().hset("claro:budget:{f}", mapping={"wants:table": 10**15, "used:copy": 3})
    assert taken(Lane.PERSON) == 98
    opened()
    shared.connection().hset("claro:budget:{f}", mapping={"wants:copy": 10**15, "used:table": 3})
    assert taken(Lane.PERSON) == 98
    opened()
    shared.connection().hset("claro:budget:{f}", mapping={"wants:table": 10**15, "wants:copy": 10**15})
    assert taken(Lane.PERSON) == 95
    shared.connection().hincrby("claro:budget:{f}", "reset_ms", -55_000)
    assert taken(Lane.TABLE) == 0
    assert taken(Lane.COPY) == 5


@pytest.mark.parametrize("waiting", [lane for lane in Lane if lane != Lane.SPARE])
def test_spare_calls_are_not_made_while_anybody_waits(waiting):
    shared.connection().flushall()
    call(Budget("f"), said(100, reset_in_s=None))
    shared.connection().hset("claro:budget:{f}", f"wants:{waiting}", _now_ms() + 1000)
    shared.connection().hdel("claro:budget:{f}", "reset_ms")
    assert taken(Lane.SPARE) == 0  # not even the one that opens a window
    shared.connection().hdel("claro:budget:{f}", f"wants:{waiting}")
    assert taken(Lane.SPARE, at_most=1) == 1


def test_nobody_leaves_a_call_for_spare_ones():
    opened(left=0, reset_in_s=30)
    assert taken(Lane.SPARE) == 0
    assert b"wants:spare" not in shared.connection().hkeys("claro:budget:{f}")


def test_people_leave_their_share_to_lower_lanes_that_were_told_to_wait():
    opened()
    for lane in (Lane.LINK, Lane.WATCH, Lane.COPY):
        shared.connection().hset("claro:budget:{f}", f"wants:{lane}", _now_ms() + 1000)
    assert taken(Lane.PERSON) == 75


def test_what_people_wait_for_is_not_let_go_to_lower_lanes_however_late():
    opened(reset_in_s=20)
    assert taken(Lane.COPY) == 79
    opened(reset_in_s=20)
    shared.connection().hset("claro:budget:{f}", "wants:person", _now_ms() + 1000)
    assert taken(Lane.COPY) == 20


@pytest.mark.parametrize(("reset_in_s", "at_once"), [(60, 12), (9, 25)])
def test_while_people_wait_a_lane_below_takes_its_share_and_little_more_at_once(reset_in_s, at_once):
    opened(reset_in_s=reset_in_s)
    shared.connection().hset("claro:budget:{f}", "wants:person", 10**15)
    assert taken(Lane.LINK) == at_once


def test_lanes_that_wait_for_more_than_is_left_do_not_wait_for_each_other():
    opened(left=6, reset_in_s=30)
    used = {"used:person": 69, "used:link": 18, "used:watch": 2, "used:copy": 5}
    forever = {f"wants:{lane}": 10**15 for lane in Lane}
    shared.connection().hset("claro:budget:{f}", mapping=used | forever)
    assert (taken(Lane.LINK), taken(Lane.COPY)) == (0, 0)
    assert (taken(Lane.WATCH, at_most=1), taken(Lane.PERSON, at_most=1)) == (1, 1)
    assert taken(Lane.PERSON) + taken(Lane.WATCH) == 4


def test_a_lane_counts_as_waiting_until_the_last_of_those_that_were_told_to():
    opened(left=0, reset_in_s=30)
    assert taken(Lane.WATCH) == 0
    shared.connection().hset("claro:budget:{f}", "remaining", 10)
    assert taken(Lane.WATCH) == 0  # may come again earlier, to see whether more is let go
    opened_until = int(shared.connection().hget("claro:budget:{f}", "reset_ms"))
    assert int(shared.connection().hget("claro:budget:{f}", "wants:watch")) > opened_until


def test_one_who_clicks_madly_leaves_the_others_their_share():
    opened()
    assert taken(Lane.PERSON, "mad") == 80  # the rest is for somebody who may come
    opened()
    assert taken(Lane.PERSON, "calm", at_most=1) == 1
    mad = taken(Lane.PERSON, "mad")
    calm = taken(Lane.PERSON, "calm")
    assert mad < 60
    assert calm >= 20


def test_what_is_held_for_newcomers_is_theirs_at_once():
    opened()
    assert taken(Lane.PERSON, "mad") == 80
    assert [taken(Lane.PERSON, name, at_most=1) for name in "abcde"] == [1] * 5
    assert taken(Lane.PERSON, "mad") == 0
    opened()
    taken(Lane.PERSON, "mad")
    assert taken(Lane.PERSON, "alone") >= 15


def test_thirty_people_get_alike():
    opened()
    people = dict.fromkeys(map(str, range(30)), 0)
    shared.connection().zadd("claro:budget:{f}:asked", dict.fromkeys(people, _now_ms()))
    for _ in range(5):
        for person in people:
            people[person] += taken(Lane.PERSON, person)
    assert max(people.values()) - min(people.values()) <= 1
    assert sum(people.values()) >= 90


def test_the_call_that_opens_a_window_is_free_for_every_lane():
    call(Budget("f"), said(99))
    _wait_for_the_next_window()
    Budget("f", lane=Lane.COPY).before_call()


def test_who_has_to_wait_is_told_how_long_at_most_to_the_end_of_the_window():
    opened(reset_in_s=30)
    taken(Lane.COPY)
    with pytest.raises(RateLimited) as raised:
        Budget("f", lane=Lane.COPY).before_call()
    seconds = (raised.value.retry_at - Budget("f").left().reset_at).total_seconds()
    assert -30 <= seconds <= 0


def test_a_window_of_another_length_is_learnt_from_its_first_answer():
    call(Budget("f"), said(99, reset_in_s=10))
    assert int(shared.connection().hget("claro:budget:{f}", "length_ms")) == 11_000


def test_an_emptied_redis_makes_one_careful_not_rich():
    opened()
    shared.connection().flushall()
    assert taken(Lane.PERSON) == 5


def test_a_refusal_is_logged_once(caplog):
    budgets = [Budget("f"), Budget("f")]
    tickets = [budget.before_call() for budget in budgets]
    with caplog.at_level(logging.WARNING):
        for budget, ticket in zip(budgets, tickets, strict=True):
            budget.after_call(ticket, None, 20)
    assert len(caplog.records) == 1


def test_turning_low_and_back_is_told_once():
    opened(left=21)
    first, second = Budget("f"), Budget("f")
    call(first, said(19, reset_in_s=60))
    call(second, said(18, reset_in_s=60))
    assert (first.turned_low_or_back, second.turned_low_or_back) == (True, False)
    assert first.left().is_low


def test_the_last_hour_is_told_by_lane():
    call(Budget("f", lane=Lane.COPY), said(40))
    call(Budget("f"), said(30), refused_for_s=0.01)
    minutes = Budget("f").history()
    assert len(minutes) == 60
    assert sum(minute.calls[Lane.COPY] for minute in minutes) == 1
    assert sum(minute.total for minute in minutes) == 2
    assert sum(minute.refused for minute in minutes) == 1


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _wait_for_the_next_window() -> None:
    shared.connection().hset("claro:budget:{f}", "reset_ms", _now_ms())
