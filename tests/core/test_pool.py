import asyncio
import threading

import pytest

from core.pool import Gauge, NoThread, Threads


def test_a_gauge_says_for_how_long_no_place_has_become_free():
    now = 100.0
    gauge = Gauge(2, clock=lambda: now)
    gauge.take()
    assert (gauge.busy, gauge.full_s) == (1, 0.0)
    gauge.take()
    now += 7
    assert (gauge.busy, gauge.full_s) == (2, 7.0)
    gauge.give_back()
    assert gauge.full_s == 0.0


def test_a_full_gauge_whose_places_change_hands_is_not_full_for_long():
    now = 100.0
    gauge = Gauge(1, clock=lambda: now)
    gauge.take()
    now += 9
    gauge.give_back()
    gauge.take()
    now += 2
    assert gauge.full_s == 2.0


class World:
    """Threads whose functions last until they are let go."""

    def __init__(self, size: int):
        self.gauge, self.begun, self.let_go = Gauge(size), [], threading.Event()
        self.threads = Threads(self.gauge)

    def start(self, name: str, patience_s: float | None = None) -> asyncio.Task:
        return asyncio.create_task(self.threads.run(self._work, name, patience_s=patience_s))

    def _work(self, name: str) -> str:
        self.begun.append(name)
        self.let_go.wait(30)
        return name.upper()

    async def until_begun(self, count: int) -> None:
        while len(self.begun) < count:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)  # one more would begin now


def test_functions_beyond_the_threads_wait_for_one_in_turn():
    async def main() -> None:
        world = World(2)
        tasks = [world.start(name) for name in "abcd"]
        await world.until_begun(2)
        assert (sorted(world.begun), world.gauge.busy) == (["a", "b"], 2)
        world.let_go.set()
        assert await asyncio.gather(*tasks) == ["A", "B", "C", "D"]
        assert (sorted(world.begun), world.gauge.busy) == (["a", "b", "c", "d"], 0)

    asyncio.run(main())


def test_a_function_that_gets_no_thread_in_time_never_runs():
    async def main() -> None:
        world = World(1)
        first = world.start("first")
        await world.until_begun(1)
        with pytest.raises(NoThread):
            await world.start("second", patience_s=0.01)
        world.let_go.set()
        assert await first == "FIRST"
        assert (world.begun, world.gauge.busy) == (["first"], 0)

    asyncio.run(main())


def test_a_function_that_breaks_frees_its_thread():
    def broken() -> None:
        raise KeyError

    async def main() -> None:
        world = World(1)
        with pytest.raises(KeyError):
            await world.threads.run(broken)
        assert world.gauge.busy == 0
        world.let_go.set()
        assert await world.start("next") == "NEXT"

    asyncio.run(main())


def test_threads_live_on_between_functions():
    async def main() -> None:
        threads = Threads(Gauge(1))
        assert await threads.run(threading.get_ident) == await threads.run(threading.get_ident)

    asyncio.run(main())
