"""The real web server: its heartbeats, streamed answers, threads, and how it ends."""

import contextlib
import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from datasources import heartbeats
from tests.support.processes import wait_for
from tests.support.raw import RawClient
from tests.support.slow_pages import BLOCK, LINE
from tests.support.web import WebServer


@pytest.fixture(scope="module")
def server(django_db_setup, redis_server, tmp_path_factory) -> Iterator[WebServer]:
    """A web process of two threads, with a page that takes its time."""
    folder = tmp_path_factory.mktemp("web")
    running = WebServer(folder, WEB_THREADS="2", DJANGO_SETTINGS_MODULE="tests.support.slow_settings")
    yield running
    running.stop()


@contextlib.contextmanager
def opened(server: WebServer, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
    """An answer of which nothing but the head is read yet."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Accept-Encoding": "identity"} | headers)
        yield connection.getresponse()
    finally:
        connection.close()


def stream(server: WebServer, folder: Path, blocks: int = 1, **headers: str):
    return opened(server, f"/slow/?folder={folder}&blocks={blocks}", **headers)


def ended(folder: Path) -> str:
    """How the stream ended, once it has."""
    return wait_for(lambda: (folder / "end").exists() and (folder / "end").read_text())


@pytest.mark.slow
def test_a_web_process_is_heard_while_it_runs_and_says_goodbye(db, tmp_path):
    server = WebServer(tmp_path)
    [process] = wait_for(lambda: heartbeats.heard(heartbeats.WEB)[heartbeats.WEB])
    assert process.is_alive
    assert process.name != heartbeats.THIS_PROCESS
    server.stop()
    assert heartbeats.heard(heartbeats.WEB)[heartbeats.WEB] == []
    assert server.log_path.read_text() == ""


# --- Streamed answers ---


def test_the_first_piece_of_a_stream_arrives_before_the_second_is_made(server, transactional_db, tmp_path):
    with stream(server, tmp_path) as answer:
        assert answer.read1() == LINE.encode()
        (tmp_path / "go").touch()
        assert answer.read() == BLOCK.encode()
    assert ended(tmp_path) == "complete"


def test_clients_that_read_slowly_hold_no_thread(server, transactional_db, tmp_path):
    (tmp_path / "go").touch()
    with contextlib.ExitStack() as slow:
        for _ in range(4):  # twice as many as there are threads
            assert slow.enter_context(stream(server, tmp_path, blocks=1000)).read1() == LINE.encode()
        started = time.monotonic()
        assert requests.get(f"{server.url}/accounts/login/", timeout=30).status_code == 200
        assert time.monotonic() - started < 5
    assert ended(tmp_path) == "left"


def test_a_stream_whose_client_has_left_is_closed(server, transactional_db, tmp_path):
    with stream(server, tmp_path, blocks=100_000) as answer:
        assert answer.read1() == LINE.encode()
    (tmp_path / "go").touch()
    assert ended(tmp_path) == "left"


@pytest.mark.slow
def test_a_server_that_streams_ends_soon(django_db_setup, redis_server, transactional_db, tmp_path):
    server = WebServer(tmp_path, DJANGO_SETTINGS_MODULE="tests.support.slow_settings")
    with stream(server, tmp_path) as streamed:
        assert streamed.read1() == LINE.encode()
        with stream(server, tmp_path, blocks=1000) as slow:
            (tmp_path / "go").touch()
            assert slow.read1() == LINE.encode()
            started = time.monotonic()
            server.stop()
            assert time.monotonic() - started < 8


# --- Threads ---


def test_bodies_on_their_way_hold_no_thread(server, transactional_db):
    with contextlib.ExitStack() as slow:
        for _ in range(4):
            client = slow.enter_context(RawClient(server.port))
            client.head("POST", "/accounts/login/", "Content-Length: 1000")
            client.send(b"x" * 999)
        started = time.monotonic()
        assert requests.get(f"{server.url}/accounts/login/", timeout=30).status_code == 200
        assert time.monotonic() - started < 5


@pytest.mark.slow
def test_with_every_thread_busy_the_server_still_refuses_and_says_how_it_is(server, transactional_db, tmp_path):
    with stream(server, tmp_path) as one, stream(server, tmp_path) as other:
        assert one.read1() == other.read1() == LINE.encode()
        with RawClient(server.port) as client:
            client.head("POST", "/accounts/login/", "Content-Length: 300000000")
            assert client.answer()[0] == 413
        assert requests.get(f"{server.url}/healthz", timeout=5).text == "ok\n"
        refused = requests.get(f"{server.url}/accounts/login/", timeout=30)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "Too busy" in refused.text
        assert requests.get(f"{server.url}/readyz", timeout=5).json()["web_threads"] is False
        (tmp_path / "go").touch()
        one.read(), other.read()
    assert requests.get(f"{server.url}/accounts/login/", timeout=30).status_code == 200
    assert requests.get(f"{server.url}/readyz", timeout=5).json()["web_threads"] is True
