"""All threads of a process at work for so long that none becomes free.

Not among the tests of tests/faults: their worker, which has threads left, would take the task.
"""

import contextlib
import threading
from collections.abc import Iterator

import pytest
import requests
from django.db import connection, transaction

from accounts.models import Team
from core import leases
from datasources import tasks
from datasources.downloads import links
from datasources.models import DownloadLink
from tests.conftest import synced
from tests.support.processes import wait_for
from tests.support.web import Visitor, WebServer
from tests.support.workers import Celery

pytestmark = pytest.mark.slow
# Starting a process takes seconds on a busy machine.
PATIENCE_S = 180


def readiness(server: WebServer) -> tuple[int, list[str]]:
    """The status of /readyz, and the parts that are not well."""
    answer = requests.get(f"{server.url}/readyz", timeout=30)
    return answer.status_code, [name for name, is_well in answer.json().items() if not is_well]


@contextlib.contextmanager
def nobody_else_writes() -> Iterator[None]:
    """Whoever writes a team or a link waits; on SQLite, whoever writes at all."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            tables = ", ".join(model._meta.db_table for model in (Team, DownloadLink))
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
        yield


def test_a_pool_of_which_no_thread_becomes_free_makes_readiness_fail_and_recovers(tmp_path, account, key, alice):
    """A worker and a web process of one thread each; both threads wait for the database."""
    account.add(fileName="a.csv")
    link = links.ask(synced(key)[0], alice, 300)
    lease = leases.claim(DownloadLink, link.pk)
    server = WebServer(tmp_path, WEB_THREADS="1")
    try:
        with Celery.worker(tmp_path, threads=1):
            wait_for(lambda: readiness(server) == (200, []), PATIENCE_S)
            visitor = Visitor(server, alice)
            visitor.get("/keys/add/")
            with nobody_else_writes():
                tasks.make_link.delay(str(link.pk), lease)
                request = threading.Thread(target=visitor.post, args=["/teams/"], kwargs={"name": "Catalogue"})
                request.start()
                wait_for(lambda: readiness(server) == (503, ["worker_threads", "web_threads"]), PATIENCE_S)
            wait_for(lambda: readiness(server) == (200, []), PATIENCE_S)
            request.join()
    finally:
        server.stop()
