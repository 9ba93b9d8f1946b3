"""Claro gone for an hour, or slow: pages, calls, and what is caught up. The single steps are in test_breaker.py."""

import threading
import time

import pytest
from django.utils import timezone

from core import redis
from datasources import keys, tasks
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, Sync, Watch
from tests.faults.conftest import PAGE_S, PATIENCE_S, THREADS, due_now, followed_to, is_ready, read
from tests.support.breaker import name, the_pause_is_over
from tests.support.html import words_of
from tests.support.processes import wait_for
from tests.support.web import Visitor

pytestmark = pytest.mark.slow

HOUR_MS = 3_600_000


def pause_ms(key: ApiKey) -> int:
    """What is left of the pause; -2 when there is none."""
    return redis.connection().pttl(name(key, "pause"))


def test_an_hour_without_claro_costs_a_few_calls_and_then_all_is_caught_up(visitor, table, alice, account):
    key, path = table.key, f"/sources/{table.datasource_id}/"
    account.change(key.sources.get(file_name="b.csv").datasource_id, status="completed")
    link = links.ask(table, alice, 300)
    Sync.objects.update(due_at=timezone.now())
    account.fault("drop", times=10_000, key=account.key)
    tasks.start(link)
    before = len(account.calls())
    passed = 0
    while passed < HOUR_MS:
        # Everybody wants something: the worker all that is due, and somebody looks at pages.
        due_now(DownloadLink, Sync, Watch)
        visitor.get(f"{path}rows/?filter=id > {passed}")
        if pause_ms(key) > 0:
            calls = len(account.calls())
            passed += the_pause_is_over(key)
            wait_for(lambda: (due_now(Sync), visitor.get(f"{path}rows/"), pause_ms(key) > 0)[-1], PATIENCE_S)
            assert len(account.calls()) == calls + 1
    # What three failures took, each with two repetitions at most, and those that had begun meanwhile; then the probes.
    assert len(account.calls()) - before <= 5 * 3 + 20

    began = time.monotonic()
    page = visitor.get(f"{path}rows/")
    assert (page.status_code, int(page.headers["Retry-After"]) > 100) == (503, True)
    assert "Claro has not answered since" in words_of(page.text)
    page = visitor.get("/sources/")
    assert page.status_code == 200
    assert "Main, first failed" in words_of(page.text)
    assert "You see the copy from" in words_of(page.text)
    assert time.monotonic() - began < PAGE_S

    account.sandbox.faults.clear()

    def goes_on() -> bool:
        """A call that was dropped before may open the breaker once more."""
        if pause_ms(key) > 0:
            the_pause_is_over(key)
        due_now(DownloadLink, Sync, Watch)
        return is_ready(link)

    wait_for(goes_on, PATIENCE_S)
    wait_for(lambda: (due_now(Sync), Sync.objects.filter(finished_at__gt=key.sync.finished_at))[1], PATIENCE_S)
    followed_to(key.sources.get(file_name="b.csv"), "completed")
    assert wait_for(lambda: visitor.get(f"{path}rows/").status_code == 200)
    key.refresh_from_db()
    assert key.problem is None


def test_a_slow_key_holds_up_no_other(visitor, table, alice, account, sandbox):
    """As many links as the worker has threads, of a key whose answers take half a minute."""
    slow = sandbox.account()
    slow.add_many([{"fileName": f"{number}.csv"} for number in range(THREADS * 2)])
    slow.add(fileName="processing.csv", status="processing")
    slow_key = keys.add(alice, "Slow", slow.key, ApiKey.State.VALID)
    read(slow_key)
    slow.fault("slow", seconds=30, times=1000, key=slow.key)
    Sync.objects.update(due_at=timezone.now())
    Watch.objects.update(due_at=timezone.now())
    sources = list(slow_key.sources.select_related("key").filter(status="completed"))
    for source in sources:
        tasks.start(links.ask(source, alice, 300))
    for work in (slow_key.sync, slow_key.watch):
        tasks.start(work)
    wait_for(lambda: slow.held_up() >= 4, PATIENCE_S)

    began = time.monotonic()
    link = links.ask(table, alice, 300)
    tasks.start(link)
    tasks.start(table.key.sync)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    wait_for(lambda: Sync.objects.filter(finished_at__gt=table.key.sync.finished_at), PATIENCE_S)
    assert time.monotonic() - began < 8  # before the first of the slow calls could have given up
    assert DownloadLink.objects.filter(source__key=slow_key, state="pending").count() == len(sources)

    for page, status in (
        (f"/sources/{sources[0].datasource_id}/rows/", (202, 503)),
        ("/sources/", (200,)),
        (f"/sources/{table.datasource_id}/rows/", (200,)),
    ):
        began = time.monotonic()
        assert visitor.get(page).status_code in status
        assert time.monotonic() - began < PAGE_S


def test_many_pages_that_wait_for_a_slow_key_leave_the_server_to_others(server, visitor, table, alice, account):
    account.fault("slow", seconds=30, times=1000, path=f"{table.datasource_id}/data")
    path = f"/sources/{table.datasource_id}/rows/"
    filters = [f"{path}?filter=id > {number}" for number in range(12)]
    readers = [threading.Thread(target=Visitor(server, alice).get, args=[one]) for one in filters]
    for reader in readers:
        reader.start()
    began = time.monotonic()
    assert visitor.get("/sources/").status_code == 200
    assert time.monotonic() - began < PAGE_S
    for reader in readers:
        reader.join(PAGE_S)
    assert not any(reader.is_alive() for reader in readers)
