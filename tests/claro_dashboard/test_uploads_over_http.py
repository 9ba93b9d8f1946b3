"""Files at the real server: read while they arrive, in bounded memory, and nothing left of what breaks off."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import storages

from datasources import keys
from datasources.models import ApiKey, Upload
from datasources.uploads import receiving, stored
from tests.support.processes import wait_for
from tests.support.raw import RawClient
from tests.support.threads import at_once
from tests.support.web import Visitor, WebServer

PATH = "/sources/upload/"
KIND = "Content-Type: multipart/form-data; boundary=X"
HEAD = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


@pytest.fixture(scope="module")
def server(django_db_setup, redis_server, tmp_path_factory) -> Iterator[WebServer]:
    running = WebServer(tmp_path_factory.mktemp("web"))
    yield running
    running.stop()


@pytest.fixture
def visitor(server, alice, account) -> Visitor:
    keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    return Visitor(server, alice)


def cookies_of(visitor: Visitor) -> tuple[str, str]:
    """The headers of a signed-in browser, with its token."""
    visitor.get(PATH)
    token = visitor.session.cookies["csrftoken"]
    session = visitor.session.cookies["sessionid"]
    return f"Cookie: sessionid={session}; csrftoken={token}", f"X-CSRFToken: {token}"


def stored_names() -> set[str]:
    folder = Path(storages["copies"].location) / stored.FOLDER
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def memory_mb(server: WebServer) -> float:
    status = Path(f"/proc/{server._process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


@pytest.mark.slow
def test_four_files_at_once_arrive_whole_and_take_little_memory(server, visitor, alice):
    content, size = b"all work and no play\n" * 50_000, 30
    headers = cookies_of(visitor)
    length = len(HEAD) + size * len(content) + len(b"\r\n--X--\r\n")
    before, most = memory_mb(server), []

    def send() -> int:
        with RawClient(server.port) as client:
            client.head("POST", PATH, f"Content-Length: {length}", KIND, *headers)
            client.send(HEAD)
            for _ in range(size):
                client.send(content)
                most.append(memory_mb(server))
            client.send(b"\r\n--X--\r\n")
            return client.answer()[0]

    assert at_once(4, send) == [302] * 4
    assert max(most) - before < 60
    uploads = list(Upload.objects.all())
    assert [upload.size_bytes for upload in uploads] == [size * len(content)] * 4
    assert b"".join(stored.pieces(uploads[0])) == content * size
    assert list(receiving.folder().iterdir()) == []


@pytest.mark.parametrize("how", ["leaves", "is not signed in", "has no token"])
def test_nothing_is_left_of_a_form_that_is_not_complete_or_not_allowed(server, visitor, how):
    cookie, token = cookies_of(visitor)
    headers = {"leaves": (cookie, token), "is not signed in": (), "has no token": (cookie,)}[how]
    with RawClient(server.port) as client:
        client.head("POST", PATH, "Content-Length: 3000000", KIND, *headers)
        client.send(HEAD + b"x" * 1_000_000)
        if how == "is not signed in":  # refused before the rest is there
            status, text = client.answer(has_body=False)
            assert status == 302
            assert "connection: close" in text
    wait_for(lambda: not list(receiving.folder().iterdir()))
    assert not Upload.objects.exists()


def test_a_form_that_is_announced_as_larger_than_1_gb_is_refused_at_once(server, visitor):
    with RawClient(server.port) as client:
        client.head("POST", PATH, f"Content-Length: {2**30 + 1}", *cookies_of(visitor))
        assert client.answer()[0] == 413


def test_without_an_announced_size_the_limit_of_other_pages_counts(server, visitor):
    with RawClient(server.port) as client:
        client.head("POST", PATH, "Transfer-Encoding: chunked", *cookies_of(visitor))
        for _ in range(20):
            client.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        assert client.answer()[0] == 413


@pytest.mark.slow
def test_a_web_process_killed_while_a_file_arrives_leaves_nothing(alice, account, redis_server, tmp_path):
    keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    killed = WebServer(tmp_path)
    before = stored_names()
    with RawClient(killed.port) as client:
        client.head("POST", PATH, "Content-Length: 9000000", KIND, *cookies_of(Visitor(killed, alice)))
        client.send(HEAD + b"x" * 5_000_000)
        killed.kill()
    killed.stop()
    assert list(receiving.folder().iterdir()) == []
    assert stored_names() == before
    assert not Upload.objects.exists()
