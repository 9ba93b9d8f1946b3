import time

import time_machine

from core.lately import Lately


def test_a_name_is_new_again_after_its_time(still):
    lately = Lately(60)
    assert lately.is_new("a")
    still.shift(59)
    assert not lately.is_new("a")
    assert lately.is_new("b")
    still.shift(1)
    assert lately.is_new("a")


def test_a_clock_that_was_put_back_makes_names_new():
    lately = Lately(60)
    with time_machine.travel(time.time() + 86_400):
        assert lately.is_new("a")
    assert lately.is_new("a")


def test_it_holds_a_limited_number_of_names(monkeypatch):
    monkeypatch.setattr("core.lately._MOST", 3)
    lately = Lately(60)
    assert [lately.is_new(name) for name in "abcabcd"] == [True] * 3 + [False] * 3 + [True]
    assert lately.is_new("a")
