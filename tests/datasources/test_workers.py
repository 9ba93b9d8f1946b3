"""Real Celery processes: a worker of both queues, and beat."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from core import heartbeats, redis
from datasources import gateway, keys, stalled, tasks
from datasources.deleting import bin
from datasources.downloads import links
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, AuditEvent, Deletion, DownloadLink, Leased, Source, Sync, Watch
from tests.support.leaks import database_content, redis_content
from tests.support.processes import wait_for
from tests.support.workers import Crew

pytestmark = pytest.mark.slow

# Starting a process takes seconds on a busy machine.
PATIENCE_S = 180


@pytest.fixture(scope="module")
def crew(django_db_setup, redis_server, the_sandbox, tmp_path_factory) -> Iterator[Crew]:
    with Crew(tmp_path_factory.mktemp("celery"), CLARO_API_BASE_URL=the_sandbox.base_url) as crew:
        yield crew


@pytest.fixture
def source(crew, alice, account) -> Source:
    """Alice's one source, as the worker has learnt of it."""
    account.upload("a.csv", "id,name\n1,x\n")
    tasks.start(keys.add(alice, "Main", account.key, ApiKey.State.VALID).sync)
    wait_for(lambda: Sync.objects.filter(leased_until=None).exclude(finished_at=None), PATIENCE_S)
    return Source.objects.select_related("key").get()


def is_ready(link: DownloadLink) -> bool:
    link.refresh_from_db()
    return link.state == DownloadLink.State.READY


def end_leases(model: type[Leased]) -> None:
    """As if their time had passed."""
    model.objects.exclude(leased_until=None).update(leased_until=timezone.now() - timedelta(seconds=1))


def begun(key: ApiKey) -> int:
    """How many calls were begun so far, answered or not, in the lane of links (a first sweep takes it too)."""
    return sum(minute.calls[Lane.LINK] for minute in gateway.history(key))


def test_a_worker_and_beat_are_heard_and_a_worker_that_ends_says_goodbye(crew):
    def heard() -> dict[str, list[heartbeats.Heard]]:
        return heartbeats.heard(*heartbeats.QUEUES, heartbeats.BEAT)

    wait_for(lambda: all(heard().values()), PATIENCE_S)
    names = {part: [one.name for one in found] for part, found in heard().items()}
    assert names["interactive"] == names["background"] == ["interactive@tests"]
    assert [name.split(":")[1].isdecimal() for name in names["beat"]] == [True]
    crew.worker.stop()
    assert (heard()["interactive"], heard()["background"]) == ([], [])
    crew.replace_the_worker()
    wait_for(lambda: not heartbeats.silent(*heartbeats.QUEUES), PATIENCE_S)
    crew.lose_the_worker()
    assert [one.name for one in heard()["interactive"]] == ["interactive@tests"]
    crew.replace_the_worker()


def test_a_link_that_is_asked_for_is_made(source, alice, account):
    link = links.ask(source, alice, 300)
    tasks.start(link)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    assert requests.get(links.target(link), timeout=10).content == b"id,name\n1,x\n"
    assert len(account.calls("/download")) == 1


def test_a_key_is_read_and_its_processing_sources_watched_to_their_end(crew, alice, account):
    finished = account.upload("a.csv", "id,name\n1,x\n")
    processing = account.add(fileName="b.csv", status="processing")
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    wait_for(lambda: Source.objects.filter(datasource_id__in=[finished, processing]).count() == 2, PATIENCE_S)
    wait_for(lambda: Watch.objects.filter(key=key).exclude(checked_at=None), PATIENCE_S)
    account.change(processing, status="completed")
    Watch.objects.update(due_at=timezone.now())
    wait_for(lambda: Source.objects.get(datasource_id=processing).status == "completed", PATIENCE_S)
    wait_for(lambda: Watch.objects.filter(key=key, due_at=None, leased_until=None), PATIENCE_S)
    assert wait_for(lambda: Sync.objects.filter(key=key, leased_until=None).exclude(finished_at=None))


def test_a_worker_killed_while_it_makes_a_link_loses_nothing(crew, source, alice, account):
    account.fault("slow", seconds=3, path="/download")
    before = begun(source.key)
    link = links.ask(source, alice, 300)
    tasks.start(link)
    wait_for(lambda: begun(source.key) > before, PATIENCE_S)
    crew.lose_the_worker()
    link.refresh_from_db()
    assert link.is_pending
    wait_for(lambda: stalled.among([link]), PATIENCE_S)
    crew.replace_the_worker()
    wait_for(lambda: not stalled.among([link]), PATIENCE_S)
    end_leases(DownloadLink)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    assert requests.get(links.target(link), timeout=10).status_code == 200
    assert begun(source.key) - before <= 2
    assert len(account.calls("/download")) <= 2


def test_a_worker_killed_while_it_deletes_deletes_once(crew, source, alice, account):
    account.fault("slow", seconds=3, path=str(source.datasource_id))
    bin.put([source], alice, now=True)
    tasks.start_due(Deletion)
    wait_for(lambda: Deletion.objects.filter(state="asked"), PATIENCE_S)
    crew.lose_the_worker()
    assert Deletion.objects.exists()
    crew.replace_the_worker()
    end_leases(Deletion)
    wait_for(lambda: not Deletion.objects.exists(), PATIENCE_S)
    assert not Source.objects.filter(gone_at=None).exists()
    assert AuditEvent.objects.filter(what="source_delete_done").count() == 1
    assert len(account.calls(method="DELETE")) <= 2


def test_an_emptied_redis_loses_nothing(crew, source, alice, account):
    crew.lose_the_worker()
    link = links.ask(source, alice, 300)
    Sync.objects.update(due_at=timezone.now(), finished_at=None)
    for work in (link, source.key.sync):
        tasks.start(work)
    redis.connection().flushall()
    crew.replace_the_worker()
    for model in (DownloadLink, Sync):
        end_leases(model)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    wait_for(lambda: Sync.objects.exclude(finished_at=None), PATIENCE_S)
    assert len(account.calls("/download")) == 1


def test_nothing_that_is_secret_is_left_behind(crew, source, alice, account):
    refused = account.another_key()
    account.fault("answer", status=502, body="<h1>502</h1>", path="/download")
    link = links.ask(source, alice, 300)
    tasks.start(link)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    account.sandbox.control("POST", "keys/revoke", key=refused)
    again = keys.add(alice, "Refused", refused, ApiKey.State.VALID)
    wait_for(lambda: ApiKey.objects.get(pk=again.pk).state == ApiKey.State.INVALID, PATIENCE_S)
    signature = re.search("signature=([0-9a-f]+)", link.unseal())[1]
    for place, content in {"database": database_content(), "Redis": redis_content(), "log": crew.log()}.items():
        for secret in (account.key, refused, signature, "signature="):
            assert secret.encode() not in content, f"in {place}"
    # The right places were searched.
    assert str(link.pk).encode() in crew.log()
    assert source.key.fingerprint.encode() in redis_content()
    assert source.key.fingerprint.encode() in database_content()
