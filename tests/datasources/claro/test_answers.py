"""Whole answers over HTTP: each becomes typed values that can be kept and shown, or a ClaroError."""

import json
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given, settings

from datasources.claro import ApiError, ClaroError, RateLimit
from datasources.claro.client import ClaroClient, Meter
from datasources.claro.types import FIELD_MAX
from tests.support.raw_answers import ID, Answer, RawServer, answers

SOURCE_ID = UUID(ID)
ZONES = [timezone(timedelta(hours=hours)) for hours in (-12, 0, 14)]


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.stop()


class Counter(Meter):
    """Keeps what the headers said."""

    def __init__(self) -> None:
        self.said: list[tuple[RateLimit | None, float | None]] = []

    def before_call(self) -> object:
        return None

    def after_call(self, ticket: object, rate_limit: RateLimit | None, retry_after_s: float | None) -> None:
        self.said.append((rate_limit, retry_after_s))


def calls(claro: ClaroClient):
    """Every method of the client."""
    return [
        claro.list_datasources,
        lambda: list(claro.iter_datasources(limit=5)),
        lambda: claro.get_datasource(SOURCE_ID),
        lambda: claro.get_rows(SOURCE_ID, limit=50),
        lambda: claro.delete_datasource(SOURCE_ID),
        lambda: claro.sign_download(SOURCE_ID),
        lambda: claro.create_webhook("a", "https://x.test/", ["e"], "s" * 16, "once"),
        claro.list_webhooks,
        lambda: claro.delete_webhook("w/1"),
    ]


def plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def assert_can_be_kept_and_shown(value: object) -> None:
    """As JSON in a database, as UTF-8 in a page, its dates in every time zone."""

    def shown(inner: object) -> str:
        if isinstance(inner, datetime):
            return " ".join(inner.astimezone(zone).isoformat() for zone in ZONES)
        return str(inner)

    text = json.dumps(value, default=shown, allow_nan=False)
    json.dumps(value, default=shown, ensure_ascii=False, indent=2).encode()
    assert "\\u0000" not in text.replace("\\\\", "")


@settings(max_examples=60)
@given(answer=answers())
@pytest.mark.slow
def test_every_answer_becomes_values_or_a_claro_error(server, answer):
    server.answer = answer
    meter = Counter()
    claro = ClaroClient("key", server.url, meter=meter, retries=1, sleep=lambda seconds: None)
    for call in calls(claro):
        try:
            got = call()
        except ClaroError as error:
            assert_can_be_kept_and_shown(error.to_dict())
        else:
            things = got if isinstance(got, list | tuple) else [got]
            assert_can_be_kept_and_shown([plain(thing) for thing in things])
    for said, closed_for_s in meter.said:
        assert closed_for_s is None or 0 <= closed_for_s <= 3600
        if said:
            assert said.limit is None or 1 <= said.limit < 2**31
            assert said.remaining is None or 0 <= said.remaining < 2**31
            assert said.reset_in_s is None or 0 <= said.reset_in_s <= 3600


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Retry-After", "²"),
        ("Retry-After", "Tue, 24 Nov 2026 12:00:00 +99999999999999"),
        ("X-RateLimit-Reset", "1e308"),
        ("X-RateLimit-Limit", "-5"),
        ("Date", "Tue, 24 Nov 2026 12:00:00 +99999999999999"),
        ("Location", "\xff\xfe"),
        ("Location", "http://["),
    ],
)
@pytest.mark.parametrize("status", [200, 302, 429])
def test_no_header_raises_anything_but_a_claro_error(server, header, value, status):
    server.answer = Answer(status, [(header, value)], b'{"dataSources": []}')
    claro = ClaroClient("key", server.url, retries=0)
    if status == 200:
        assert claro.list_datasources().sources == ()
    else:
        with pytest.raises(ClaroError):
            claro.list_datasources()


def test_a_rate_limit_by_its_code_alone_closes_the_key_as_a_429_does(server):
    server.answer = Answer(400, [("Retry-After", "7")], b'{"code": "RATE_LIMITED"}')
    meter = Counter()
    with pytest.raises(ClaroError):
        ClaroClient("key", server.url, meter=meter, retries=0).list_datasources()
    assert meter.said == [(None, 7)]


@pytest.mark.parametrize("details", ['"text"', "[1]", f'{{"a": "{"x" * 2**20}"}}', '{"a": {"b": 1}}', "null"])
def test_the_details_of_an_error_are_an_object_of_bounded_size(server, details):
    server.answer = Answer(418, [], f'{{"code": "TEAPOT", "error": "No.", "details": {details}}}'.encode())
    with pytest.raises(ApiError) as raised:
        ClaroClient("key", server.url, retries=0).list_datasources()
    assert isinstance(raised.value.details, dict)
    assert len(json.dumps(raised.value.details)) < 2 * FIELD_MAX


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ('"No tea."', "Claro answered: No tea."),
        ('{"message": "No tea.", "at": [1]}', "Claro answered: No tea."),
        *[(one, "Claro answered with an error (418).") for one in ('{"a": 1}', '{"message": {}}', "[1]", "7", "true")],
    ],
)
def test_only_words_of_an_error_are_shown(server, error, told):
    server.answer = Answer(418, [], f'{{"code": ["x"], "error": {error}}}'.encode())
    with pytest.raises(ApiError) as raised:
        ClaroClient("key", server.url, retries=0).list_datasources()
    assert (raised.value.user_message, raised.value.code) == (told, "")
