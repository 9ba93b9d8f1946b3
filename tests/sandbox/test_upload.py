"""Uploading: what is taken, how it is named, and how long it processes."""

import socket
import time
from urllib.parse import urlsplit

import pytest
import requests
import time_machine

from tests.sandbox.calls import assert_refused, good


def form(name: bytes, content: bytes = b"a\n1\n") -> bytes:
    """A form with a file whose name is exactly that."""
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
    return head + content + b"\r\n--X--\r\n"


@pytest.fixture
def post(calls):
    return lambda body, kind="multipart/form-data; boundary=X": calls(
        "POST", "/datasources/upload", data=body, headers={"Content-Type": kind}
    )


def test_an_upload_answers_the_source_and_processes_it(sandbox, calls):
    sandbox.control("POST", "settings", processing_s=60)
    answer = calls.upload("prices.csv", b"id,price\n1,2\n")
    source = answer.json()
    assert (answer.status_code, source["status"], source["processedAt"]) == (201, "processing", None)
    assert (source["fileName"], source["fileSize"], source["contentType"]) == ("prices.csv", 13, "text/csv")
    sandbox.store.wait()
    assert calls.details(source["datasourceId"])["status"] == "processing"  # parsed, but its time is not over
    with time_machine.travel(time.time() + 61):
        assert calls.details(source["datasourceId"])["status"] == "completed"
        assert calls.rows(source["datasourceId"])["rows"] == [[1, 2]]
        assert [one["fileName"] for one in calls.sources(status="completed")["dataSources"]] == ["prices.csv"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "text/csv"),
        ("A.CSV", "text/csv"),
        ("a.tsv", "text/tab-separated-values"),
        ("a.json", "application/json"),
        ("a.jsonl", "application/x-ndjson"),
        ("a.ndjson", "application/x-ndjson"),
        ("a.pdf", "application/pdf"),
        ("a.txt", "text/plain"),
        ("a.csv.md", "text/plain"),
        ("csv", "text/plain"),
    ],
)
def test_the_content_type_follows_the_name(calls, name, kind):
    assert calls.upload(name, b"1").json()["contentType"] == kind


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        (b"../../etc/passwd", "passwd"),
        (b"..\\..\\boot.ini", "boot.ini"),
        (b"C:\\files\\a.csv", "a.csv"),
        (b"&#47;etc&#47;a.csv", "a.csv"),
        (b"%2e%2e%2fa.csv", "%2e%2e%2fa.csv"),
        (b"a\0b.csv", "ab.csv"),
        (b"a\tb\x1b.csv", "ab.csv"),
        (b'a\\"b.csv', 'a"b.csv'),
        (b"a'b;c.csv", "a'b;c.csv"),
        (b"<b>.csv", "<b>.csv"),
        ("東京 مبيعات.csv".encode(), "東京 مبيعات.csv"),
        ("x\u202efdp.csv".encode(), "xfdp.csv"),
        (b" .csv", " .csv"),
        (b"x." + b"y" * 400, "." + "y" * 254),
        ("é".encode() * 400 + b".csv", "é" * 251 + ".csv"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_hostile_name_is_a_name_and_nothing_more(sandbox, calls, post, sent, named):
    before = {path.name for path in sandbox.store.files.iterdir()}
    source = post(form(sent)).json()
    assert source["fileName"] == named
    sandbox.store.wait()
    assert {path.name for path in sandbox.store.files.iterdir()} - before == {source["datasourceId"]}
    assert requests.get(good(calls.sign(source["datasourceId"]))["downloadUrl"], timeout=10).content == b"a\n1\n"


@pytest.mark.parametrize("name", [b"", b".", b"..", b"/", b"\xff\xfe.csv"])
def test_a_file_without_a_usable_name_is_missing(post, name):
    assert "file is missing" in assert_refused(post(form(name)), "INVALID_PARAMETERS", 400)


def test_a_form_without_the_field_is_refused(calls, post):
    assert "file is missing" in assert_refused(
        calls.upload("a.csv", b"a\n1\n", field="data"), "INVALID_PARAMETERS", 400
    )
    assert "file is missing" in assert_refused(post(b"--X--\r\n"), "INVALID_PARAMETERS", 400)
    assert calls.sources()["dataSources"] == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"a\n1\n", "text/csv"),
        (b"a\n1\n", ""),
        (b"x", "multipart/form-data"),
        (b"x", f"multipart/form-data; boundary={'X' * 300}"),
        (b"".join(form(b"a.csv")[:-7] for _ in range(200)) + b"--X--", "multipart/form-data; boundary=X"),
        (
            b'--X\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + b"x" * 3_000_000,
            "multipart/form-data; boundary=X",
        ),
    ],
    ids=range(7),
)
def test_what_is_no_form_is_refused(calls, post, body, kind):
    assert_refused(post(body, kind), "INVALID_PARAMETERS", 400)
    assert calls.sources()["dataSources"] == []


def sent_whole(url: str, head: str, body: bytes) -> bytes:
    """The start of the answer, read once everything is sent."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(f"POST /api/v2/datasources/upload HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
        return connection.recv(65_536)


def test_a_file_over_100_mb_is_refused_before_it_is_read(calls):
    head = f"Authorization: Bearer {calls.key}\r\nContent-Length: {102 * 2**20}"
    answer = sent_whole(calls.base_url, head, b"")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 MB" in answer


def test_who_is_refused_can_send_the_file_and_read_why(calls):
    answer = sent_whole(calls.base_url, "Content-Length: 20000000", b"x" * 20_000_000)
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_an_upload_that_breaks_off_makes_no_source(sandbox, calls):
    address = urlsplit(calls.base_url)
    head = f"Authorization: Bearer {calls.key}\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: 5000"
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        start = f"POST /api/v2/datasources/upload HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode()
        connection.sendall(start + form(b"a.csv")[:-7])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert calls.sources()["dataSources"] == []
