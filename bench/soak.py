"""Everybody at once on one key of 100 calls a minute, for SOAK_MINUTES (3): no call refused, none left over, all fair.

30 people click as fast as pages come, each page one that nobody has seen; 1,000 processing sources finish at random;
200 links are asked for; somebody reads a large table in the background. Two web processes, two workers and beat.
Not part of `make bench`: `.venv/bin/python -m bench soak`.
"""

import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from django.db import connections
from django.utils import timezone

from bench import stock
from bench.timing import Figure
from bench.world import World
from datasources import gateway, keys, links, tasks
from datasources.budget import Lane
from datasources.claro import RateLimited
from datasources.models import ApiKey, DownloadLink, Source, Sync, Watch
from tests.support.workers import Celery

MINUTES = float(os.environ.get("SOAK_MINUTES", "3"))
PER_MINUTE, PEOPLE, PROCESSING, LINKS = 100, 30, 1000, 200


def figures(world: World) -> Iterator[Figure]:
    account = world.sandbox.account(PER_MINUTE)
    key = stock.key(account, stock.person())
    table = stock.table(account, key, 2000)
    ids = account.add_many(stock.names(PROCESSING, status="processing"))
    readers = [_reader(account.key, table) for _ in range(PEOPLE)]
    _wait_for_a_fresh_window(key)
    stock.swept(key)
    began, ends_at = len(account.calls()), time.monotonic() + MINUTES * 60
    pages: Counter[int] = Counter()
    ports = [world.web_port, world.another_web()]
    actors = [
        *((_click, world, reader, table, ports[n % 2], pages, ends_at) for n, reader in enumerate(readers)),
        (_finish, account, ids, ends_at),
        (_ask_links, key, ends_at),
        (_copy, key, table, ends_at),
    ]
    with Celery.worker(world.folder), Celery.worker(world.folder), Celery.beat(world.folder):
        threads = [threading.Thread(target=_closing, args=actor, daemon=True) for actor in actors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    made = account.calls()[began:]
    lanes: Counter[str] = Counter()
    for minute in gateway.history(key):
        lanes.update(minute.calls)
    counts = [pages[reader.pk] for reader in readers]
    fair = sum(counts) / PEOPLE
    allowed = PER_MINUTE * MINUTES
    refused = sum(call["status"] == 429 for call in made)
    yield Figure("calls refused (429)", f"{refused}", "none, 0", "–")
    yield Figure("calls made", f"{len(made)}", f"those allowed, {allowed:.0f}", f"{len(made) / allowed:.2f}×")
    share = lanes[Lane.PERSON] / sum(lanes.values())
    yield Figure("of these for people who wait", f"{share:.0%}", "what they are promised, 70%", f"{share / 0.7:.2f}×")
    yield Figure(
        "pages of the person who got least", f"{min(counts)}", f"a fair share, {fair:.1f}", f"{min(counts) / fair:.2f}×"
    )
    left = Source.objects.filter(key=key, status="processing").count()
    yield Figure("sources still thought to process", f"{left}", f"of {PROCESSING}", "–")
    ready = DownloadLink.objects.filter(source__key=key, state="ready").count()
    yield Figure("links made", f"{ready}", f"asked for, {LINKS}", f"{ready / LINKS:.2f}×")


def _reader(secret: str, table: Source) -> object:
    """Somebody who has the same key; one watcher does for all, so theirs rests, with a copy of the table's row."""
    owner = stock.person()
    key = keys.add(owner, "Main", secret, ApiKey.State.VALID)
    Sync.objects.filter(key=key).update(due_at=None, finished_at=timezone.now())
    Watch.objects.filter(key=key).update(due_at=None)
    copy = Source.objects.get(pk=table.pk)
    copy.pk, copy.key = None, key
    copy.save(force_insert=True)
    return owner


def _wait_for_a_fresh_window(key: ApiKey) -> None:
    left = gateway.calls_left(key)
    if left and left.reset_at:
        time.sleep(max((left.reset_at - timezone.now()).total_seconds() + 1, 0))


def _closing(actor, *arguments) -> None:
    try:
        actor(*arguments)
    finally:
        connections.close_all()


def _click(world: World, reader, table: Source, port: int, pages: Counter, ends_at: float) -> None:
    browser = world.browser(reader, port)
    while time.monotonic() < ends_at:
        path = f"/sources/{table.datasource_id}/rows/?filter=id+>+{random.random() * 1000:.6f}"  # noqa: S311
        while time.monotonic() < ends_at:
            status, body = browser.try_get(path)
            if status == 200:
                pages[reader.pk] += 1
                break
            delay = re.search(rb'delay:(\d+)ms" hx-target="#rows"', body)
            time.sleep(min(int(delay[1]) / 1000 if delay else 1.0, max(ends_at - time.monotonic(), 0)))


def _finish(account, ids: list[UUID], ends_at: float) -> None:
    ids, pause = random.sample(ids, len(ids)), (ends_at - time.monotonic() - 20) / len(ids)
    for source_id in ids:
        account.change(source_id, status="completed")
        time.sleep(max(pause - 0.005, 0))


def _ask_links(key: ApiKey, ends_at: float) -> None:
    sources = list(key.sources.filter(gone_at=None).select_related("key")[:LINKS])
    for source in sources:
        if (link := links.ask(source, key.owner, 3600)).is_pending:
            tasks.start(link)
        time.sleep((ends_at - time.monotonic()) / LINKS / 2)


def _copy(key: ApiKey, table: Source, ends_at: float) -> None:
    while time.monotonic() < ends_at:
        try:
            with gateway.client(key, Lane.COPY) as claro:
                claro.get_rows(table.datasource_id, page=random.randint(1, 2))  # noqa: S311
        except RateLimited as error:
            time.sleep(max((error.retry_at - timezone.now()).total_seconds(), 0.05))
