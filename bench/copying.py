"""Copies 1,000,000 rows of the sandbox by a worker: the calls, the time, the processor time, and a `kill -9` midway.

COPYING_LIMIT is the limit in calls a minute: 100 as Claro's, which takes twelve minutes. The minutes are real ones.
Not part of `make bench`: `.venv/bin/python -m bench copying`.
"""

import os
import time
from collections.abc import Iterator

import psutil
from django.conf import settings

from bench import million, soak, stock
from bench.timing import Figure, calls
from bench.world import World
from core import heartbeats
from datasources import tasks
from datasources.copies import jobs
from datasources.models import Source, TableCopy
from sandbox.tables import Column
from tests.support.processes import wait_for
from tests.support.sandbox import Account, Sandbox
from tests.support.workers import Celery

LIMIT = int(os.environ.get("COPYING_LIMIT", "100"))
LEAST = million.ROWS // million.BLOCK
PROCESSOR_S, TIME_AT_MOST = 60, 1.05
PAGES = ("", "?page=10001", "?sort=price", "?filter=quantity+>+400&sort=rating&order=desc")
_TYPES = {"id": "BIGINT", "price": "DOUBLE", "quantity": "BIGINT", "rating": "DOUBLE"}


def figures(world: World) -> Iterator[Figure]:
    sandbox = Sandbox(world.folder / "million")
    settings.CLARO_API_BASE_URL = os.environ["CLARO_API_BASE_URL"] = sandbox.base_url
    environment = {"TICK_SECONDS": "2"}
    with Celery.beat(world.folder, **environment):
        with Celery.worker(world.folder, 16, **environment) as worker:
            yield from _copied(world, sandbox.account(LIMIT), sandbox, worker)
        yield from _killed(world, sandbox.account(100_000), sandbox, environment)


def _copied(world: World, account: Account, sandbox: Sandbox, worker: Celery) -> Iterator[Figure]:
    source = _table(account, sandbox)
    _wait_for_workers()
    soak.wait_for_a_fresh_window(source.key)  # the list took a call of this one
    process = psutil.Process(worker.pid)
    before_s, started = _processor_s(process), time.monotonic()
    copy = _start(source)
    _wait(copy)
    took_s, spent_s = time.monotonic() - started, _processor_s(process) - before_s
    read = _calls(account)
    imposed_s = LEAST / LIMIT * 60
    yield calls(f"copying {million.ROWS:,} rows × {len(million.NAMES)}", read, LEAST)
    limit = f"what {LIMIT} calls a minute impose, {imposed_s:.0f} s"
    yield Figure("the time of that", f"{took_s:.0f} s", limit, f"{took_s / imposed_s:.2f}×, limit {TIME_AT_MOST}×")
    yield Figure(
        "processor time of the worker", f"{spent_s:.0f} s", f"limit, {PROCESSOR_S} s", f"{spent_s / PROCESSOR_S:.2f}×"
    )
    browser = world.browser(source.key.owner, world.another_web())
    for page in PAGES:
        browser.get(f"/sources/{source.datasource_id}/rows/{page}")
    refused = sum(call["status"] == 429 for call in account.calls())
    yield Figure("calls refused (429) on the way", f"{refused}", "none, 0", "–")
    yield Figure("calls for rows after it", f"{_calls(account) - read}", "none, 0", "–")


def _killed(world: World, account: Account, sandbox: Sandbox, environment: dict[str, str]) -> Iterator[Figure]:
    """With a limit that does not bind: only calls are counted."""
    source = _table(account, sandbox)
    with Celery.worker(world.folder, 16, **environment) as worker:
        _wait_for_workers()
        copy = _start(source)
        wait_for(lambda: _read_rows(copy) > million.ROWS // 2, seconds=600, pause=0.1)
        worker.kill()
    with Celery.worker(world.folder, 16, **environment):
        _wait(copy)
    made = _calls(account)
    yield calls("the same with `kill -9` midway", made, LEAST + 1, "one call more at most")


def _table(account: Account, sandbox: Sandbox) -> Source:
    """A source of the million rows, which the sandbox makes by SQL; its uploads have 100 MB at most."""
    [source_id] = account.add_many([{"fileName": "million.csv", "status": "completed"}])
    made = sandbox.store.sources[str(source_id)]
    made.columns = [_column(place, name) for place, name in enumerate(million.NAMES)]
    made.row_count = million.ROWS
    sandbox.store.tables.create_from(made.id, million.select())
    sandbox.store.put(made)
    return stock.swept(stock.key(account, stock.person())).sources.get(datasource_id=source_id)


def _column(place: int, name: str) -> Column:
    kind = _TYPES.get(name, "")
    return Column(name, f"c{place}", "number" if kind else "text", whole=kind == "BIGINT")


def _calls(account: Account) -> int:
    """Those for rows."""
    return sum(call["path"].endswith("/data") for call in account.calls())


def _start(source: Source) -> TableCopy:
    copy = jobs.start(source, source.key.owner)
    tasks.start(copy)
    return copy


def _wait(copy: TableCopy) -> None:
    wait_for(lambda: _has_ended(copy), seconds=1800, pause=0.5)
    copy.refresh_from_db()
    assert (copy.state, copy.rows) == (TableCopy.State.READY, million.ROWS), copy.problem


def _has_ended(copy: TableCopy) -> bool:
    copy.refresh_from_db()
    return not copy.is_under_way


def _read_rows(copy: TableCopy) -> int:
    copy.refresh_from_db()
    return copy.rows_read


def _wait_for_workers() -> None:
    wait_for(lambda: not heartbeats.silent(*heartbeats.QUEUES), seconds=120)


def _processor_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system
