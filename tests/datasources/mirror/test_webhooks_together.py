"""The whole way, between real processes: the switch, a worker, the sandbox's delivery, the source read again."""

import pytest

from datasources.models import Hook, Source
from tests.conftest import synced
from tests.support.processes import wait_for
from tests.support.workers import Celery

pytestmark = pytest.mark.slow


@pytest.fixture
def worker(tmp_path):
    with Celery.worker(tmp_path) as worker:
        yield worker


def at_rest(**what: str) -> None:
    """Waits for a hook that no worker holds: what becomes due meanwhile is for the next tick, and none runs here."""
    wait_for(lambda: Hook.objects.filter(due_at=None, leased_until=None, **what).exists())


def test_claro_tells_of_a_processed_source_and_stops_when_asked_to(live_server, settings, web, key, account, worker):
    settings.PUBLIC_URL = live_server.url.replace("localhost", "127.0.0.1")
    source_id, other_id = account.add(status="processing"), account.add(status="processing")
    synced(key)
    web.post(f"/keys/{key.pk}/hook/", {"on": "1"})
    at_rest(state="registered")
    before = len(account.calls(path=str(source_id)))
    account.change(source_id, status="completed")
    wait_for(lambda: Source.objects.filter(datasource_id=source_id, status="completed"))
    at_rest()
    account.change(other_id, status="failed", error="No room.")
    wait_for(lambda: Source.objects.filter(datasource_id=other_id, status="failed"))
    at_rest()
    assert len(account.calls(path=str(source_id))) - before == 1
    assert Hook.objects.get().deliveries == 2
    web.post(f"/keys/{key.pk}/hook/", {"on": "0"})
    wait_for(lambda: not Hook.objects.exists())
    assert [one for one in account.sandbox.webhooks() if one.account == account.name] == []
