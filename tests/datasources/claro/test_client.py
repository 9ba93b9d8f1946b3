"""The client against the sandbox over HTTP, and against servers that misbehave."""

import contextlib
import gzip
import socket
import subprocess
import sys
import threading
import traceback
import uuid
from pathlib import Path

import pytest
import responses

from core.outgoing import Limits, Session
from datasources.claro import (
    AccessDenied,
    ApiError,
    BadAnswer,
    ClaroError,
    DatasourceNotFound,
    InvalidParameters,
    ProcessingInProgress,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from datasources.claro.client import ClaroClient
from tests.support.dripping import Dripping
from tests.support.processes import free_port
from tests.support.sandbox import HTML_502

ROOT = Path(__file__).resolve().parents[3]
KEY = "claro_live_a-very-secret-key"
BASE = "https://claro.test/api/v2"
ID = uuid.uuid4()


@pytest.fixture
def client(account):
    return ClaroClient(account.key, account.sandbox.base_url, sleep=lambda seconds: None)


def mocked(**options) -> ClaroClient:
    return ClaroClient(KEY, BASE, sleep=lambda seconds: None, **options)


def test_the_whole_way_of_a_source(client, account):
    source_id = account.upload("a.csv", "id,name\n1,x\n2,\n")
    assert [source.datasource_id for source in client.iter_datasources()] == [source_id]
    assert client.get_datasource(source_id).status == "completed"
    rows = client.get_rows(source_id, sort="id", order="desc", filter="id > 0")
    assert rows.rows == ((2, None), (1, "x"))
    assert client.sign_download(source_id, 300).url.startswith("http://127.0.0.1")
    client.delete_datasource(source_id)
    with pytest.raises(DatasourceNotFound):
        client.delete_datasource(source_id)


def test_every_page_of_the_list_is_one_call(client, account):
    account.add_many([{"fileName": f"{number}.csv"} for number in range(250)])
    assert len(list(client.iter_datasources())) == 250
    assert len(account.calls()) == 3


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("UNAUTHORIZED", 401, Unauthorized),
        ("ACCESS_DENIED", 403, AccessDenied),
        ("DATASOURCE_NOT_FOUND", 404, DatasourceNotFound),
        ("PROCESSING_IN_PROGRESS", 202, ProcessingInProgress),
        ("INVALID_PARAMETERS", 400, InvalidParameters),
        ("SOMETHING_NEW", 418, ApiError),
    ],
)
def test_an_error_of_the_api_is_a_class(client, account, code, status, expected):
    account.refuse(code, status, "words")
    with pytest.raises(expected) as raised:
        client.get_rows(ID)
    assert type(raised.value) is expected
    assert raised.value.code == code


def test_a_bad_filter_comes_with_the_words_of_the_api(client, account):
    source_id = account.upload("a.csv", "id\n1\n")
    with pytest.raises(InvalidParameters, match="no column") as raised:
        client.get_rows(source_id, filter="nothing = 1")
    assert "nothing" in raised.value.user_message


@pytest.mark.parametrize("kind", ["drop", "cut"])
def test_a_call_that_broke_is_made_again_when_that_is_safe(client, account, kind):
    account.fault(kind, times=2)
    assert client.list_datasources().sources == ()
    account.fault(kind, times=1)
    with pytest.raises(ClaroError):
        client.sign_download(ID)
    assert len(account.calls(method="POST")) == 1


def test_a_gateway_that_reaches_nobody_is_unreachable_even_with_html(client, account):
    account.fault("answer", status=502, body=HTML_502, times=3, headers={"Content-Type": "text/html"})
    with pytest.raises(Unreachable):
        client.list_datasources()
    assert len(account.calls()) == 3


def test_html_with_status_200_is_a_bad_answer(client, account):
    account.fault("answer", status=200, body=HTML_502, times=3)
    with pytest.raises(BadAnswer):
        client.list_datasources()


def test_a_delete_whose_answer_was_lost_counts_as_done():
    with responses.RequestsMock() as api:
        api.delete(f"{BASE}/datasources/{ID}", body=ConnectionError("lost"))
        api.delete(f"{BASE}/datasources/{ID}", status=404, json={"code": "DATASOURCE_NOT_FOUND", "error": "gone"})
        mocked().delete_datasource(ID)


def test_nobody_there_is_unreachable_within_the_deadline():
    client = ClaroClient(KEY, f"http://127.0.0.1:{free_port()}", retries=0)
    with pytest.raises(Unreachable):
        client.list_datasources()


def test_a_server_that_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ClaroClient(KEY, f"http://127.0.0.1:{silent.getsockname()[1]}", read_timeout_s=0.2, retries=0)
        with pytest.raises(Unreachable):
            client.list_datasources()


def test_a_server_that_drips_is_given_up_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as dripping:
        threading.Thread(target=_drip, args=(dripping,), daemon=True).start()
        url = f"http://127.0.0.1:{dripping.getsockname()[1]}"
        client = ClaroClient(KEY, url, read_timeout_s=1, deadline_s=0.5, retries=0)
        with pytest.raises(Unreachable):
            client.list_datasources()


def _drip(server: socket.socket) -> None:
    connection, _ = server.accept()
    stop = threading.Event()
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            stop.wait(0.05)


@responses.activate
def test_an_answer_over_the_limit_is_refused():
    responses.get(f"{BASE}/datasources", body=b"[" + b" " * 5000 + b"]")
    with pytest.raises(BadAnswer, match="more than 4096"):
        mocked(max_answer_bytes=4096, retries=0).list_datasources()


@responses.activate
def test_a_redirect_is_not_followed_with_the_key_attached():
    responses.get(f"{BASE}/datasources", status=302, headers={"Location": "https://elsewhere.test/"})
    with pytest.raises(BadAnswer, match="redirect"):
        mocked(retries=0).list_datasources()
    assert len(responses.calls) == 1


@responses.activate
def test_retry_after_is_waited_for_when_that_is_allowed(still):
    slept = []
    responses.get(f"{BASE}/datasources", status=429, headers={"Retry-After": "2"}, body="slow down")
    responses.get(f"{BASE}/datasources", json={"dataSources": []})
    ClaroClient(KEY, BASE, max_wait_s=5, sleep=slept.append).list_datasources()
    assert len(slept) == 1
    assert 2 <= slept[0] <= 3


@responses.activate
def test_a_refusal_says_when_to_come_back():
    responses.get(f"{BASE}/datasources", status=429, headers={"Retry-After": "30"}, body="<html>")
    with pytest.raises(RateLimited) as raised:
        mocked().list_datasources()
    assert raised.value.retry_at is not None
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize(
    "url",
    [
        "ftp://claro.test/x",
        "javascript:alert(1)",
        "http://claro.test/x",
        "//claro.test/x",
        "https://user:pw@claro.test/x",
        "https://claro.test/x y",
        "https:\\\\claro.test",
        "https://",
    ],
)
def test_a_target_that_must_not_be_followed_is_refused(url):
    responses.post(f"{BASE}/datasources/{ID}/download", json={"downloadUrl": url})
    with pytest.raises(BadAnswer) as raised:
        mocked().sign_download(ID)
    assert url not in str(raised.value)


@responses.activate
def test_neither_repr_nor_traceback_shows_the_key():
    responses.get(f"{BASE}/datasources", body=ConnectionError(f"Bearer {KEY}"))
    client = mocked(retries=0)
    with pytest.raises(ClaroError) as raised:
        client.list_datasources()
    frames = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    assert KEY not in "".join(frames.format()) + repr(client) + repr(raised.value)


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "x" * 513])
def test_what_cannot_be_a_key_is_refused_without_showing_it(key):
    with pytest.raises(ValueError, match="API key") as raised:
        ClaroClient(key, BASE)
    assert not key or key not in str(raised.value)


@responses.activate
def test_a_key_may_hold_any_printable_sign():
    responses.get(f"{BASE}/datasources", json={"dataSources": []})
    ClaroClient("schlüssel-鍵", BASE).list_datasources()
    assert responses.calls[0].request.headers["Authorization"] == "Bearer schlüssel-鍵".encode()


@responses.activate
def test_a_filter_goes_out_as_it_is():
    responses.get(f"{BASE}/datasources/{ID}/data", json={"data": []})
    mocked().get_rows(ID, filter=" a LIKE '%ü&?#%' ")
    assert responses.calls[0].request.params["filter"] == " a LIKE '%ü&?#%' "


def test_the_client_needs_no_django():
    code = "import sys, datasources.claro; sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("seconds", [0, 86_401])
def test_a_life_outside_the_contract_is_refused_here(seconds):
    with pytest.raises(ValueError, match="expires_in_s"):
        mocked().sign_download(ID, seconds)


@pytest.mark.parametrize("kind", ["headers", "one header", "continue", "body"])
def test_with_a_session_that_bounds_exchanges_the_deadline_covers_whatever_a_server_drips(kind):
    with Dripping(kind) as dripping, Session(Limits()) as session:
        client = ClaroClient(KEY, dripping.url, session=session, deadline_s=0.4)

        def ask() -> None:
            with pytest.raises(Unreachable):
                client.list_datasources()

        dripping.meets(ask)


def test_a_compressed_answer_may_not_unpack_to_more_than_the_limit():
    packed = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    with responses.RequestsMock() as api:
        api.get(f"{BASE}/datasources", body=packed, headers={"Content-Encoding": "gzip"})
        with pytest.raises(BadAnswer, match="more than 4096"):
            mocked(max_answer_bytes=4096, retries=0).list_datasources()
