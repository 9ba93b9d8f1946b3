"""What the tests share: people, their keys, a real Redis, and the sandbox of the Claro API over HTTP."""

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client

from accounts import new_password, sessions
from accounts.models import User
from core import leases, redis
from datasources import keys, tasks
from datasources.copies import opened
from datasources.deleting import bin, viewers
from datasources.keys import refusals
from datasources.mirror import sync, watch
from datasources.models import ApiKey, Deletion, Leased, Refusal, Source, Sync
from datasources.rows import blocks, pages, suggestions
from datasources.sources import contents, lookups
from tests.support import flush
from tests.support.redis import RedisServer, follow_clock
from tests.support.sandbox import Account, Sandbox

# Playwright runs a loop of its own in the thread of the tests; Django would refuse its database there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# Thousands of tests are many objects; to look through them for garbage as often as usual took a tenth of the time.
gc.set_threshold(50_000, 20, 20)
# A busy machine is no failure.
hypothesis.settings.register_profile(
    "patient", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

pytest_plugins = ["tests.support.timing"]
flush.install()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only tests that use a database run: the others do there what they do beside SQLite."""
    if django_settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return
    without = [item for item in items if not _uses_database(item)]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in set(without)]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """A test that uses no database meets no connection; others go on with that of the test before (flush.py)."""
    if nextitem is None or not _uses_database(nextitem):
        connections.close_all()


def _uses_database(item: pytest.Item) -> bool:
    """Also where a whole module is about one database server (mark `postgres`)."""
    is_marked = item.get_closest_marker("django_db") or item.get_closest_marker("postgres")
    return bool(is_marked) or not {"django_db_setup", "live_server"}.isdisjoint(item.fixturenames)


# 120 rows.
TABLE = "id,name,price\n" + "".join(f"{number},thing {number},{number * 1.5}\n" for number in range(1, 121))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup) -> Iterator[None]:
    yield
    # A database is not removed while someone is connected to it: so is a thread that has ended, until it is collected.
    gc.collect()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory) -> Iterator[RedisServer]:
    server = RedisServer(django_settings.REDIS_URL, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def clean_redis(redis_server) -> None:
    redis.connection().flushall()
    for lately in (sessions.seen_lately, viewers.noted_lately):
        lately.forget()


@pytest.fixture(autouse=True)
def patient(monkeypatch) -> None:
    """A busy machine is no failure: here pages, locks, errors and queries outlast a pause in which nothing runs."""
    for module in (pages, lookups):
        monkeypatch.setattr(module, "WAIT_S", 60.0)
    monkeypatch.setattr(blocks, "LOCK_MS", 60_000)
    monkeypatch.setattr(blocks, "ERROR_S", 60)
    for module in (suggestions, contents):
        monkeypatch.setattr(module, "SECONDS", 60.0)
    # Not SECONDS, which pages name when a query took longer.
    monkeypatch.setattr(opened.reader.__wrapped__, "__defaults__", ("", 60.0))


@pytest.fixture
def still(monkeypatch) -> Iterator[time_machine.Traveller]:
    """The clock stands still, also where Redis is asked for the time."""
    follow_clock(monkeypatch)
    with time_machine.travel(time.time(), tick=False) as clock:
        yield clock


@pytest.fixture(scope="session")
def the_sandbox(tmp_path_factory) -> Sandbox:
    return Sandbox(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture
def sandbox(the_sandbox, settings) -> Iterator[Sandbox]:
    settings.CLARO_API_BASE_URL = the_sandbox.base_url
    yield the_sandbox
    the_sandbox.reset()


@pytest.fixture
def account(sandbox) -> Account:
    return sandbox.account()


@pytest.fixture
def alice(transactional_db) -> User:
    return User.objects.create_user("alice@example.com", "alices-password")


@pytest.fixture
def bob(transactional_db) -> User:
    return User.objects.create_user("bob@example.com", "bobs-password")


@pytest.fixture
def key(alice, account) -> ApiKey:
    """Alice's key to `account`."""
    return keys.add(alice, "Main", account.key, ApiKey.State.VALID)


@pytest.fixture
def client_of():
    """A browser without a browser, signed in as somebody."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def web(client_of, alice) -> Client:
    return client_of(alice)


@pytest.fixture
def mails_at_once(monkeypatch) -> None:
    """Links to a new password are mailed here, while the page is made, instead of by a worker."""
    monkeypatch.setattr(tasks.mail_new_password, "delay", new_password.mail)


def htmx(**more: str) -> dict[str, str]:
    """The headers with which htmx asks for a part of a page."""
    return {"HX-Request": "true", "HX-Request-Type": "partial", **more}


def synced(key: ApiKey) -> list[Source]:
    """The key's sources after a full sweep, done here instead of by a worker; none that a worker began is continued."""
    lease = taken(key.sync)
    Sync.objects.filter(pk=key.sync.pk).update(started_at=None)
    sync.run(str(key.sync.pk), lease)
    return list(key.sources.filter(gone_at=None).select_related("key").order_by("-uploaded_at"))


def polled(key: ApiKey) -> str:
    """One look of the watch, done here instead of by a worker."""
    return watch.poll(str(key.watch.pk), taken(key.watch))


def asked_again(key: ApiKey) -> str:
    """Outcome of the call after a refusal (confirmation, then probes), run here instead of by a worker."""
    refusal = Refusal.objects.get(key=key)
    outcome = refusals.ask(str(refusal.pk), taken(refusal))
    key.refresh_from_db()
    return outcome


def emptied() -> list[str]:
    """What became of all that is in the bin once its time was up, done here instead of by a worker."""
    return [bin.empty(str(one.pk), taken(one)) for one in Deletion.objects.order_by("asked_at")]


def taken(work: Leased) -> str:
    """The lease of this work, whoever holds it: in tests with real workers one of them may."""
    while True:
        type(work).objects.filter(pk=work.pk).update(due_at="2020-01-01T00:00Z", leased_until=None)
        if lease := leases.claim(type(work), work.pk):
            return lease


@pytest.fixture
def table(account, key) -> Source:
    """A source of 120 rows that the mirror knows."""
    account.upload("things.csv", TABLE)
    return synced(key)[0]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real files, where they lie beside the project."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.exists():
        pytest.skip("no real files beside the project")
    return folder
