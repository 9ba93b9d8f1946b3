"""The real web server: its heartbeats, streamed and compressed answers, and how it ends."""

import contextlib
import gzip
import http.client
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.conf import settings

from core import heartbeats
from tests.support.processes import wait_for
from tests.support.raw import RawClient
from tests.support.slow_pages import BLOCK, LINE
from tests.support.web import Visitor, WebServer, session_of


@pytest.fixture(scope="module")
def server(django_db_setup, redis_server, tmp_path_factory) -> Iterator[WebServer]:
    """A web process of two threads, with a page that takes its time."""
    folder = tmp_path_factory.mktemp("web")
    (settings.STATIC_ROOT / "picture.png").write_bytes(bytes(10_000))
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


def test_a_compressed_piece_arrives_before_the_next_is_made(server, transactional_db, tmp_path):
    unpacking = zlib.decompressobj(wbits=31)
    with stream(server, tmp_path, **{"Accept-Encoding": "gzip"}) as answer:
        assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
        assert unpacking.decompress(answer.read1()) == LINE.encode()
        (tmp_path / "go").touch()
        packed = answer.read()
    assert unpacking.decompress(packed) == BLOCK.encode()
    assert unpacking.eof
    assert len(packed) < len(BLOCK) / 20


def test_clients_that_read_slowly_hold_no_thread(server, transactional_db, tmp_path):
    (tmp_path / "go").touch()
    with contextlib.ExitStack() as slow:
        for _ in range(4):  # twice as many as there are threads
            assert slow.enter_context(stream(server, tmp_path, blocks=1000)).read1() == LINE.encode()
        started = time.monotonic()
        assert requests.get(f"{server.url}/accounts/login/", timeout=30).status_code == 200
        assert time.monotonic() - started < 9
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
            assert time.monotonic() - started < 20


# --- Threads ---


def test_bodies_on_their_way_hold_no_thread(server, transactional_db):
    with contextlib.ExitStack() as slow:
        for _ in range(4):
            client = slow.enter_context(RawClient(server.port))
            client.head("POST", "/accounts/login/", "Content-Length: 1000")
            client.send(b"x" * 999)
        started = time.monotonic()
        assert requests.get(f"{server.url}/accounts/login/", timeout=30).status_code == 200
        assert time.monotonic() - started < 9


@pytest.mark.slow
def test_with_every_thread_busy_the_server_still_refuses_and_says_how_it_is(server, transactional_db, tmp_path):
    with stream(server, tmp_path) as one, stream(server, tmp_path) as other:
        assert one.read1() == other.read1() == LINE.encode()
        with RawClient(server.port) as client:
            client.head("POST", "/accounts/login/", "Content-Length: 300000000")
            assert client.answer()[0] == 413
        assert requests.get(f"{server.url}/healthz", timeout=30).text == "ok\n"
        refused = requests.get(f"{server.url}/accounts/login/", timeout=30)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "Server busy" in refused.text
        assert requests.get(f"{server.url}/readyz", timeout=30).json()["web_threads"] is False
        (tmp_path / "go").touch()
        one.read(), other.read()
    assert requests.get(f"{server.url}/accounts/login/", timeout=30).status_code == 200
    assert requests.get(f"{server.url}/readyz", timeout=30).json()["web_threads"] is True


# --- Compressed answers ---


def test_a_page_is_compressed_for_a_browser_that_can_unpack_it(server, transactional_db):
    with opened(server, "/accounts/login/", **{"Accept-Encoding": "br, gzip"}) as answer:
        packed = answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) == len(packed)
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = gzip.decompress(packed)
    assert page.startswith(b"<!doctype html>")
    assert len(packed) < len(page) / 2


def test_a_page_is_plain_for_others_and_caches_tell_the_two_apart(server, transactional_db):
    with opened(server, "/accounts/login/") as answer:
        assert answer.headers["Content-Encoding"] is None
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert answer.read().startswith(b"<!doctype html>")


@pytest.mark.parametrize("path", ["/accounts/login/", "/activity/export/"])
def test_the_length_of_an_answer_says_nothing_about_its_secrets(server, alice, path):
    """A random number of bytes comes before what is compressed (https://ieeexplore.ieee.org/document/9754554)."""
    cookie = f"sessionid={session_of(alice)}" if "export" in path else ""
    padding = set()
    for _ in range(5):
        with opened(server, path, Cookie=cookie, **{"Accept-Encoding": "gzip"}) as answer:
            packed = answer.read()
        has_name = packed[3] & 0x08  # the header of gzip names a file, if the name is not empty
        padding.add(packed.index(b"\0", 10) if has_name else 0)
    assert len(padding) > 1


def test_an_error_page_is_compressed_too(server, transactional_db):
    with opened(server, "/no/such/page/", **{"Accept-Encoding": "gzip"}) as answer:
        assert (answer.status, answer.headers["Content-Encoding"]) == (404, "gzip")
        assert b"Page not found" in gzip.decompress(answer.read())


def test_a_static_file_keeps_the_compression_that_it_was_stored_with(server, transactional_db):
    page = requests.get(f"{server.url}/accounts/login/", timeout=30).text
    path = next(part for part in page.split('"') if part.startswith("/static/") and part.endswith(".css"))
    for accepted, encoding in (("gzip, br", "br"), ("gzip", "gzip"), ("identity", None)):
        with opened(server, path, **{"Accept-Encoding": accepted}) as answer:
            assert (answer.status, answer.headers["Content-Encoding"]) == (200, encoding)
            assert len(answer.read()) == int(answer.headers["Content-Length"])
            assert answer.headers["Vary"] == "Accept-Encoding"


def test_a_picture_is_compressed_already(server, transactional_db):
    with opened(server, "/static/picture.png", **{"Accept-Encoding": "gzip"}) as answer:
        assert (answer.headers["Content-Encoding"], answer.headers["Content-Length"]) == (None, "10000")


def test_an_export_is_compressed(server, alice):
    path, cookie = "/activity/export/", f"sessionid={session_of(alice)}"
    with opened(server, path, Cookie=cookie, **{"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.read()).decode().startswith('\ufeff"time (UTC)"')


def test_live_events_are_never_compressed(server, transactional_db, alice):
    with opened(server, "/live/", Cookie=f"sessionid={session_of(alice)}", **{"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "identity"
        assert b"event: connected" in answer.read1()


def test_a_part_that_has_not_changed_is_not_sent_again(server, transactional_db, alice):
    """The tag of a part (HX-PTag) is that of its text, compressed or not."""
    visitor = Visitor(server, alice)
    part = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Source": "section#teams"}
    first = visitor.get("/sources/", headers=part)
    assert first.headers["Content-Encoding"] == "gzip"
    again = visitor.get(
        "/sources/", headers=part | {"HX-PTag": first.headers["HX-PTag"], "Accept-Encoding": "identity"}
    )
    assert (again.status_code, again.content) == (304, b"")
