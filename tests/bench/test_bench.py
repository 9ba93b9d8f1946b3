"""What `make bench` prints isn't timed here: only that its parts fit together."""

import importlib
from datetime import UTC, datetime, timedelta

import pytest

from bench import soak, watching
from bench.__main__ import ON_REQUEST, PARTS, main
from bench.timing import above, calls, in_turns, table, times


@pytest.mark.parametrize("name", [*PARTS, *ON_REQUEST, "settings", "urls", "world"])
def test_every_part_can_be_loaded(name):
    part = importlib.import_module(f"bench.{name}")
    assert name not in PARTS + ON_REQUEST or callable(part.figures)


def test_a_part_that_is_not_there_is_named(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", "lists", "nonsense"])
    assert main() == 2
    assert "There is no nonsense" in capsys.readouterr().out


def test_each_action_is_measured_in_every_round():
    done = []
    taken = in_turns({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, rounds=3)
    assert {name: len(times) for name, times in taken.items()} == {"a": 3, "b": 3}
    assert all(set(done[start : start + 2]) == {"a", "b"} for start in range(0, len(done), 2))


def test_figures_stand_in_a_table_with_their_alternative():
    figures = [
        times("page", [20.0, 40.0, 60.0], [10.0, 10.0, 10.0], "empty page"),
        above("miss", [20.0, 20.0, 20.0], [5.0, 5.0, 5.0], "bare call"),
        calls("list", 3, 3),
    ]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(figures).splitlines()]
    assert lines[2:] == [
        ["page", "40.0 ms", "empty page, 10.0 ms", "4.0× (2.0 to 6.0)"],
        ["miss", "20.0 ms", "bare call, 5.0 ms", "4.0× (4.0 to 4.0), 15.0 ms (15.0 to 15.0) more"],
        ["list", "3 calls", "the least possible, 3", "1.0×"],
    ]


def test_a_window_begins_with_the_first_call_after_the_last_one():
    assert soak.windows([]) == []
    assert soak.windows([130.0, 10.0, 10.5, 69.9, 71.0, 131.5]) == [10.0, 71.0, 131.5]


def test_the_cadence_is_the_pause_that_followed_the_look_before():
    day = datetime(2026, 1, 1, tzinfo=UTC)
    looks = [(day, timedelta(seconds=3)), (day + timedelta(seconds=4), timedelta(seconds=9))]
    at = [day + timedelta(seconds=seconds) for seconds in (-1, 0, 3.9, 4, 60)]
    assert [watching.cadence(looks, moment).seconds for moment in at] == [3, 3, 3, 9, 9]


def test_what_asking_for_all_would_take_is_counted_at_the_same_looks():
    day = datetime(2026, 1, 1, tzinfo=UTC)
    looks = [day + timedelta(seconds=seconds) for seconds in (10, 20, 30)]
    seen = [day + timedelta(seconds=1)] * 150 + [day + timedelta(seconds=29)] * 850
    # 850 still process and 150 have finished; nothing new; all have finished
    assert watching.least(looks, seen, of=1000) == (9 + 2) + 9 + (1 + 9)
