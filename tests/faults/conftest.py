"""The product but for its stores: a web server, a worker and beat, on the tests' database, Redis and sandbox."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from core import heartbeats
from datasources import keys, tasks
from datasources.models import ApiKey, DownloadLink, Leased, Source, Sync, Watch
from tests.support.processes import wait_for
from tests.support.web import Visitor, WebServer
from tests.support.workers import Crew

# Starting a process takes seconds on a busy machine.
PATIENCE_S = 180
# Nobody waits longer for a page, whatever is gone: the one time-out that a process may meet before it knows, and more
# for a busy machine.
PAGE_S = 5.0
# How long a call is held up unless the test lets it go: less than a client waits for an answer, so that none gives up
# before all have begun.
HELD_UP_S = 9.0
# As in the Procfile.
THREADS = 16
# Notices may go to servers of the tests.
RECEIVERS_HERE = {"NOTIFY_PRIVATE_NETWORKS": "1"}


@pytest.fixture(scope="package")
def the_crew(django_db_setup, redis_server, the_sandbox, tmp_path_factory) -> Iterator[Crew]:
    folder = tmp_path_factory.mktemp("celery")
    with Crew(folder, THREADS, CLARO_API_BASE_URL=the_sandbox.base_url, **RECEIVERS_HERE) as crew:
        yield crew


@pytest.fixture
def crew(the_crew) -> Crew:
    """At work."""
    wait_for(lambda: not heartbeats.silent(*heartbeats.QUEUES), PATIENCE_S)
    return the_crew


@pytest.fixture(scope="package")
def server(django_db_setup, redis_server, the_sandbox, tmp_path_factory) -> Iterator[WebServer]:
    with override_settings(CLARO_API_BASE_URL=the_sandbox.base_url):
        running = WebServer(tmp_path_factory.mktemp("web"), **RECEIVERS_HERE)
    yield running
    running.stop()


@pytest.fixture
def visitor(server, alice) -> Visitor:
    """Alice at the real server."""
    return Visitor(server, alice)


@pytest.fixture
def table(crew, alice, account) -> Source:
    """A source of three rows that the worker has learnt of; another one is processing."""
    account.add(fileName="b.csv", status="processing")
    account.upload("a.csv", "id,name\n1,x\n2,y\n3,z\n")
    read(keys.add(alice, "Main", account.key, ApiKey.State.VALID))
    return Source.objects.select_related("key__sync", "key__watch").get(file_name="a.csv")


def read(key: ApiKey) -> None:
    """Has the crew read the key's list, all of it and once more than it was."""
    sync = Sync.objects.get(key=key)
    Sync.objects.filter(pk=sync.pk, leased_until=None).update(due_at=timezone.now())
    tasks.start(sync)
    again = Sync.objects.filter(pk=sync.pk, leased_until=None, started_at=None).exclude(finished_at=sync.finished_at)
    wait_for(again.exists, PATIENCE_S)


def due_now(*models: type[Leased]) -> None:
    """As if the time until then had passed."""
    for model in models:
        model.objects.filter(due_at__gt=timezone.now()).update(due_at=timezone.now())


def followed_to(source: Source, status: str) -> None:
    """Waits until a look has learnt that the source is so. Looks, rare while no page is open, come at once."""

    def is_so() -> bool:
        due_now(Watch)
        return Source.objects.filter(pk=source.pk, status=status).exists()

    wait_for(is_so, PATIENCE_S)


def end_leases(*models: type[Leased]) -> None:
    """As if their time had passed."""
    for model in models:
        model.objects.exclude(leased_until=None).update(leased_until=timezone.now() - timedelta(seconds=1))


def is_ready(link: DownloadLink) -> bool:
    link.refresh_from_db()
    return link.state == DownloadLink.State.READY
