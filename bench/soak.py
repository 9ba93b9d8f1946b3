"""Full load on one key of 100 calls a minute for SOAK_MINUTES (10): no call refused, none unused, fair shares.

30 users click as fast as pages load, each on an uncached page. 1,000 processing sources finish at random with a viewer,
200 links are requested, and a worker copies a whole table. Two web processes, two workers and beat run.

A minute is a window of the API, which starts with its first call. Demand exceeds supply until the last window ends. The
calls made are compared with 100 per 60 seconds from the first call to that end: an ideal client opens each window as
soon as the previous one ends, and uses every call.
Not part of `make bench`: `.venv/bin/python -m bench soak`.
"""

import contextlib
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.utils import timezone

from bench import stock
from bench.timing import Figure
from bench.world import World
from core import heartbeats
from datasources import gateway, tasks
from datasources.copies import jobs
from datasources.downloads import links
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, DownloadLink, Source
from tests.support.processes import wait_for
from tests.support.sandbox import Account
from tests.support.workers import Celery

MINUTES = int(os.environ.get("SOAK_MINUTES", "10"))
PER_MINUTE, WINDOW_S, PEOPLE, PROCESSING, LINKS = 100, 60, 30, 1000, 200
# Neither is copied automatically. The second one takes longer to copy than the run.
READ_ROWS, COPIED_ROWS = settings.COPY_ROWS_AUTO + 1000, 100_000


def figures(world: World) -> Iterator[Figure]:
    account = world.sandbox.account(PER_MINUTE)
    key = stock.key(account, stock.person())
    table, copied = (stock.table(account, key, rows) for rows in (READ_ROWS, COPIED_ROWS))
    ids = account.add_many(stock.names(PROCESSING, status="processing"))
    account.add_many(stock.names(LINKS, status="completed"))
    readers = stock.team(key, PEOPLE)
    for prepare in (lambda: stock.swept(key), lambda: None):
        wait_for_a_fresh_window(key)
        prepare()
    assert key.sources.filter(status="processing").count() == PROCESSING
    began, lanes, pages, over = len(account.calls()), _lanes(key), Counter[int](), threading.Event()
    ports = [world.web_port, world.another_web()]
    actors = [
        *((_click, world, reader, table, ports[n % 2], pages, over) for n, reader in enumerate(readers)),
        (_finish, account, ids, over),
        (_ask_links, key, over),
    ]
    with contextlib.ExitStack() as running:
        running.enter_context(contextlib.closing(world.browser(key.owner).open("/live/")))
        for process in (Celery.worker, Celery.worker, Celery.beat):
            running.enter_context(process(world.folder))
        wait_for(lambda: not heartbeats.silent(*heartbeats.QUEUES), seconds=120)
        threads = [threading.Thread(target=_closing, args=actor, daemon=True) for actor in actors]
        for thread in threads:
            thread.start()
        copy = jobs.start(copied, key.owner)
        elapsed_s = _wait_for_windows(account, began)
        made, lanes = account.calls()[began:], _lanes(key) - lanes
        over.set()
        for thread in threads:
            thread.join()
    yield from _calls(made, lanes, elapsed_s)
    counts = [pages[reader.pk] for reader in readers]
    fair = sum(counts) / PEOPLE
    yield Figure(
        "pages of the user with the fewest", f"{min(counts)}", f"a fair share, {fair:.1f}", f"{min(counts) / fair:.2f}×"
    )
    left = Source.objects.filter(key=key, status="processing").count()
    yield Figure("sources still shown as processing", f"{left}", f"of {PROCESSING}", "–")
    copy.refresh_from_db()
    yield Figure("rows copied of the table", f"{copy.rows_read:,}", f"of {COPIED_ROWS:,}", "–")
    ready = DownloadLink.objects.filter(source__key=key, state="ready").count()
    yield Figure("links made", f"{ready}", f"asked for, {LINKS}", f"{ready / LINKS:.2f}×")


def windows(times: list[float]) -> list[float]:
    """When the windows began in which calls were made at these times."""
    starts: list[float] = []
    for at in sorted(times):
        if not starts or at >= starts[-1] + WINDOW_S:
            starts.append(at)
    return starts


def _calls(made: list[dict], lanes: Counter[str], elapsed_s: float) -> Iterator[Figure]:
    refused = sum(call["status"] == 429 for call in made)
    yield Figure("calls refused (429)", f"{refused}", "none, 0", "–")
    allowed = PER_MINUTE * elapsed_s / WINDOW_S
    count = f"calls made in {MINUTES} windows, {elapsed_s:.0f} s"
    yield Figure(count, f"{len(made)}", f"those allowed, {allowed:.0f}", f"{len(made) / allowed:.2f}×")
    share = lanes[Lane.PERSON] / lanes.total()
    yield Figure("of these for users who wait", f"{share:.0%}", "their guaranteed share, 70%", f"{share / 0.7:.2f}×")
    others = ", ".join(f"{lane} {lanes[lane] / lanes.total():.0%}" for lane in Lane if lane != Lane.PERSON)
    yield Figure("the others", others, "while all want: link 12%, watch 8%, table 5%", "–")


def _lanes(key: ApiKey) -> Counter[str]:
    lanes: Counter[str] = Counter()
    for minute in gateway.history(key):
        lanes.update(minute.calls)
    return lanes


def wait_for_a_fresh_window(key: ApiKey) -> None:
    left = gateway.calls_left(key)
    if left and left.reset_at:
        time.sleep(max((left.reset_at - timezone.now()).total_seconds() + 1, 0))


def _wait_for_windows(account: Account, began: int) -> float:
    """Until the last window is over; gives the seconds since the first began."""
    while True:
        time.sleep(1)
        starts = windows([call["at"] for call in account.calls()[began:]])
        if len(starts) >= MINUTES and time.time() >= starts[MINUTES - 1] + WINDOW_S - 1:
            time.sleep(max(starts[MINUTES - 1] + WINDOW_S - time.time(), 0))
            return starts[MINUTES - 1] + WINDOW_S - starts[0]


def _closing(actor, *arguments) -> None:
    try:
        actor(*arguments)
    finally:
        connections.close_all()


def _click(world: World, reader, table: Source, port: int, pages: Counter, over: threading.Event) -> None:
    browser = world.browser(reader, port)
    while not over.is_set():
        path = f"/sources/{table.datasource_id}/rows/?filter=id+>+{random.random() * 1000:.6f}"  # noqa: S311
        while not over.is_set():
            status, body = browser.try_get(path)
            if status == 200:
                pages[reader.pk] += 1
                break
            delay = re.search(rb'delay:(\d+)ms" hx-target="#rows"', body)
            over.wait(int(delay[1]) / 1000 if delay else 1.0)


def _finish(account: Account, ids: list[UUID], over: threading.Event) -> None:
    for source_id in random.sample(ids, len(ids)):
        account.change(source_id, status="completed")
        if over.wait(MINUTES * WINDOW_S / len(ids)):
            break


def _ask_links(key: ApiKey, over: threading.Event) -> None:
    """Within the first half."""
    for source in key.sources.filter(status="completed").exclude(file_name="products.csv").select_related("key"):
        if (link := links.ask(source, key.owner, 3600)).is_pending:
            tasks.start(link)
        if over.wait(MINUTES * WINDOW_S / LINKS / 2):
            break
