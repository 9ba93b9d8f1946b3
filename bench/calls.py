"""API calls made, against what could do."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.utils import timezone

from bench import stock
from bench.timing import Figure, calls
from bench.world import World
from datasources import keys, tasks
from datasources.keys import refusals
from datasources.mirror import newest, readings, sync
from datasources.models import ApiKey, Newest, Reading, Refusal, Source, Sync
from tests.support.processes import wait_for
from tests.support.workers import Celery


def figures(world: World) -> Iterator[Figure]:
    yield calls("opening the list with 250 sources", _opening(world, 250), 3)
    yield from _listing(world)
    yield from _watching(world)
    yield calls("20 people open the same 50 rows at once", _together(world, 20), 1)
    yield calls("one person pages through 1,000 rows, 50 at a time", _paging(world, 1000, 50), 1)
    yield from _reading(world)
    yield from _apart(world)


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


def _listing(world: World) -> Iterator[Figure]:
    """250 sources listed by 50 people, over and over; ten seconds stand for the ten minutes that a copy is fresh.

    The rule: one sweep at the beginning, and one for each ten minutes.
    """
    account = world.sandbox.account()
    account.add_many(stock.names(250, status="completed"))
    key, port = stock.key(account, stock.person()), world.another_web(SYNC_EVERY_SECONDS="10")
    browsers = [world.browser(person, port) for person in stock.team(key, 50)]
    ends_at, opened = time.monotonic() + 25, Counter()

    def look(number: int) -> None:
        while time.monotonic() < ends_at:
            browsers[number].get("/sources/")
            opened["pages"] += 1
            time.sleep(random.uniform(0, 10))  # noqa: S311

    with Celery.worker(world.folder), Celery.beat(world.folder), ThreadPoolExecutor(len(browsers)) as pool:
        list(pool.map(look, range(len(browsers))))
        wait_for(lambda: not Sync.objects.get(key=key).is_under_way)
    made = len(account.calls())
    name = "3 per sync, one sync in ten minutes"
    yield calls(f"250 sources listed by 50 people for 25 minutes, {opened.total()} pages", made, 3 * 3, name)


def _watching(world: World) -> Iterator[Figure]:
    """300 processing sources that finish in the order they came, so many between two looks.

    Held against a page for each 100 that still process (one at least) and for each 100 that have finished since.
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
        name = f"all that process and all that have finished since (asking for each one: {one_by_one:,})"
        yield calls(f"polling 300 to their end, {batch} finish between polls", made, least, name)


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


def _reading(world: World) -> Iterator[Figure]:
    """200 pages of 50 rows, in 10 blocks, with a key of 100 calls a minute: one person all of them, 50 people each 20.

    The 50 begin at once, at pages all over the table; each page has five readers.
    """
    account = world.sandbox.account(100)
    table = stock.table(account, stock.key(account, stock.person()), 10_000)
    for people, pages in ((1, 200), (50, 20)):
        key = keys.add(stock.person(), "Main", secret := account.another_key(100), ApiKey.State.VALID)
        browsers = [world.browser(person) for person in stock.team(stock.swept(key), people)]
        before = len(world.sandbox.calls(secret))
        start, started = Barrier(people), time.monotonic()

        def read(number: int, browsers=browsers, pages=pages, start=start) -> None:
            start.wait()
            for page in range(number * 4, number * 4 + pages):
                path = f"/sources/{table.datasource_id}/rows/?limit=50&page={page % 200 + 1}"
                while browsers[number].try_get(path)[0] != 200:  # on its way, or the limit: it says so and tries again
                    time.sleep(0.2)

        with ThreadPoolExecutor(people) as pool:
            list(pool.map(read, range(people)))
        took_s = time.monotonic() - started
        who = "one person" if people == 1 else f"{people} people"
        made = len(world.sandbox.calls(secret)) - before
        yield calls(f"200 pages of 50 rows in 10 blocks, {who}, {took_s:.0f} s", made, 10)


def _apart(world: World) -> Iterator[Figure]:
    """Calls that fresh data costs beside those above, each held against its upper bound (docs/performance.md)."""
    account = world.sandbox.account()
    [source_id] = account.add_many(stock.names(1, status="failed"))
    key = stock.swept(stock.key(account, stock.person()))
    browsers = [world.browser(person) for person in stock.team(key, 20)]

    def made(doing: Callable[[], object]) -> int:
        before = len(account.calls())
        doing()
        return len(account.calls()) - before

    def open_by_all(path: str) -> None:
        with ThreadPoolExecutor(len(browsers)) as pool:
            list(pool.map(lambda browser: browser.try_get(path), browsers))

    def details() -> None:
        open_by_all(f"/sources/{source_id}/")
        stock.done(Reading, readings.read)
        open_by_all(f"/sources/{source_id}/")

    yield calls("apart: details of a source, 20 people open its page twice", made(details), 1)
    yield calls("apart: 20 people look at a list, each minute", made(lambda: _a_minute_later(open_by_all)), 1)
    yield calls("apart: an id that Claro does not know, opened by 20 people", made(lambda: open_by_all(_unknown())), 1)
    time.sleep(60 - time.time() % 60 if time.time() % 60 > 30 else 0)  # all within one minute
    random_ids = made(lambda: [browsers[0].try_get(_unknown()) for _ in range(100)])
    yield calls("apart: 100 random ids opened by one person in a minute", random_ids, 10, "10 a minute")
    stock.done(Sync, sync.run)  # whatever was due before
    account.revoke()

    def refused_for_a_day() -> None:
        stock.done(Sync, sync.run)
        for _ in range(1 + 8):  # the confirmation, and the probes of a day
            stock.done(Refusal, refusals.ask)

    yield calls("apart: a key refused for a day", made(refused_for_a_day), 10, "first refusal, confirmation, 8 probes")


def _unknown() -> str:
    return f"/sources/{uuid.uuid4()}/"


def _a_minute_later(open_by_all: Callable[[str], None]) -> None:
    open_by_all("/sources/")
    Newest.objects.update(read_at=timezone.now() - newest.EVERY)
    stock.done(Newest, newest.read)
    open_by_all("/sources/")
