from core.slots import Slots
from tests.support.threads import at_once


def test_slots_are_taken_up_to_the_limit_and_given_back():
    slots = Slots()
    assert [slots.take({"a": 2}) for _ in range(3)] == [True, True, False]
    slots.give_back(["a"])
    assert slots.take({"a": 2})


def test_where_one_limit_is_reached_none_is_taken_under_the_other_names():
    slots = Slots()
    assert slots.take({"key": 1, "all": 9})
    assert not slots.take({"key": 1, "all": 9})
    assert slots.held == {"key": 1, "all": 1}


def test_names_that_hold_nothing_are_forgotten():
    slots = Slots()
    slots.take({"a": 1})
    slots.give_back(["a"])
    assert dict(slots.held) == {}


def test_many_threads_take_no_more_than_the_limit():
    slots = Slots()
    assert sorted(at_once(20, lambda: slots.take({"a": 7}))) == [False] * 13 + [True] * 7
