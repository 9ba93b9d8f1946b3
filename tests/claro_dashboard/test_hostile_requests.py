"""Requests that no browser sends: each gets an answer in words with the right status, and none is a 500."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.conftest import htmx

# Every route parses them, so the limit is lower here; test_requests.py meets the real one.
FIELDS_MAX = 20
FIELDS = "&".join(f"f{number}=1" for number in range(FIELDS_MAX + 1))
QUERIES = {
    "a team of others": f"team={uuid4()}",
    "no team": "team=x",
    "too many fields": FIELDS,
    "NUL": "team=%00&q=%00&key=%00&page=%00&sort=%00&next=%00&filter=%00&dl=%00",
    "invalid UTF-8": "q=%ff%fe&team=%c3%28&next=%ff&filter=%ed%a0%80",
    "surrogates": "q=%ud800&team=\\ud800",
    "long": "q=" + "x" * 8000,
    "repeated": "page=1&page=2&team=own&team=x&key=1&key=2&sort=a&sort=b",
    "huge numbers": "page=99999999999999999999999&limit=1e999&before=-1&after=9223372036854775808",
    "digits that are none": "page=²&limit=٣&dl=²",
}
pytestmark = pytest.mark.slow  # each test asks every route

EXAMPLES = {"uuid": str(uuid4()), "int": "7", "str": "x", "slug": "x", "path": "x"}


def addresses(resolver=None, before: str = "/") -> Iterator[str]:
    """The address of every route, with examples for what it takes."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + re.sub(r"<(?:(\w+):)?\w+>", lambda found: EXAMPLES[found[1] or "str"], str(entry.pattern))
        if isinstance(entry, URLPattern):
            yield _plain(route)
        else:
            yield from addresses(entry, route)


def _plain(route: str) -> str:
    """An address that a regular expression of allauth's takes."""
    route = re.sub(r"\(\?P<\w+>[^)]*\)", "x", route)
    return route.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\", "")


ADDRESSES = sorted(set(addresses()))


@pytest.fixture(params=["stranger", "signed in"])
def visitor(request, transactional_db, alice, settings) -> Client:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = FIELDS_MAX
    client = Client(raise_request_exception=False)
    if request.param == "signed in":
        client.force_login(alice)
    return client


def test_all_routes_are_tried():
    assert {"/sources/", "/accounts/login/", "/readyz", "/d/x/", "/operations/"} <= set(ADDRESSES)
    assert len(ADDRESSES) > 80


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_no_query_breaks_a_page(visitor, query):
    broken = []
    for address in [*ADDRESSES, "/no/such/page/"]:
        for headers in ({}, htmx()):
            status = visitor.get(f"{address}?{query}", headers=headers).status_code
            if status >= 500 and address != "/readyz":
                broken.append((address, status))
    assert broken == []


def test_an_error_page_of_a_stranger_with_a_team_in_its_address_keeps_its_status(transactional_db, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = FIELDS_MAX
    client = Client(raise_request_exception=False)
    assert client.get(f"/no/such/page/?team={uuid4()}").status_code == 404
    page = client.get(f"/sources/?{FIELDS}")
    assert page.status_code == 400
    assert "too many fields" in page.content.decode()


HEADERS = {
    "cookies that are none": {"Cookie": 'sessionid=\x00; =; ;;; a="b; csrftoken=é; timezone=../../etc/passwd'},
    "a long session": {"Cookie": "sessionid=" + "a" * 5000},
    "a long language": {"Accept-Language": "x" * 5000},
    # NUL is not among them: the server's parser answers such a header with 400 (RFC 9110, 5.5).
    "control characters": {"User-Agent": "a\x1bb\x7f", "HX-Current-URL": "http://[", "X-Request-ID": "\x01" * 10},
    "a broken referrer": {"Referer": "http://[::1", "HX-Current-URL": "\ud800".encode("utf-8", "replace").decode()},
    "a host of others": {"Host": "evil.example"},
    "a host that is none": {"Host": "a b/c@d"},
    "half a basic": {"Authorization": "Basic !!!"},
    "an id of no event": {"Last-Event-ID": "²"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_no_header_breaks_a_page(visitor, headers, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    cookies = visitor.cookies.output(header="", sep=";")
    if "Cookie" in headers and cookies:
        headers = {"Cookie": f"{headers['Cookie']}; {cookies}"}
    broken = []
    for address in [*ADDRESSES, "/no/such/page/"]:
        for more in ({}, htmx()):
            status = visitor.get(address, headers=headers | more).status_code
            if status >= 500 and address != "/readyz":
                broken.append((address, status))
    assert broken == []


PATHS = ["/%00", "/d/%00/", "/hooks/%00/", "/invitations/%00/", "/d/%ff%fe/", "/%ed%a0%80/", "/sources/%00/rows/", "//"]
PATHS += [
    "/accounts/confirm-email/%00/",
    "/accounts/password/reset/key/%00-%00/",
    "/d/" + "x" * 9000 + "/",
    "/static/%00",
]


@pytest.mark.parametrize("address", PATHS, ids=lambda path: path[:40])
def test_no_path_breaks_a_page(visitor, address):
    for headers in ({}, htmx()):
        assert visitor.get(address, headers=headers).status_code < 500


BODIES = {
    "too many fields": (FIELDS.encode(), "application/x-www-form-urlencoded"),
    "NUL": (b"login=%00&password=%00&name=%00&email=%00&label=%00", "application/x-www-form-urlencoded"),
    "invalid UTF-8": (b"login=%ff&password=\xff&name=%ed%a0%80", "application/x-www-form-urlencoded"),
    "an unknown charset": (b"login=a", "application/x-www-form-urlencoded; charset=nonsense"),
    "multipart without a boundary": (b"x", "multipart/form-data"),
    "multipart that breaks off": (b"--x\r\nContent-Disposition: form-data; name=", "multipart/form-data; boundary=x"),
    "multipart with a bad transfer": (
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\nContent-Transfer-Encoding: base64\r\n\r\n!'
        b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "multipart with too many parts": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * (FIELDS_MAX + 1) + b"--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "a boundary that is none": (b"x", "multipart/form-data; boundary=\x00"),
}


@pytest.mark.parametrize(("body", "content_type"), BODIES.values(), ids=BODIES)
def test_no_body_breaks_a_page(visitor, body, content_type):
    visitor.handler.enforce_csrf_checks = True
    assert broken_by(visitor, body, content_type) == []
    visitor.handler.enforce_csrf_checks = False
    assert broken_by(visitor, body, content_type) == []


def broken_by(visitor: Client, body: bytes, content_type: str) -> list[tuple[str, int]]:
    statuses = (
        (path, visitor.generic("POST", path, body, content_type=content_type).status_code) for path in ADDRESSES
    )
    return [(path, status) for path, status in statuses if status >= 500]
