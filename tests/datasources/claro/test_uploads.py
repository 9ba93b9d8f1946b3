"""Uploads by the client: against the sandbox over HTTP, and against servers that do not take the file."""

import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from core.outgoing import Limits, Session
from datasources.claro import ApiError, BadAnswer, ClaroError, RateLimited, Unauthorized, Unreachable
from datasources.claro.client import ClaroClient
from datasources.claro.uploads import FileChanged, Form, Pace, may_have_arrived
from tests.datasources.claro.test_client import BASE, KEY, mocked

ROWS = b"id,name\n" + b"".join(b"%d,thing\n" % number for number in range(20))


@pytest.fixture
def client(account):
    return ClaroClient(account.key, account.sandbox.base_url)


def send(client: ClaroClient, content: bytes = ROWS, name: str = "things.csv"):
    return client.upload_datasource(name, len(content), [content[:5], content[5:]])


def names_at_claro(account) -> list[str]:
    return [source["fileName"] for source in account.list_sources().json()["dataSources"]]


def test_an_upload_makes_a_source_of_exactly_this_file(client, account):
    source = send(client)
    assert (source.file_name, source.size_bytes, source.status) == ("things.csv", len(ROWS), "processing")
    account.sandbox.store.wait()
    url = client.sign_download(source.datasource_id).url
    assert requests.get(url, timeout=10).content == ROWS
    assert len(account.calls("/upload", "POST")) == 1


@pytest.mark.parametrize("name", ['a "quoted" name.csv', "東京 ü.csv", "100 %.csv", "a;b='c'.csv", "back\\slash.csv"])
def test_the_name_arrives_as_far_as_a_form_can_carry_it(client, name):
    sent = {'a "quoted" name.csv': "a %22quoted%22 name.csv", "back\\slash.csv": "slash.csv"}
    assert send(client, name=name).file_name == sent.get(name, name)


def test_a_large_file_is_sent_piece_by_piece(client):
    made = []

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            made.append(1)
            yield b"x" * 100_000

    assert client.upload_datasource("x.txt", 4_000_000, pieces()).size_bytes == 4_000_000
    assert len(made) == 40


@pytest.mark.parametrize("size", [len(ROWS) - 1, len(ROWS) + 1, 0])
def test_a_file_of_another_size_than_announced_never_arrives(client, account, size):
    with pytest.raises(FileChanged):
        client.upload_datasource("a.csv", size, [ROWS])
    assert names_at_claro(account) == []


def test_an_exception_of_the_pieces_is_raised_as_it_is_and_without_the_key(client, account):
    class Lost(OSError):
        pass

    def pieces() -> Iterator[bytes]:
        yield ROWS[:5]
        raise Lost("The storage is away.")

    with pytest.raises(Lost) as raised:
        client.upload_datasource("a.csv", len(ROWS), pieces())
    frames = traceback.TracebackException(raised.type, raised.value, raised.value.__traceback__, capture_locals=True)
    assert account.key not in "".join(frames.format())
    assert names_at_claro(account) == []


@pytest.mark.parametrize(
    ("fault", "error", "may_be_there", "is_there"),
    [
        ({"kind": "answer", "status": 413, "body": "<h1>Too large</h1>"}, ApiError, False, False),
        ({"kind": "answer", "status": 429, "body": "slow down"}, RateLimited, False, False),
        ({"kind": "answer", "status": 401, "body": "no"}, Unauthorized, False, False),
        ({"kind": "answer", "status": 404, "body": "no"}, ApiError, False, False),
        ({"kind": "answer", "status": 500, "body": "oops"}, ApiError, True, False),
        ({"kind": "replaced", "status": 504, "body": "<h1>Gateway Timeout</h1>"}, Unreachable, True, True),
        ({"kind": "replaced", "status": 200, "body": '{"id": "7"}'}, BadAnswer, True, True),
        ({"kind": "replaced", "status": 200, "body": "thanks"}, BadAnswer, True, True),
        ({"kind": "lost"}, Unreachable, True, True),
        ({"kind": "cut"}, ClaroError, True, True),
        ({"kind": "drop"}, Unreachable, True, False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_after_an_error_it_is_known_whether_claro_may_have_the_file(
    client, account, fault, error, may_be_there, is_there
):
    account.fault(**fault, path="/upload")
    with pytest.raises(error) as raised:
        send(client)
    assert may_have_arrived(raised.value) is may_be_there
    assert names_at_claro(account) == ["things.csv"] * is_there
    assert len(account.calls("/upload")) == 1


@pytest.mark.parametrize("wrapper", ["", "dataSource", "data"])
def test_the_new_source_may_be_bare_or_wrapped(wrapper):
    source = {"datasourceId": "00000000-0000-4000-8000-000000000001", "fileName": "a.csv"}
    with responses.RequestsMock() as api:
        api.post(f"{BASE}/files", json={wrapper: source} if wrapper else source, status=200)
        assert send(mocked(upload_path="/files")).file_name == "a.csv"


@contextmanager
def silent_server() -> Iterator[str]:
    """The system takes the connection, and nobody reads from it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("pace", [Pace(stall_s=0.3), Pace(stall_s=0.3, bytes_per_s=10**9)])
@pytest.mark.parametrize("is_bounded", [True, False])
def test_a_server_that_stops_reading_is_given_up_after_the_stall(pace, is_bounded):
    with silent_server() as url, Session(Limits(silence_s=0.3)) as session:
        client = ClaroClient(KEY, url, upload_session=session if is_bounded else None, upload_pace=pace)
        begun = datetime.now(UTC)
        with pytest.raises(Unreachable):
            client.upload_datasource("x.txt", 50_000_000, [b"x" * 50_000_000])
        assert (datetime.now(UTC) - begun).total_seconds() < 5


def test_the_time_in_total_depends_on_the_size():
    assert Pace().total_s(0) == 30
    assert Pace().total_s(100 * 2**20) == pytest.approx(439.6)


@given(st.lists(st.binary(max_size=70_000), max_size=3), st.text(max_size=30))
def test_a_form_has_the_length_that_it_states(pieces, name):
    form = Form(name, sum(map(len, pieces)), pieces, "text/csv")
    body = b"".join(form)
    assert len(body) == len(form)
    assert b"".join(pieces) in body
    assert body.count(b"\r\n") >= 5
