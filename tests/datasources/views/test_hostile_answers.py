"""Pages built from whatever the API may answer: each shows it, or an error in words."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import redis
from datasources import keys
from datasources.claro import BadAnswer
from datasources.deleting import bin
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, ShareLink, Source
from datasources.sharing import shares
from tests.conftest import polled, synced
from tests.datasources.views.conftest import made
from tests.support.html import words_of
from tests.support.raw_answers import (
    ID,
    Answer,
    RawServer,
    answers,
    nested,
    paginations,
    rows,
    sources,
    values,
    written,
)
from tests.support.raw_answers import listed as many

ZONES = ["", "UTC", "Pacific/Kiritimati", "Etc/GMT+12", "America/New_York", "Asia/Kathmandu"]
PATHS = ["/sources/", "/downloads/", "/activity/", "/notices/", "/bin/", "/shares/", "/keys/"]
PATHS += [f"/sources/{ID}/", f"/sources/{ID}/rows/", f"/sources/{ID}/share/", f"/sources/{ID}/delete/"]
# What a page may answer: it is there, on its way, or says what is wrong.
IN_WORDS = {200, 202, 302, 404, 409, 422, 429, 502, 503}


@pytest.fixture
def server(settings) -> Iterator[RawServer]:
    server = RawServer()
    settings.CLARO_API_BASE_URL = server.url
    yield server
    server.stop()


@pytest.fixture
def own_key(server, alice) -> ApiKey:
    return keys.add(alice, "Main", "a-secret-key", ApiKey.State.VALID)


def assert_every_page_is_shown(web: Client, share: ShareLink | None = None) -> None:
    shared = [f"/shares/{share.pk}/", f"/d/{share.unseal()}/"] if share else []
    for path in [*PATHS, *shared]:
        page = web.get(path)
        assert page.status_code in IN_WORDS, path
        assert page.status_code == 302 or words_of(page.content.decode())


def answer_of(text: str) -> Answer:
    return Answer(200, [("Content-Type", "application/json")], text.encode())


lists = st.builds(
    lambda items, pagination: answer_of(written({"dataSources": many(items), "pagination": pagination})),
    st.lists(sources | values, min_size=1, max_size=3),
    paginations,
)
details = sources.map(answer_of) | answers()
tables = st.builds(
    lambda items, pagination: answer_of(written({"data": many(items), "pagination": pagination})),
    st.lists(rows, min_size=1, max_size=4),
    paginations,
)
signed = st.fixed_dictionaries(
    {"url": st.just('"https://files.test/f"')}, optional=dict.fromkeys(("expiresIn", "expiresAt"), values)
).map(lambda members: answer_of(written(members)))


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(st.tuples(lists, details, tables | answers(), signed | answers()), st.sampled_from(ZONES))
def test_every_page_of_whatever_the_api_answers_is_shown_or_says_what_is_wrong(web, alice, server, own_key, said, zone):
    server.answer, server.answers[f"/{ID}"], server.answers["/data"], server.answers["/download"] = said
    web.cookies["timezone"] = zone
    redis.connection().flushall()
    Source.objects.all().delete()
    ApiKey.objects.update(state=ApiKey.State.VALID, problem=None)
    key = ApiKey.objects.get()
    share = None
    for source in synced(key):
        with contextlib.suppress(DownloadLink.DoesNotExist):  # Claro says that the source is gone: so is its link
            made(links.ask(source, alice, 300))
        share = shares.make(alice, key, [source])
    polled(ApiKey.objects.get())
    bin.put(Source.objects.filter(status="failed").select_related("key"), alice)
    assert_every_page_is_shown(web, share)


@pytest.fixture
def old_source(own_key, alice) -> Source:
    """A source as an earlier version kept it: with dates that some time zones lack, and a deep value."""
    deep: object = 1
    for _ in range(700):
        deep = [deep]
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    now = datetime.now(UTC)
    source = Source(key=own_key, datasource_id=ID, file_name="a.csv", status="completed", extra={"deep": deep})
    source.uploaded_at, source.processed_at, source.first_seen_at, source.last_seen_at = first, last, now, now
    source.save()
    source.changes.create(status="processing", at=first, seen_at=now)
    source.changes.create(status="completed", at=last, seen_at=now)
    return source


@pytest.mark.parametrize("zone", ZONES)
def test_dates_at_the_ends_of_the_calendar_break_no_page_in_any_time_zone(web, old_source, zone):
    web.cookies["timezone"] = zone
    assert_every_page_is_shown(web, shares.make(old_source.key.owner, old_source.key, [old_source]))
    assert "a.csv" in words_of(web.get("/sources/").content.decode())


def test_a_link_whose_lifetime_is_absurd_works_for_a_day_and_is_not_made_again(web, server, own_key, alice):
    server.answer = answer_of(written({"dataSources": many([written({"datasourceId": f'"{ID}"'})])}))
    server.answers["/download"] = answer_of('{"url": "https://files.test/f", "expiresIn": 1e12}')
    link = made(links.ask(synced(own_key)[0], alice, 300))
    assert link.state == DownloadLink.State.READY
    assert 86_300 < (link.expires_at - datetime.now(UTC)).total_seconds() <= 86_400
    assert links.ask(link.source, alice, 300).pk == link.pk


@pytest.mark.parametrize(
    "end", ['"expiresIn": -5', '"expiresIn": 0', '"expiresAt": "2020-01-01T00:00:00Z"', '"expiresIn": 5']
)
def test_a_link_that_ends_at_once_by_its_answer_is_not_made_again_and_again(web, server, own_key, alice, end):
    server.answer = answer_of(written({"dataSources": many([written({"datasourceId": f'"{ID}"'})])}))
    server.answers["/download"] = answer_of(f'{{"url": "https://files.test/f", {end}}}')
    link = made(links.ask(synced(own_key)[0], alice, 300))
    assert links.ask(link.source, alice, 300).pk == link.pk


def rows_page(web: Client, server: RawServer, key: ApiKey, body: str):
    source = written({"datasourceId": f'"{ID}"', "status": '"completed"'})
    server.answer = answer_of(written({"dataSources": many([source])}))
    server.answers["/data"] = answer_of(body)
    synced(key)
    return web.get(f"/sources/{ID}/rows/")


def test_a_deep_value_beside_a_nul_leaves_the_other_rows_on_the_page(web, server, own_key):
    page = rows_page(web, server, own_key, f'{{"data": [{{"n": "a\\u0000b", "v": {nested(600)}}}, {{"n": "plain"}}]}}')
    text = words_of(page.content.decode())
    assert page.status_code == 200
    assert "plain" in text
    assert "a\ufffdb" in text


def test_a_row_of_another_shape_is_named_and_the_others_are_shown(web, server, own_key):
    page = rows_page(web, server, own_key, '{"data": [{"n": "first"}, 17, {"n": "last"}]}')
    text = words_of(page.content.decode())
    assert page.status_code == 200
    assert all(word in text for word in ("first", "[unreadable row: 17]", "last"))


def test_more_rows_than_were_asked_for_are_refused_in_words_and_other_pages_go_on(web, server, own_key):
    page = rows_page(web, server, own_key, written({"data": many(['{"n":1}'] * 2000)}))
    assert page.status_code == 502
    assert BadAnswer.words in words_of(page.content.decode())
    assert web.get("/sources/").status_code == 200
    own_key.refresh_from_db()
    assert (own_key.state, own_key.problem) == (ApiKey.State.VALID, None)
