"""Redis gone, refusing or silent, and back without anything that was in it."""

import signal
import time
from collections.abc import Callable, Iterator

import pytest
import requests
from django.utils import timezone

from core import heartbeats
from datasources import tasks
from datasources.downloads import links
from datasources.models import DownloadLink, Sync, Watch
from tests.faults.conftest import HELD_UP_S, PAGE_S, PATIENCE_S, end_leases, followed_to, is_ready
from tests.support.html import words_of
from tests.support.processes import wait_for
from tests.support.web import Visitor

pytestmark = pytest.mark.slow

PAGES = ("/sources/", "/downloads/", "/keys/", "/keys/add/", "/accounts/password/change/")
REFUSES, IS_SILENT = "refuses", "is silent"


@pytest.fixture(params=[REFUSES, IS_SILENT])
def away(request, redis_server) -> Iterator[Callable]:
    """`away()` takes Redis away; the second call brings it back, empty where it was ended."""
    is_away = False

    def turn() -> None:
        nonlocal is_away
        is_away = not is_away
        if request.param == IS_SILENT:
            redis_server.process.send_signal(signal.SIGSTOP if is_away else signal.SIGCONT)
        elif is_away:
            redis_server.stop()
        else:
            redis_server.start()

    yield turn
    if is_away:
        turn()


def timed(ask: Callable[[], requests.Response]) -> requests.Response:
    began = time.monotonic()
    answer = ask()
    assert time.monotonic() - began < PAGE_S, answer.url
    return answer


def test_without_redis_pages_show_the_copy_and_what_was_asked_for_is_caught_up(visitor, server, table, account, away):
    path, key = f"/sources/{table.datasource_id}/", table.key
    away()
    for page in (*PAGES, path, f"{path}delete/"):
        assert timed(lambda page=page: visitor.get(page)).status_code == 200, page
    assert "a.csv" in visitor.get("/sources/").text
    for ask in (
        lambda: visitor.get(f"{path}rows/"),
        lambda: visitor.post(f"/keys/{key.pk}/check/"),
        lambda: Visitor(server).post("/accounts/login/", login="alice@example.com", password="alices-password"),
    ):
        answer = timed(ask)
        assert answer.status_code == 503, answer.url
        assert "Redis does not answer." in words_of(answer.text)
    calls = len(account.calls())
    account.change(key.sources.get(file_name="b.csv").datasource_id, status="completed")
    waiting = timed(lambda: visitor.post(f"{path}download/", expires_in="300"))
    assert timed(lambda: visitor.get(waiting.headers["Location"])).status_code == 200
    assert timed(lambda: visitor.post("/sources/refresh/")).status_code == 302
    assert len(account.calls()) == calls
    away()
    link = DownloadLink.objects.get()
    wait_for(lambda: is_ready(link), PATIENCE_S)
    followed_to(key.sources.get(file_name="b.csv"), "completed")
    wait_for(lambda: Sync.objects.filter(finished_at__gt=key.sync.finished_at), PATIENCE_S)
    answer = wait_for(lambda: (there := visitor.get(f"{path}rows/")).status_code == 200 and there)
    assert "Rows 1 to 3 of 3" in words_of(answer.text)
    assert len(account.calls("/download")) == 1


def test_restarted_in_the_middle_of_it_all_work_is_finished(crew, table, alice, account, redis_server):
    account.add_many([{"fileName": f"{number}.csv"} for number in range(250)])
    link = links.ask(table, alice, 300)
    for _ in range(3):
        account.fault("slow", seconds=HELD_UP_S, times=3, key=account.key)
        for work in (link, table.key.sync, table.key.watch):
            type(work).objects.filter(pk=work.pk).update(due_at=timezone.now(), leased_until=None)
            tasks.start(work)
        # The messages of the others may still be on their way, and are lost then.
        wait_for(lambda: account.held_up() >= 1, PATIENCE_S)
        redis_server.stop()
        redis_server.start()
        account.sandbox.faults.clear()
        wait_for(lambda: account.held_up() == 0, PATIENCE_S)
        wait_for(lambda: not heartbeats.silent(*heartbeats.QUEUES), PATIENCE_S)
    end_leases(DownloadLink, Sync, Watch)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    wait_for(lambda: Sync.objects.filter(finished_at__gt=table.key.sync.finished_at), PATIENCE_S)
    wait_for(lambda: Watch.objects.filter(leased_until=None, started_at=None), PATIENCE_S)
    assert table.key.sources.count() == 252
    assert crew.worker.is_alive
