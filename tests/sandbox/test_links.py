"""Signed URLs of original files."""

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import requests
import time_machine

from tests.sandbox.calls import assert_refused, good

CONTENT = "id,name\r\n1,Ärger\r\n".encode()


@pytest.fixture
def source_id(account):
    return account.upload("prices.csv", CONTENT)


@pytest.fixture
def link(calls, source_id):
    return good(calls.sign(source_id, {"expiresIn": 300}))["downloadUrl"]


def fetched(url: str) -> requests.Response:
    return requests.get(url, timeout=10)


def spoiled(url: str, **query: str) -> requests.Response:
    """The answer to a link with another query."""
    parts = urlsplit(url)
    return fetched(parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | query)).geturl())


def test_a_link_gives_the_file_as_it_was_uploaded(link):
    answer = fetched(link)  # without a key
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''prices.csv"


def test_a_link_works_more_than_once_and_for_a_failed_source_too(account, calls):
    failed = account.upload("broken.json", "{")
    link = good(calls.sign(failed))["downloadUrl"]
    assert [fetched(link).content for _ in range(2)] == [b"{", b"{"]


@pytest.mark.parametrize("name", ["在庫.csv", "a b&c;d=e.csv", "it's <b>.csv", "100%.csv", "r\u00e9sum\u00e9 'x'.csv"])
def test_the_file_has_its_name_whatever_it_is(account, calls, name):
    answer = fetched(good(calls.sign(account.upload(name, "a\n1\n")))["downloadUrl"])
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def test_a_source_without_a_file_has_none_behind_its_link(account, calls):
    assert fetched(good(calls.sign(account.add()))["downloadUrl"]).status_code == 404


@pytest.mark.parametrize(
    ("body", "seconds"),
    [(None, 3600), ({}, 3600), ({"expiresIn": 1}, 1), ({"expiresIn": 300}, 300), ({"expiresIn": 86_400}, 86_400)],
)
def test_a_link_lives_as_long_as_asked(calls, source_id, body, seconds):
    asked_at = datetime(2030, 1, 1, tzinfo=UTC)
    with time_machine.travel(asked_at, tick=False):
        answer = good(calls.sign(source_id, body))
    assert datetime.fromisoformat(answer["expiresAt"]) == asked_at + timedelta(seconds=seconds)


@pytest.mark.parametrize("seconds", [0, -1, 86_401, 10**30, 1.5, "300", None, True, [], {}])
def test_a_life_outside_the_bounds_is_refused(calls, source_id, seconds):
    assert "86400" in assert_refused(calls.sign(source_id, {"expiresIn": seconds}), "INVALID_PARAMETERS", 400)


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(calls, source_id, body):
    answer = calls("POST", f"/datasources/{source_id}/download", data=body)
    assert_refused(answer, "INVALID_PARAMETERS", 400)


def test_a_link_ends(link):
    with time_machine.travel(time.time() + 270):
        assert fetched(link).status_code == 200
    with time_machine.travel(time.time() + 301):
        answer = fetched(link)
    assert (answer.status_code, answer.text) == (403, "This link has expired.\n")


@pytest.mark.parametrize(
    "query",
    [
        *({"signature": wrong} for wrong in ("", "0" * 64, "é", "鍵" * 20)),
        *({"expires": wrong} for wrong in ("", "0", "9999999999", "1e12", "abc", "inf")),
    ],
    ids=str,
)
def test_a_link_that_was_changed_is_refused(link, query):
    answer = spoiled(link, **query)
    assert (answer.status_code, answer.text) == (403, "This link is not valid.\n")


def test_a_signature_is_good_for_its_own_source_only(account, link):
    other = account.upload("other.csv", "a\n1\n")
    parts = urlsplit(link)
    assert fetched(parts._replace(path=f"/files/{other}").geturl()).status_code == 403
    for path in ("/files/", "/files/..", "/files/../sandbox.sqlite3", "/files/%2e%2e%2fsandbox.sqlite3"):
        assert fetched(parts._replace(path=path).geturl()).status_code in (403, 404)
