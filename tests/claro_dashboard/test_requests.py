"""What a client may send, at the real server: sizes, paces, half-sent heads and forwarded headers."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from claro_dashboard.settings import BODY_LIMITS
from core import proxies
from core.protocol import HEAD_S
from datasources.claro import SIGNATURE_HEADER, sign
from datasources.mirror import deliveries
from datasources.models import AuditEvent
from tests.conftest import htmx
from tests.support.raw import RawClient
from tests.support.web import Visitor, WebServer
from tests.support.webhooks import body, path, registered

PATHS = ["/healthz", "/hooks/x/", "/d/x/", "/accounts/login/", "/live/", "/nothing/"]
HUGE = 300_000_000
CLOSE = "Connection: close"
CHUNK = b"10000\r\n" + b"x" * 65_536 + b"\r\n"


@pytest.fixture(scope="module")
def spool(tmp_path_factory) -> Path:
    """The server's folder for temporary files."""
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="module")
def server(django_db_setup, redis_server, spool, tmp_path_factory) -> Iterator[WebServer]:
    running = WebServer(tmp_path_factory.mktemp("web"), TMPDIR=str(spool))
    yield running
    running.stop()


@pytest.fixture
def client(server, transactional_db) -> Iterator[RawClient]:
    with RawClient(server.port) as client:
        yield client


@pytest.fixture
def spooled(spool) -> Iterator[list[Path]]:
    """Temporary files that the server has opened, looked for all the time: such files have no name for long."""
    found: list[Path] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            found.extend(spool.iterdir())

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield found
    over.set()
    watcher.join()


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "PUT"])
@pytest.mark.parametrize("path", PATHS)
def test_a_body_announced_as_too_large_is_refused_at_once(client, path, method):
    client.head(method, path, f"Content-Length: {HUGE}", "Content-Type: multipart/form-data; boundary=x")
    client.send(b"x" * 1000)
    status, text = client.answer(has_body=method != "HEAD")
    assert status == 413
    assert "connection: close" in text
    assert ("exceeds the size limit" in text) is (method != "HEAD")


@pytest.mark.parametrize("path", PATHS)
def test_a_body_of_unknown_size_is_refused_once_it_is_too_large(client, spooled, path):
    client.head("POST", path, "Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded")
    sent = 0
    while sent < HUGE and client.send(CHUNK):
        sent += len(CHUNK)
        if sent > 2 * max(BODY_LIMITS.values()):
            break
    assert client.answer()[0] == 413
    assert spooled == []


@pytest.mark.parametrize(("path", "size"), [("/hooks/x/", 64 * 1024), ("/d/x/", 1_000_000), ("/hooks", 1_000_000)])
def test_webhooks_may_send_64_kb_and_everything_else_1_mb(client, path, size):
    client.head("POST", path, f"Content-Length: {size + 1}", CLOSE)
    assert client.answer()[0] == 413


def test_a_client_that_asks_first_is_refused_without_being_told_to_go_on(client):
    client.head("POST", "/accounts/login/", f"Content-Length: {HUGE}", "Expect: 100-continue")
    status, text = client.answer()
    assert status == 413
    assert "100 Continue" not in text


@pytest.mark.parametrize(("path", "limit"), [("/accounts/login/", BODY_LIMITS["/"]), ("/hooks/x/", 64 * 1024)])
def test_the_largest_body_that_fits_reaches_the_page_and_no_disk(client, spooled, path, limit):
    client.head("POST", path, f"Content-Length: {limit}", "Content-Type: multipart/form-data; boundary=x", CLOSE)
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    end = b"\r\n--x--\r\n"
    client.send(start + b"y" * (limit - len(start) - len(end)) + end)
    assert client.answer()[0] in (403, 404)
    assert spooled == []


def test_a_refusal_is_a_page_or_a_fragment_with_the_headers_of_every_page(server, transactional_db):
    visitor = Visitor(server)
    page = visitor.session.post(f"{server.url}/accounts/login/", b"x" * 2_000_000)
    part = visitor.session.post(f"{server.url}/accounts/login/", b"x" * 2_000_000, headers=htmx())
    assert (page.status_code, part.status_code) == (413, 413)
    assert page.text.startswith("<!doctype html>")
    assert "<html" not in part.text
    assert 'role="alert"' in part.text
    for answer in (page, part):
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Request-ID"]


def test_a_form_still_works(server, alice):
    answer = Visitor(server, alice).post("/teams/", name="Catalogue")
    assert answer.status_code == 302
    assert alice.memberships.get().team.name == "Catalogue"


def test_a_webhook_of_claro_still_works(server, account, key, settings):
    settings.PUBLIC_URL = server.url
    hook = registered(key)
    delivery = body(account.add())
    headers = {SIGNATURE_HEADER: sign(deliveries.signing_secret(hook), delivery)}
    assert requests.post(server.url + path(hook), delivery, headers=headers, timeout=30).status_code == 204


@pytest.mark.slow
def test_a_body_that_drips_is_cut_off_everywhere(server, transactional_db):
    def dripped(path: str) -> int:
        with RawClient(server.port) as client:
            client.head("POST", path, "Transfer-Encoding: chunked")
            client.drip()
            return client.answer()[0]

    with ThreadPoolExecutor(len(PATHS)) as clients:
        assert set(clients.map(dripped, PATHS)) == {408}


@pytest.mark.slow
def test_a_head_that_is_never_complete_is_cut_off(server, transactional_db):
    starts = [b"", b"GET / HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT"]

    def dripped(start: bytes) -> bool:
        with RawClient(server.port, patience_s=4 * HEAD_S) as client:
            client.send(start)
            if b"healthz" in start:
                assert client.answer()[0] == 200
            return client.is_closed()

    with ThreadPoolExecutor(len(starts)) as clients:
        assert all(clients.map(dripped, starts))


# --- Text that can't be read ---


@pytest.mark.parametrize("charset", ["rot13", "nonsense", "utf-16"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_charset_than_utf_8_is_refused_in_words(client, method, charset):
    client.head(method, "/accounts/login/", f"Content-Type: text/plain; charset={charset}", "Content-Length: 0")
    status, text = client.answer()
    assert status == 415
    assert "UTF-8 text only" in text


def test_too_many_fields_are_refused_in_words_also_where_a_charset_is_named(client):
    fields = "&".join(f"f{number}=" for number in range(1001))
    client.head("GET", f"/?{fields}", "Content-Type: text/plain; charset=utf-8")
    status, text = client.answer()
    assert status == 400
    assert "too many fields" in text


@pytest.mark.parametrize("head", ["X: " + "x" * 100_000, "Cookie: " + "a=b; " * 20_000, "Content-Length: -1"])
def test_a_head_that_is_too_large_or_broken_is_no_error_of_ours(client, head):
    client.head("GET", "/healthz", head)
    assert client.answer()[0] in (0, 200, 400)


# --- Forwarded headers ---


FORGED = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
FORGED |= {"X-Real-IP": "198.51.100.7", "Forwarded": "for=198.51.100.7;proto=https"}


def made_a_team(server: WebServer, user, name: str, forwarded: dict[str, str]) -> AuditEvent:
    """What the log says about somebody who sends forwarded headers while making a team."""
    visitor = Visitor(server, user)
    visitor.get("/teams/")
    visitor.session.headers.update(forwarded)
    assert visitor.post("/teams/", name=name).status_code == 302
    return AuditEvent.objects.get(about=name)


def test_forwarded_headers_are_not_believed_without_a_proxy(server, alice):
    assert made_a_team(server, alice, "Catalogue", FORGED).address == "127.0.0.1"
    assert proxies.unexpected_header() in FORGED


def test_forged_addresses_share_one_limit(server, alice):
    """Each request names another address in front of it; all are counted as one."""
    visitor = Visitor(server)
    addresses = (f"198.51.100.{number}" for number in range(40))
    statuses = [visitor.get("/d/x/", headers={"X-Forwarded-For": address}).status_code for address in addresses]
    assert statuses[0] == 404
    assert statuses[-1] == 429


@pytest.mark.slow
def test_behind_a_proxy_its_word_counts(tmp_path, transactional_db, alice):
    server = WebServer(tmp_path, BEHIND_PROXY="1")
    try:
        forwarded = {"X-Forwarded-For": "198.51.100.7"}
        assert made_a_team(server, alice, "Catalogue", forwarded).address == "198.51.100.7"
        assert proxies.unexpected_header() == ""
    finally:
        server.stop()
