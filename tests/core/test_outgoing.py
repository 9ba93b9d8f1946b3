"""Real servers that never end their answer: without a deadline these tests would not end either."""

import gzip
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from django.db import connection, transaction

from core.outgoing import Limits, NotPublic, Session
from tests.support.dripping import KINDS, Dripping

QUICK = Limits(total_s=0.4)


class Server(ThreadingHTTPServer):
    """Counts connections and requests; answers with `body` and `headers`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self.asked: list[tuple[tuple, str]] = []
        self.status, self.body, self.headers = 200, b"{}", {}
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *arguments: object) -> None:
        """A client that goes away in the middle is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.client_address, self.headers["Authorization"]))
        self.send_response(self.server.status)
        for name, value in {"Content-Length": str(len(self.server.body)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.shutdown()
    running.server_close()


def test_an_answer_arrives_and_its_connection_is_kept(server):
    with Session(Limits()) as session:
        assert [session.get(server.url).json() for _ in range(3)] == [{}, {}, {}]
    assert len({address for address, _ in server.asked}) == 1


def test_tls_is_spoken_with_a_server_that_has_the_right_name(server, certificate):
    server.socket = certificate.context.wrap_socket(server.socket, server_side=True)
    with Session(Limits()) as session:
        url = f"https://localhost:{server.server_port}/"
        assert [session.get(url).json() for _ in range(2)] == [{}, {}]
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://127.0.0.1:{server.server_port}/")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("tls", "mail")])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_never_ends_is_given_up_at_the_deadline(kind, stream):
    with Dripping(kind) as dripping, Session(QUICK) as session:

        def ask() -> None:
            with pytest.raises(requests.RequestException):
                session.get(dripping.url, stream=stream).content  # noqa: B018

        dripping.meets(ask)


def test_an_endless_answer_that_comes_quickly_is_given_up_by_its_size():
    few = Limits(max_bytes=2000)
    too_many = pytest.raises(requests.ConnectionError, match="more than 2000 bytes")
    with Dripping("continue", pause_s=0) as dripping, Session(few) as session, too_many:
        session.get(dripping.url)


def test_a_handshake_that_never_ends_is_given_up_at_the_deadline():
    with Dripping("tls") as dripping, Session(QUICK) as session:

        def ask() -> None:
            with pytest.raises(requests.RequestException):
                session.get(dripping.url.replace("http:", "https:"))

        dripping.meets(ask)


def test_a_request_that_nobody_reads_is_given_up_at_the_deadline():
    silent, given_up = socket.create_server(("127.0.0.1", 0)), pytest.raises(requests.RequestException)
    with silent, Session(QUICK) as session, given_up:
        session.post(f"http://127.0.0.1:{silent.getsockname()[1]}", data=b"x" * 50_000_000)


def test_a_name_whose_lookup_never_ends_is_given_up_at_the_deadline(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: over.wait())
    with Session(QUICK) as session, pytest.raises(requests.ConnectTimeout):
        session.get("http://slow.example/")
    over.set()


def test_lookups_that_never_end_leave_room_for_names_that_users_have_not_chosen(monkeypatch, server):
    over, real = threading.Event(), socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *arguments, **options: over.wait() if "slow" in host else real(host, *arguments, **options),
    )
    with Session(Limits(total_s=0.05, public_only=True)) as session:
        for _ in range(20):
            with pytest.raises(requests.ConnectTimeout):
                session.get("http://slow.example/")
    with Session(Limits()) as session:
        assert session.get(server.url).ok
    over.set()


def test_the_deadline_of_a_kept_connection_is_that_of_the_new_exchange(server):
    with Session(Limits(total_s=30)) as session:
        session.get(server.url)
        server.status, server.headers, server.body = 200, {"Content-Length": "10"}, b"half"
        with pytest.raises(requests.RequestException):
            session.get(server.url, timeout=0.3)


def test_the_total_may_be_given_for_one_exchange():
    with Dripping() as dripping, Session(Limits(total_s=600)) as session, pytest.raises(requests.RequestException):
        session.get(dripping.url, timeout=0.3)


def test_an_answer_over_the_limit_is_refused(server):
    server.body = b"x" * 100_000
    with Session(Limits(max_bytes=50_000)) as session, pytest.raises(requests.RequestException, match="more than"):
        session.get(server.url)


def test_a_compressed_answer_that_was_not_asked_for_is_not_unpacked(server):
    server.body, server.headers = gzip.compress(b"x" * 10_000_000), {"Content-Encoding": "gzip"}
    with Session(Limits()) as session, pytest.raises(requests.exceptions.ContentDecodingError):
        session.get(server.url)


def test_a_secret_does_not_follow_a_redirect(server):
    server.status, server.headers = 302, {"Location": f"{server.url}elsewhere"}
    with Session(Limits()) as session:
        assert session.get(server.url, headers={"Authorization": "Bearer secret"}).status_code == 302
    assert len(server.asked) == 1


def test_no_cookie_is_kept(server):
    server.headers = {"Set-Cookie": "a=b"}
    with Session(Limits()) as session:
        session.get(server.url)
        assert not session.cookies


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "https://127.0.0.1:{port}/"])
def test_only_public_addresses_are_connected_to_where_that_is_asked_for(server, url):
    with Session(Limits(public_only=True)) as session, pytest.raises(NotPublic):
        session.get(url.format(port=server.server_port))
    assert server.asked == []


@pytest.mark.parametrize("url", ["http://nothing.invalid/", f"http://{'x' * 64}.example/"])
def test_a_host_that_does_not_exist_is_an_error_of_requests(url):
    with Session(QUICK) as session, pytest.raises(requests.RequestException):
        session.get(url)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="its connections belong to threads, and hold nothing")
def test_no_database_connection_is_held_during_an_exchange(server):
    connection.ensure_connection()
    held = []
    server.body = b"{}"
    with Session(Limits()) as session:
        session.hooks["response"].append(lambda *arguments, **options: held.append(connection.connection))
        session.get(server.url)
    assert held == [None]


@pytest.mark.django_db(transaction=True)
def test_an_exchange_within_a_transaction_is_an_error(server):
    with Session(Limits()) as session, transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        session.get(server.url)
    assert server.asked == []
