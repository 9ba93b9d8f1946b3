import pytest
from django.db import OperationalError, connection

from core import heartbeats

WELL = {"database": True, "redis": True, "workers": True, "worker_threads": True, "web_threads": True}


def beat(*queues: str) -> None:
    for queue in queues:
        heartbeats.say([queue], f"{queue}@machine-7")


@pytest.fixture
def outage(redis_server):
    """Ends Redis; it is there again after the test."""
    yield redis_server.stop
    if redis_server.process.poll() is not None:
        redis_server.start()


def test_a_process_that_runs_says_so_without_asking_any_store(client, outage):
    """pytest-django refuses the database to a test that doesn't ask for it."""
    outage()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"ok\n", "text/plain")
    assert "no-store" in answer["Cache-Control"]
    assert client.head("/healthz").status_code == 200
    assert client.post("/healthz").status_code == 405


def test_it_is_ready_when_all_parts_answer(client, db):
    beat("interactive", "background")
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == WELL
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("there", [[], ["interactive"], ["background"]])
def test_each_queue_needs_a_worker(client, db, there):
    beat(*there)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["workers"]) == (503, False)


def test_a_database_that_does_not_answer_is_named(client, db):
    beat("interactive", "background")

    def broken(*arguments):
        raise OperationalError("no such host")

    with connection.execute_wrapper(broken):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == WELL | {"database": False}


def test_a_redis_that_does_not_answer_is_named(client, db, outage):
    outage()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == WELL | {"redis": False, "workers": False, "worker_threads": False}


def test_a_load_balancer_may_ask_over_http(client, db, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/keys/").status_code == 301
