"""What pages say of work that nobody takes up; other pages than these show no such work."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from datasources import keys
from datasources.downloads import links
from datasources.mirror import webhooks
from datasources.models import ApiKey, DownloadLink, Hook, Source, Sync, Watch
from datasources.sharing import shares
from tests.conftest import htmx, synced
from tests.support.heartbeats import all_alive, none_alive
from tests.support.html import dom, link, told, words
from tests.support.redis import round_trips

TITLE = "Status checks are paused: no background worker is running"
GOES_ON = "Continues automatically when one is back."
WAITS = f"no worker is running. {GOES_ON}"


def late(model, **values) -> None:
    """All of this kind is due since a minute."""
    model.objects.update(due_at=timezone.now() - timedelta(minutes=1), **values)


@pytest.fixture
def processing(account, key) -> Source:
    """A source that Claro processes; it was looked at five minutes ago, and should be again."""
    account.add(fileName="a.csv", status="processing")
    [source] = synced(key)
    at = timezone.now() - timedelta(minutes=5)
    Sync.objects.update(finished_at=at)
    late(Watch, checked_at=at)
    return source


@pytest.fixture
def pending(table, alice) -> DownloadLink:
    pending = links.ask(table, alice, 300)
    late(DownloadLink)
    return pending


def pages_of(source: Source) -> list[str]:
    return ["/sources/", "/sources/checks/", *(f"/sources/{source.datasource_id}/{part}" for part in ("", "rows/"))]


def test_pages_of_sources_say_that_nothing_is_checked_until_somebody_is_back(web, processing):
    for path in pages_of(processing):
        page = web.get(path)
        assert f"{TITLE} Last checked 5 min ago. {GOES_ON}" in told(page)
        assert "Reading from Claro" not in told(page)
    all_alive()
    for path in pages_of(processing):
        assert TITLE not in told(web.get(path))
    none_alive("background")
    assert TITLE in told(web.get("/sources/"))


def test_details_don_t_promise_to_change_by_themselves_meanwhile(web, processing):
    path = f"/sources/{processing.datasource_id}/"
    assert "This page updates automatically" not in told(web.get(path))
    all_alive()
    assert "This page updates automatically" in told(web.get(path))


def test_the_list_says_of_a_reading_that_nobody_does_that_it_is_not_done(web, table):
    late(Sync)
    page = web.get("/sources/")
    assert TITLE in told(page)
    assert "Reading from Claro" not in words(page)
    assert "Updated" in words(page)
    all_alive()
    page = web.get("/sources/")
    assert "Reading from Claro" in told(page)


def test_a_first_reading_that_nobody_does_is_told_without_a_date(web, key):
    late(Sync)
    page = web.get("/sources/")
    assert f"{TITLE} {GOES_ON}" in told(page)
    assert "Your data sources have not been read yet" in words(page)
    assert dom(page).find(".//progress") is None
    all_alive()
    assert "Reading your data sources for the first time" in words(web.get("/sources/"))


def test_what_was_due_a_moment_ago_is_not_told(web, table):
    Sync.objects.update(due_at=timezone.now() - timedelta(seconds=10))
    assert TITLE not in told(web.get("/sources/"))


def test_an_open_list_looks_at_the_line_again_and_more_often_while_it_is_there(web, processing):
    def line() -> tuple[str, str]:
        page = web.get("/sources/checks/", headers=htmx())
        return words(page), dom(page).find("./section").get("hx-trigger")

    assert dom(web.get("/sources/")).find(".//section[@id='checks']").get("hx-get") == "/sources/checks/"
    text, trigger = line()
    assert (TITLE in text, "every 5s" in trigger) == (True, True)
    all_alive()
    assert line() == ("", "glance from:body, reconnected from:body")


def test_a_line_that_is_what_it_was_is_not_sent_again(web, processing):
    first = web.get("/sources/checks/", headers=htmx(**{"HX-Source": "section#checks"}))
    again = {"HX-Source": "section#checks", "HX-PTag": first.headers["HX-PTag"]}
    assert web.get("/sources/checks/", headers=htmx(**again)).status_code == 304
    all_alive()
    assert web.get("/sources/checks/", headers=htmx(**again)).status_code == 200


def test_what_others_miss_is_not_told(client_of, bob, processing):
    for path in ("/sources/", "/sources/checks/"):
        assert TITLE not in words(client_of(bob).get(path))


def test_a_link_that_nobody_makes_says_so_where_it_is_waited_for(web, pending):
    assert f"Waiting: {WAITS}" in told(web.get(f"/downloads/{pending.pk}/"))
    assert f"Waiting: {WAITS}" in words(web.get("/downloads/"))
    all_alive()
    assert "Preparing…" in told(web.get(f"/downloads/{pending.pk}/"))
    assert "Creating…" in words(web.get("/downloads/"))
    none_alive("interactive")
    assert f"Waiting: {WAITS}" in told(web.get(f"/downloads/{pending.pk}/"))


def test_a_share_link_whose_file_nobody_fetches_does_not_promise_it_in_a_moment(alice, table):
    path = f"/d/{shares.make(alice, table.key, [table]).unseal()}/?dl=1"
    outside = Client(headers={"Accept": "text/html"})
    assert "in a moment" in words(outside.get(path))
    late(DownloadLink)
    assert "Slower than usual" in words(outside.get(path))
    all_alive()
    assert "in a moment" in words(outside.get(path))


def test_a_link_that_waits_for_its_time_says_that_instead(web, pending):
    DownloadLink.objects.update(due_at=timezone.now() + timedelta(minutes=1), problem={"kind": "Unreachable"})
    assert "no worker" not in words(web.get(f"/downloads/{pending.pk}/"))
    assert "no worker" not in words(web.get("/downloads/"))


def test_open_downloads_are_looked_at_again_while_one_is_pending(web, pending):
    def trigger() -> str:
        return dom(web.get("/downloads/")).find(".//section[@id='downloads']").get("hx-trigger")

    assert "glance" in trigger()
    DownloadLink.objects.update(state="failed", due_at=None)
    assert "glance" not in trigger()


def test_a_webhook_that_nobody_tends_says_so(web, key, settings):
    settings.PUBLIC_URL = "https://claro.example.com"
    webhooks.switch_on(key)
    assert "Setting up at Claro" in words(web.get("/keys/"))
    late(Hook)
    assert f"Waiting for setup: {WAITS}" in words(web.get("/keys/"))
    all_alive()
    assert "Setting up at Claro" in words(web.get("/keys/"))


def test_staff_are_led_to_where_it_is_explained_and_nobody_else(web, alice, processing, pending):
    late(Watch)
    paths = [*pages_of(processing), "/downloads/", f"/downloads/{pending.pk}/"]
    for path in paths:
        assert b"/operations/" not in web.get(path).content
    alice.is_staff = True
    alice.save()
    for path in paths:
        assert link(web.get(path, headers=htmx()), "Operations") == "/operations/"


def test_it_costs_one_word_to_redis_and_no_query(web, key, alice, sandbox, table, django_assert_max_num_queries):
    for number in range(5):
        keys.add(alice, f"Key {number}", sandbox.account().key, ApiKey.State.VALID)
    web.get("/sources/")
    with django_assert_max_num_queries(50) as well, round_trips() as before:
        web.get("/sources/")
    late(Sync)
    late(Watch)
    with django_assert_max_num_queries(len(well)), round_trips() as after:
        assert TITLE in told(web.get("/sources/"))
    assert len(after) == len(before) + 1


def test_while_nothing_is_late_the_line_costs_one_query_and_redis_nothing(web, table, django_assert_num_queries):
    web.get("/keys/")
    with django_assert_num_queries(3), round_trips() as sent:  # the session, the person, the keys
        web.get("/sources/checks/", headers=htmx())
    assert not [command for command in sent if b"claro:alive" in command]
