"""Bearer keys, the rate limit, and requests that are none."""

import socket
import time
from urllib.parse import urlsplit

import pytest
import requests
import time_machine

from tests.sandbox.calls import assert_refused

LIMIT_HEADERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer nobody", "Basic {key}", "{key}", "Bearer {key}x"])
def test_without_a_good_key_nothing_is_answered(calls, header):
    answer = calls("GET", "/datasources", headers={"Authorization": header.format(key=calls.key)})
    assert_refused(answer, "UNAUTHORIZED", 401)


def test_no_header_at_all_is_no_key_either(calls):
    assert_refused(calls("GET", "/datasources", headers={"Authorization": None}), "UNAUTHORIZED", 401)


@pytest.mark.parametrize("key", ["plain", "schlüssel-鍵", "ends-with-à", "…", "x" * 512])
def test_a_key_may_hold_any_printable_sign(sandbox, account, calls_of, key):
    sandbox.control("POST", "keys", account=account.name, key=f"{account.name}{key}")
    assert calls_of(f"{account.name}{key}").sources()["dataSources"] == []
    assert_refused(calls_of(f"{account.name}{key}?").get("/datasources"), "UNAUTHORIZED", 401)


def test_a_revoked_key_is_refused_and_the_others_of_the_account_are_not(account, calls, calls_of):
    other = account.another_key()
    account.revoke()
    assert_refused(calls.get("/datasources"), "UNAUTHORIZED", 401)
    assert calls_of(other).sources()["dataSources"] == []


def test_every_answer_says_what_is_left(account, calls, calls_of):
    few = calls_of(account.another_key(calls_per_minute=100))
    source_id = account.upload("a.csv", "a\n1\n")
    paths = ["/datasources", f"/datasources/{source_id}/data", "/datasources/abc", "/nothing"]
    answers = [few.get(path) for path in paths] + [few("DELETE", f"/datasources/{source_id}")]
    assert [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers] == [99, 98, 97, 96, 95]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"100"}
    assert {answer.headers["X-RateLimit-Reset"] for answer in answers} <= {
        str(int(time.time()) + seconds) for seconds in range(30, 62)
    }


def test_one_call_too_many_is_refused_until_the_window_ends(account, calls, calls_of):
    few = calls_of(account.another_key(calls_per_minute=3))
    assert [few.get("/datasources").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = few.get("/datasources")
    assert_refused(refused, "RATE_LIMITED", 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert set(refused.headers) >= LIMIT_HEADERS
    assert calls.get("/datasources").status_code == 200  # another key has a window of its own
    with time_machine.travel(time.time() + int(refused.headers["Retry-After"]) + 1):
        assert few.get("/datasources").headers["X-RateLimit-Remaining"] == "2"


def test_links_and_refused_keys_cost_no_calls(account, calls_of):
    few = calls_of(account.another_key(calls_per_minute=5))
    source_id = account.upload("a.csv", "a\n1\n")
    link = few.sign(source_id).json()["downloadUrl"]
    for _ in range(5):
        assert few("GET", "/datasources", headers={"Authorization": "Bearer nobody"}).status_code == 401
        assert requests.get(link, timeout=10).status_code == 200
    assert few.get("/datasources").headers["X-RateLimit-Remaining"] == "3"


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1/datasources", "/control/calls/x", "/files/"])
def test_outside_the_api_nothing_is_found(calls, path):
    calls.base_url = calls.base_url.removesuffix("/api/v2")
    assert calls.get(path).status_code in (403, 404)


@pytest.mark.parametrize(
    "length",
    ["Content-Length: abc", "Content-Length: -5", f"Content-Length: {'9' * 5000}", "Transfer-Encoding: chunked"],
    ids=lambda header: header[:20],
)
def test_a_body_of_unknown_length_is_refused(calls, length):
    answer = raw(calls.base_url, f"POST /api/v2/datasources/upload HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")


def test_a_body_that_nobody_reads_is_not_taken_for_the_next_request(calls):
    body = "GET /api/v2/nowhere HTTP/1.1\r\n\r\n"
    first = f"POST /api/v2/things HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    assert raw(calls.base_url, first).count(b"HTTP/1.1 ") == 1


def raw(url: str, request: str) -> bytes:
    """What comes until the server closes the connection."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))
