"""API calls made, against the least that could do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from bench import stock
from bench.timing import Figure, calls
from bench.world import World
from datasources import tasks
from datasources.models import Source
from tests.support.processes import wait_for
from tests.support.workers import Celery


def figures(world: World) -> Iterator[Figure]:
    yield calls("opening the list with 250 sources", _opening(world, 250), 3)
    yield from _watching(world)
    yield calls("20 people open the same 50 rows at once", _together(world, 20), 1)
    yield calls("one person pages through 1,000 rows, 50 at a time", _paging(world, 1000, 50), 1)


def _opening(world: World, sources: int) -> int:
    """From a new key and the first visit to the whole list, by a worker as in life."""
    account, reader = world.sandbox.account(), stock.person()
    account.add_many(stock.names(sources, status="completed"))
    key = stock.key(account, reader)
    with Celery.worker(world.folder):
        tasks.start(key.sync)
        world.browser(reader).get("/sources/")
        wait_for(lambda: type(key.sync).objects.filter(key=key).exclude(finished_at=None).exists())
    assert key.sources.count() == sources
    return len(account.calls())


def _watching(world: World) -> Iterator[Figure]:
    """300 processing sources that finish in the order they came, so many between two looks.

    The least is a page for each 100 that still process (one at least) and for each 100 that have finished since.
    """
    for batch in (30, 100, 300):
        account = world.sandbox.account()
        oldest_first = account.add_many(stock.names(300, status="processing"))[::-1]
        key = stock.swept(stock.key(account, stock.person()))
        before, least, one_by_one = len(account.calls()), 0, 0
        for start in range(0, 300, batch):
            one_by_one += 300 - start
            for source_id in oldest_first[start : start + batch]:
                account.change(source_id, status="completed")
            stock.looked(key)
            least += max(-(-(300 - start - batch) // 100), 1) + -(-batch // 100)
        assert not Source.objects.filter(key=key, status="processing").exists()
        made = len(account.calls()) - before
        name = f"the least possible (asking for each one: {one_by_one:,})"
        yield calls(f"watching 300 to their end, {batch} finish between looks", made, least, name)


def _together(world: World, people: int) -> int:
    """Each has stored the same key for themselves."""
    account = world.sandbox.account()
    source = stock.table(account, stock.key(account, stock.person()), 100)
    readers = [stock.swept(stock.key(account, stock.person())).owner for _ in range(people)]
    browsers = [world.browser(reader) for reader in readers]
    before, start = len(account.calls()), Barrier(people)

    def read(browser) -> None:
        start.wait()
        browser.get(f"/sources/{source.datasource_id}/rows/")

    with ThreadPoolExecutor(people) as pool:
        list(pool.map(read, browsers))
    return len(account.calls()) - before


def _paging(world: World, rows: int, limit: int) -> int:
    account, reader = world.sandbox.account(), stock.person()
    source = stock.table(account, stock.key(account, reader), rows)
    browser, before = world.browser(reader), len(account.calls())
    for page in range(1, rows // limit + 1):
        browser.get(f"/sources/{source.datasource_id}/rows/?limit={limit}&page={page}")
    return len(account.calls()) - before
