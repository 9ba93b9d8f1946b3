"""Learning that 1,000 processing sources of one key have finished, somebody looking: by asking, and by being told.

They are fresh, and finish at random within WATCHING_SECONDS (150). A worker, beat, a page that is open, real windows of
a minute. Each is timed from its end at Claro until our copy says so (`seen_at`).

By asking, with 100 calls a minute. What is held against our calls is what it takes at the same looks to ask for all
that process and for all that have finished since: a page for each 100 that still process (one at least), and a page for
each 100 that have finished since the look before. Times are measured in cadences: the pause that followed the look
before a source finished.

By being told, with 500 calls a minute, so that the limit allows a call for each; and with 100, where it does not.
Not part of `make bench`: `.venv/bin/python -m bench watching`.
"""

import contextlib
import os
import random
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import quantiles
from uuid import UUID

from django.db import connections
from django.utils import timezone

from bench import stock
from bench.timing import Figure
from bench.world import World
from core import heartbeats
from datasources import tasks
from datasources.mirror import webhooks
from datasources.models import ApiKey, Hook, StatusChange, Watch
from tests.support.processes import wait_for
from tests.support.sandbox import Account
from tests.support.workers import Celery

SECONDS = float(os.environ.get("WATCHING_SECONDS", "150"))
SOURCES = 1000
TARGET_S, TARGET_CADENCES = 2.0, 2.0


def figures(world: World) -> Iterator[Figure]:
    with Celery.worker(world.folder), Celery.beat(world.folder):
        wait_for(lambda: not heartbeats.silent(*heartbeats.QUEUES), seconds=120)
        yield from _by_asking(world)
        yield from _by_being_told(world, 500)
        yield from _by_being_told(world, 100)


def least(looks: list[datetime], seen: list[datetime], of: int) -> int:
    """The calls of looks that read all that process and all that have finished since the look before."""
    calls, known = 0, 0
    for look in looks:
        finished = sum(at <= look for at in seen)
        calls += max(-(-(of - finished) // 100), 1) + -(-(finished - known) // 100)
        known = finished
    return calls


def cadence(looks: list[tuple[datetime, timedelta]], at: datetime) -> timedelta:
    """The pause that ruled at that moment."""
    return next((pause for checked_at, pause in reversed(looks) if checked_at <= at), looks[0][1])


def _by_asking(world: World) -> Iterator[Figure]:
    account, key, ids = _processing(world, 100)
    before = len(account.calls())
    with _somebody_looking(world, key), _looks(key) as looks:
        ended = _finish(account, key, ids)
    made, seen = len(account.calls()) - before, _seen(key)
    asked = least([checked_at for checked_at, _ in looks[1:]], list(seen.values()), SOURCES)
    delays = [(seen[one] - at) / cadence(looks, at) for one, at in ended.items()]
    yield Figure(
        f"polling {SOURCES:,} to their end, {len(looks) - 1} polls",
        f"{made} calls",
        f"all that process and all that have finished since, {asked}",
        f"{made / asked:.2f}×",
    )
    yield Figure(
        "from an end until it is known, 95 % within",
        f"{_p95(delays):.2f} cadences",
        f"{TARGET_CADENCES:.0f} cadences",
        f"{_p95(delays) / TARGET_CADENCES:.2f}×",
    )
    took = _p95([(seen[one] - at).total_seconds() for one, at in ended.items()])
    cadences = sorted(pause.total_seconds() for _, pause in looks)
    yield Figure("the same in seconds", f"{took:.1f} s", f"the longest cadence, {cadences[-1]:.1f} s", "–")


def _by_being_told(world: World, calls_per_minute: int) -> Iterator[Figure]:
    account, key, ids = _processing(world, calls_per_minute)
    tasks.start(webhooks.switch_on(key))
    wait_for(lambda: Hook.objects.filter(key=key, state=Hook.State.REGISTERED).exists())
    before = len(account.calls())
    with _somebody_looking(world, key):
        ended = _finish(account, key, ids)
    made, seen = len(account.calls()) - before, _seen(key)
    took = _p95([(seen[one] - at).total_seconds() for one, at in ended.items()])
    yield Figure(
        f"webhooks for {SOURCES:,}, {calls_per_minute} calls a minute",
        f"{made} calls",
        f"one a source, {SOURCES:,}",
        f"{made / SOURCES:.2f}×",
    )
    yield Figure(
        "from an end until it is known, 95 % within", f"{took:.2f} s", f"{TARGET_S:.0f} s", f"{took / TARGET_S:.2f}×"
    )


def _processing(world: World, calls_per_minute: int) -> tuple[Account, ApiKey, list[UUID]]:
    """Uploaded within the last seconds, and swept up."""
    account = world.sandbox.account(calls_per_minute)
    sources = stock.names(SOURCES, status="processing")
    ids = account.add_many([source | {"age": number / 20} for number, source in enumerate(sources)])
    key = stock.swept(stock.key(account, stock.person()))
    assert key.sources.processing().count() == SOURCES
    return account, key, ids


@contextlib.contextmanager
def _somebody_looking(world: World, key: ApiKey) -> Iterator[None]:
    """A page that is open; what it is told fits into the sockets' buffers."""
    with contextlib.closing(world.browser(key.owner).open("/live/")):
        yield


@contextlib.contextmanager
def _looks(key: ApiKey) -> Iterator[list[tuple[datetime, timedelta]]]:
    """When each look ended, and the pause until the next; the first is the one before."""
    looks: list[tuple[datetime, timedelta]] = []
    over = threading.Event()

    def note() -> None:
        while not over.wait(0.05):
            checked_at, due_at = Watch.objects.values_list("checked_at", "due_at").get(key=key)
            if checked_at and (not looks or looks[-1][0] < checked_at):
                looks.append((checked_at, (due_at or checked_at) - checked_at))
        connections.close_all()

    noting = threading.Thread(target=note, daemon=True)
    noting.start()
    wait_for(lambda: looks)
    yield looks
    over.set()
    noting.join()


def _finish(account: Account, key: ApiKey, ids: list[UUID]) -> dict[UUID, datetime]:
    """Has them finish at random, and waits until our copy knows; gives when each did."""
    began, ended = time.monotonic(), {}
    moments = sorted(random.uniform(0, SECONDS) for _ in ids)  # noqa: S311
    for source_id, moment in zip(random.sample(ids, len(ids)), moments, strict=True):
        time.sleep(max(began + moment - time.monotonic(), 0))
        ended[source_id] = timezone.now()
        account.change(source_id, status="completed")
    wait_for(lambda: not key.sources.processing().exists(), seconds=15 * 60, pause=0.5)
    return ended


def _seen(key: ApiKey) -> dict[UUID, datetime]:
    changes = StatusChange.objects.filter(source__key=key, status="completed")
    return dict(changes.values_list("source__datasource_id", "seen_at"))


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]
