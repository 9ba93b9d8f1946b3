"""Claro revokes a key: all work with it stops, its owner is told, and a new one lets it go on."""

import contextlib
import threading
import time

import pytest
import requests
from django.utils import timezone

from datasources import tasks
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, Sync, Watch
from tests.faults.conftest import PATIENCE_S, due_now, is_ready
from tests.support.html import words_of
from tests.support.processes import wait_for
from tests.support.workers import TICK_S

pytestmark = pytest.mark.slow


@pytest.fixture
def told(visitor):
    """The names of the events that reach Alice's open page."""
    names: list[str] = []
    answer = visitor.get("/live/", stream=True)

    def listen() -> None:
        with contextlib.suppress(requests.RequestException, AttributeError):  # closed from outside
            names.extend(line[7:].decode() for line in answer.iter_lines() if line.startswith(b"event: "))

    threading.Thread(target=listen, daemon=True).start()
    wait_for(lambda: "connected" in names)
    yield names
    answer.raw.close()


def test_a_revoked_key_stops_tells_and_goes_on_with_a_new_one(table, visitor, told, alice, account):
    key, good = table.key, account.another_key()
    before = len(account.calls())
    account.revoke()
    told.clear()
    link = links.ask(table, alice, 300)
    Sync.objects.update(due_at=timezone.now())
    for work in (link, key.sync):
        tasks.start(work)
    wait_for(lambda: ApiKey.objects.filter(state=ApiKey.State.INVALID), PATIENCE_S)
    wait_for(lambda: "keys-changed" in told)
    due_now(Watch)
    for model in (Sync, Watch, DownloadLink):
        wait_for(lambda model=model: model.objects.filter(due_at=None, leased_until=None), PATIENCE_S)
    assert "Claro refuses the key Main" in words_of(visitor.get("/sources/").text)
    assert "Claro refuses this key" in words_of(visitor.get(f"/downloads/{link.pk}/").text)
    assert visitor.get(f"/sources/{table.datasource_id}/rows/").status_code == 502
    assert visitor.post("/sources/refresh/").status_code == 302
    refused = len(account.calls())
    assert refused - before <= 5  # those that were begun before the first answer, and the one that confirms it
    time.sleep(3 * TICK_S)
    assert len(account.calls()) == refused

    assert visitor.post(f"/keys/{key.pk}/edit/", label="Main", secret=good).status_code == 302
    wait_for(lambda: is_ready(link), PATIENCE_S)
    wait_for(lambda: Sync.objects.filter(finished_at__gt=key.sync.finished_at), PATIENCE_S)
    wait_for(lambda: Watch.objects.exclude(due_at=None), PATIENCE_S)
    assert "Claro refuses" not in words_of(visitor.get("/sources/").text)
