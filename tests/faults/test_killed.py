"""The worker and beat killed at any point. test_workers.py has the single cases; here is all of it at once."""

import pytest
from django.utils import timezone

from core import leases
from datasources import tasks
from datasources.downloads import links
from datasources.models import DownloadLink, Source, Sync, Watch
from tests.faults.conftest import HELD_UP_S, PATIENCE_S, is_ready
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow


def test_a_worker_killed_in_a_sweep_a_look_and_a_link_is_replaced_and_nothing_is_lost(crew, table, alice, account):
    """Nobody helps: the leases run out by themselves."""
    account.add_many([{"fileName": f"{number}.csv"} for number in range(250)])
    changed = table.key.sources.get(file_name="b.csv").datasource_id
    account.change(changed, status="completed")
    account.fault("slow", seconds=HELD_UP_S, times=3, key=account.key)
    before = len(account.calls())
    link = links.ask(table, alice, 300)
    for model in (Sync, Watch):
        model.objects.update(due_at=timezone.now())
    for work in (link, table.key.sync, table.key.watch):
        tasks.start(work)
    wait_for(lambda: account.held_up() == 3, PATIENCE_S)
    crew.lose_the_worker()
    account.sandbox.faults.clear()
    crew.replace_the_worker()
    wait_for(lambda: is_ready(link), PATIENCE_S)
    wait_for(lambda: Source.objects.filter(datasource_id=changed, status="completed"), PATIENCE_S)
    wait_for(lambda: Sync.objects.filter(leased_until=None, finished_at__gt=table.key.sync.finished_at), PATIENCE_S)
    assert table.key.sources.filter(gone_at=None).count() == 252
    # Three pages, a look, what it missed and a link, and those that died once more.
    assert len(account.calls()) - before <= 3 + 1 + 1 + 1 + 3


def test_what_was_claimed_by_one_who_died_before_the_task_was_sent_is_found(table, alice, account, monkeypatch):
    monkeypatch.setattr(leases, "LEASE", leases.LEASE / 10)
    link = links.ask(table, alice, 300)
    assert leases.claim(DownloadLink, link.pk)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    assert len(account.calls("/download")) == 1


@pytest.mark.parametrize("left", [None, b"", b"half of a file"], ids=["whole", "empty", "torn"])
def test_without_beat_nothing_that_is_due_is_begun_and_another_one_begins_it(crew, table, alice, left):
    crew.lose_beat()
    for file in crew.folder.glob("beat-schedule*"):
        if left is not None:
            file.write_bytes(left)
    link = links.ask(table, alice, 300)  # due, and nobody told the worker
    crew.replace_beat()
    wait_for(lambda: is_ready(link), PATIENCE_S)
