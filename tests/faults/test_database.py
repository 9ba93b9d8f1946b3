"""The database restarted under web, worker and beat: a PostgreSQL, and a Redis, of their own."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from tests.faults.conftest import HELD_UP_S, PAGE_S, PATIENCE_S
from tests.support import postgres
from tests.support.html import words_of
from tests.support.processes import free_port, wait_for
from tests.support.redis import RedisServer
from tests.support.web import Visitor, WebServer
from tests.support.workers import ROOT, Crew, environment

# How long a request waits for a connection (settings): a restart that takes less goes unnoticed.
POOL_S = 10

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
if connection.vendor != "postgresql":
    pytest.skip("SQLite has no server", allow_module_level=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[postgres.Server]:
    with postgres.server(tmp_path) as running:
        yield running


@pytest.fixture
def stores(database, sandbox, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of processes that know no stores but these."""
    redis_server = RedisServer(f"redis://127.0.0.1:{free_port()}/0", tmp_path)
    redis_server.start()
    more = {"DATABASE_URL": database.url, "REDIS_URL": redis_server.url, "CLARO_API_BASE_URL": sandbox.base_url}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment(**more), check=True)
    yield more
    redis_server.stop()


def test_a_database_that_was_restarted_under_work_is_used_again_and_nothing_is_lost(
    database, stores, sandbox, account, tmp_path
):
    table = account.upload("a.csv", "id,name\n1,x\n2,y\n3,z\n")
    with Crew(tmp_path, threads=16, **stores) as crew, contextlib.closing(WebServer(tmp_path, **stores)) as server:
        visitor = Visitor(server)
        password = "a-long-password-2026"
        visitor.post("/accounts/signup/", email="alice@example.com", password1=password, password2=password)
        assert visitor.post("/keys/add/", label="Main", secret=account.key).status_code == 302
        wait_for(lambda: "a.csv" in visitor.get("/sources/").text, PATIENCE_S)

        later = account.add(fileName="b.csv", status="processing")
        account.fault("slow", seconds=HELD_UP_S, times=2)
        visitor.post("/sources/refresh/")
        waiting = visitor.post(f"/sources/{table}/download/", expires_in="300").headers["Location"]
        wait_for(lambda: account.held_up() == 2, PATIENCE_S)
        database.stop()
        stranger = Visitor(server)
        with ThreadPoolExecutor(3) as pool:
            page, ready = pool.submit(visitor.get, "/sources/"), pool.submit(stranger.get, "/readyz")
            assert stranger.get("/healthz").status_code == 200
        assert page.result().status_code == 500
        assert "none of your data is lost. Try again in a moment." in words_of(page.result().text)
        assert page.result().elapsed.total_seconds() < POOL_S + PAGE_S
        assert ready.result().json()["database"] is False
        account.sandbox.faults.clear()
        wait_for(lambda: account.held_up() == 0, PATIENCE_S)
        database.start()

        for path in ("/sources/", f"/sources/{table}/", "/keys/", "/downloads/"):
            assert visitor.get(path).status_code == 200, path
        made = wait_for(lambda: re.search(r"/downloads/[\w-]+/file/", visitor.get(waiting).text), PATIENCE_S)
        assert visitor.get(made[0]).status_code == 302
        wait_for(lambda: "b.csv" in visitor.get("/sources/").text, PATIENCE_S)
        assert stranger.get("/readyz").status_code == 200

        # So quickly that nobody notices but the connections.
        database.stop()
        database.start()
        with ThreadPoolExecutor(8) as pool:
            pages = list(pool.map(lambda _: visitor.get("/sources/"), range(24)))
        assert {page.status_code for page in pages} == {200}
        assert max(page.elapsed.total_seconds() for page in pages) < PAGE_S
        account.change(later, status="completed")
        wait_for(lambda: "Completed" in words_of(visitor.get(f"/sources/{later}/").text), PATIENCE_S)
        assert crew.worker.is_alive
        assert crew.beat.is_alive
