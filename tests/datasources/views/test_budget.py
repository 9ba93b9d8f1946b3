"""What people see of a key's calls: the gauge, the last hour, the line above every page when they run out."""

import contextlib

import pytest

from core import redis
from datasources.claro import RateLimit, RateLimited
from datasources.gateway.budget import Budget, Lane
from tests.conftest import htmx
from tests.support.html import told, words

# What is left, and for how long, is told to the second.
pytestmark = pytest.mark.usefixtures("still")


def used(key, left: int, lane: Lane = Lane.PERSON, refused_for_s: float | None = None) -> None:
    budget = Budget(key.fingerprint, lane=lane)
    said = RateLimit(limit=100, remaining=left, reset_in_s=40)
    budget.after_call(budget.before_call(), said, refused_for_s)


def test_the_keys_page_shows_what_is_left_and_what_the_last_hour_was_for(web, key):
    used(key, 60, Lane.WATCH)
    used(key, 59)
    page = web.get("/keys/")
    assert "59 of 100 calls left" in words(page)
    assert "1 browsing, 1 status checks" in words(page)
    assert b'value="59"' in page.content
    assert page.content.count(b'class="lane-') == 2


def test_a_key_that_was_never_used_says_so(web, key):
    assert "no calls yet" in words(web.get("/keys/"))


def test_every_page_tells_when_calls_run_out(web, key):
    used(key, 60)
    assert "calls left this minute" not in words(web.get("/downloads/"))
    used(key, 12)
    assert "Main: 12 of 100 calls left this minute" in words(web.get("/downloads/"))


def test_a_page_over_the_limit_has_one_sentence_that_is_true_for_its_reader(web, table, alice, key):
    """A first reader has used the share, and the calls that are left are kept."""
    redis.connection().flushall()  # the window in which the list was read
    used(key, 17)
    for _ in range(30):
        with contextlib.suppress(RateLimited):
            Budget(key.fingerprint, lane=Lane.PERSON, person=alice.pk).before_call()
    kept = Budget(key.fingerprint).left().calls
    page = web.get(f"/sources/{table.datasource_id}/rows/")
    assert page.status_code == 429
    assert kept > 0
    calls = "1 call is" if kept == 1 else f"{kept} calls are"
    sentence = f"Your share of this minute is used; {calls} kept for links and status checks."
    goes_on = f"Continues automatically in {int(page['Retry-After'])} s."
    assert f"{sentence} {goes_on}" in told(page)
    assert "limit" not in told(page)
    assert "resets in" not in words(page)


def test_a_page_without_any_calls_left_says_that(web, table, key):
    redis.connection().flushall()
    used(key, 0)
    page = web.get(f"/sources/{table.datasource_id}/rows/")
    assert page.status_code == 429
    assert "No calls are left this minute. Continues automatically in 41 s." in told(page)


def test_calls_refused_by_claro_are_told(web, key):
    used(key, 50, refused_for_s=30)
    assert "1 refused by Claro" in words(web.get("/keys/"))
    assert "no calls left" in words(web.get("/keys/low/"))


def test_the_line_looks_again_when_the_window_turns(web, key):
    used(key, 3)
    part = web.get("/above/", headers=htmx())
    assert b"budget-changed from:body" in part.content
    assert b"load delay:4" in part.content


def test_another_persons_calls_are_not_told(client_of, bob, key):
    used(key, 3)
    assert words(client_of(bob).get("/keys/low/")) == ""


def test_pages_do_without_redis(web, key, redis_server):
    redis_server.stop()
    try:
        assert web.get("/keys/").status_code == 200
        assert words(web.get("/keys/low/")) == ""
    finally:
        redis_server.start()


SECTIONS = ["/sources/", "/keys/", "/downloads/"]


@pytest.mark.parametrize("path", SECTIONS)
def test_a_part_that_is_what_it_was_answers_304(web, key, path):
    first = web.get(path, headers=htmx(**{"HX-Source": "section#some"}))
    again = htmx(**{"HX-Source": "section#some", "HX-PTag": first.headers["HX-PTag"]})
    assert web.get(path, headers=again).status_code == 304
    key.label = "Renamed"
    key.save()
    assert web.get(path, headers=again).status_code == (304 if path == "/downloads/" else 200)


def test_only_a_part_that_looks_at_itself_is_spared(web, key):
    assert "HX-PTag" not in web.get("/keys/").headers
    assert "HX-PTag" not in web.get("/keys/", headers=htmx(**{"HX-Source": "a#sort"})).headers
