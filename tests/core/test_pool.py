import asyncio
from http import HTTPStatus

from core.pool import Gauge, RequestPool


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
    """An application whose requests last until they are let go."""

    def __init__(self, size: int, patience_s: float = 30.0):
        self.gauge, self.begun, self.refused = Gauge(size), [], []
        self.let_go = asyncio.Event()
        self.pool = RequestPool(self._app, self.gauge, self._refuse, exempt={"/healthz"}, patience_s=patience_s)

    def request(self, path: str) -> asyncio.Task:
        return asyncio.create_task(self.pool({"type": "http", "path": path}, None, self._send))

    async def _app(self, scope, receive, send) -> None:
        self.begun.append(scope["path"])
        if scope["path"] == "/broken":
            raise ValueError
        if scope["path"] == "/slow-reader":
            await send({"type": "http.response.start"})
        if scope["path"] != "/healthz":
            await self.let_go.wait()

    def _refuse(self, status):
        async def answer(scope, receive, send) -> None:
            self.refused.append((scope["path"], status))

        return answer

    async def _send(self, message) -> None:
        pass


async def settle() -> None:
    """Lets every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_requests_beyond_the_places_wait_for_one():
    async def main() -> None:
        world = World(2)
        tasks = [world.request(f"/{number}") for number in range(4)]
        await settle()
        assert (world.begun, world.gauge.busy) == (["/0", "/1"], 2)
        world.let_go.set()
        await asyncio.gather(*tasks)
        assert (world.begun, world.gauge.busy, world.refused) == (["/0", "/1", "/2", "/3"], 0, [])

    asyncio.run(main())


def test_a_request_that_gets_no_place_in_time_is_refused():
    async def main() -> None:
        world = World(1, patience_s=0.01)
        first = world.request("/first")
        await settle()
        await world.request("/second")
        assert world.refused == [("/second", HTTPStatus.SERVICE_UNAVAILABLE)]
        world.let_go.set()
        await first
        assert world.gauge.busy == 0

    asyncio.run(main())


def test_health_is_answered_while_all_places_are_taken():
    async def main() -> None:
        world = World(1)
        first = world.request("/first")
        await settle()
        await world.request("/healthz")
        world.let_go.set()
        await first

    asyncio.run(main())


def test_a_client_that_reads_its_answer_slowly_keeps_no_place():
    async def main() -> None:
        world = World(1)
        slow, other = world.request("/slow-reader"), world.request("/other")
        await settle()
        assert (world.begun, world.gauge.busy) == (["/slow-reader", "/other"], 1)
        world.let_go.set()
        await asyncio.gather(slow, other)
        assert world.gauge.busy == 0

    asyncio.run(main())


def test_a_request_that_breaks_gives_its_place_back():
    async def main() -> None:
        world = World(1)
        await asyncio.gather(world.request("/broken"), return_exceptions=True)
        assert world.gauge.busy == 0
        world.let_go.set()
        await world.request("/next")

    asyncio.run(main())
