"""Everything that can go wrong at Claro, on every page that asks it: what the reader reads, and the status."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests
import responses
import time_machine
from django.utils import timezone

from datasources import gateway
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, Source, Sync
from tests.conftest import emptied, synced
from tests.datasources.views.conftest import body, made
from tests.support.breaker import the_breaker_opens
from tests.support.html import all_words, field, told, words
from tests.support.processes import free_port
from tests.support.sandbox import HTML_502

# What is told of a pause is gone when the pause is over.
pytestmark = pytest.mark.usefixtures("still")

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Trouble:
    """`words` are read on every page; `rows` is a status, `delete` and `link` what becomes of a deletion and a link."""

    arrange: Callable
    words: str
    rows: int
    delete: str
    link: str


def refuse(code: str, status: int) -> Callable:
    return lambda account, **_: account.refuse(code, status, "In its own words.", times=9)


def answer(status: int, text: str, **headers: str) -> Callable:
    return lambda account, **_: account.fault("answer", status=status, body=text, headers=headers, times=9)


def fault(kind: str) -> Callable:
    return lambda account, **_: account.fault(kind, times=9)


def nobody_there(settings, **_) -> None:
    settings.CLARO_API_BASE_URL = f"http://127.0.0.1:{free_port()}/api/v2"


def time_out(settings, wire, **_) -> None:
    settings.CLARO_API_BASE_URL = "https://silent.test"
    for method in ("GET", "POST", "DELETE"):
        wire.add(method, re.compile("https://silent.test/.*"), body=requests.ReadTimeout())


def silence(account, **_) -> None:
    account.fault("drop", times=99)
    for key in ApiKey.objects.all():
        the_breaker_opens(key)


IN_DOUBT = "Claro refused this call. The key is being checked again."
UNREACHABLE = ("Claro can't be reached right now.", 503, "asked", "pending")
UNREADABLE = "Claro sent an answer that the dashboard can't read."
TROUBLES = {
    "unauthorized": Trouble(refuse("UNAUTHORIZED", 401), IN_DOUBT, 503, "waiting", "pending"),
    "access denied": Trouble(refuse("ACCESS_DENIED", 403), "This key has no permission", 502, "failed", "failed"),
    "not found": Trouble(refuse("DATASOURCE_NOT_FOUND", 404), "Claro", 404, "done", "gone"),
    "processing": Trouble(refuse("PROCESSING_IN_PROGRESS", 423), "processing this", 200, "failed", "failed"),
    "invalid": Trouble(refuse("INVALID_PARAMETERS", 400), "In its own words.", 422, "failed", "failed"),
    "unknown code": Trouble(refuse("TEAPOT", 418), "Claro answered: In its own words.", 502, "failed", "failed"),
    "limit": Trouble(answer(429, "slow down", **{"Retry-After": "20"}), "continues at", 429, "waiting", "pending"),
    "time-out": Trouble(time_out, *UNREACHABLE),
    "refused": Trouble(nobody_there, *UNREACHABLE),
    "502 with HTML": Trouble(answer(502, HTML_502), *UNREACHABLE),
    "500": Trouble(answer(500, "oops"), "Claro answered with an error (500).", 502, "asked", "pending"),
    "silence": Trouble(silence, "Claro does not answer right now.", 503, "waiting", "pending"),
    "cut on the way": Trouble(fault("cut"), "Claro can't be reached right now.", 503, "done", "pending"),
    "cut JSON": Trouble(answer(200, '{"dataSources": [{"data', **JSON), UNREADABLE, 502, "done", "pending"),
    "HTML": Trouble(answer(200, HTML_502), UNREADABLE, 502, "done", "pending"),
    "a redirect": Trouble(answer(302, "", Location="https://elsewhere.test/"), UNREADABLE, 502, "asked", "pending"),
    "a list": Trouble(answer(200, "[1, 2]", **JSON), UNREADABLE, 502, "done", "pending"),
}
# Where a page has words of its own.
OWN = {
    ("unauthorized", "add"): "Claro refuses this key.",
    ("unauthorized", "list"): "Reading from Claro · continues at",
    ("not found", "rows"): "This file no longer exists at Claro.",
    ("not found", "add"): "Claro has no list of data sources at this address.",
    ("not found", "list"): "Claro has no list of data sources at this address.",
    ("limit", "rows"): "No calls are left this minute. Continues automatically in",
    ("silence", "rows"): "Claro has not answered since",
    ("silence", "add"): "Claro can't be reached right now.",  # another key knows nothing of it
    ("silence", "list"): "Claro can't be reached right now.",
    ("limit", "add"): "Claro's rate limit is reached.",
    ("limit", "delete"): "Claro's rate limit is reached.",
    ("limit", "link"): "Claro's rate limit is reached.",
}
every_trouble = pytest.mark.parametrize("name", TROUBLES)


@pytest.fixture
def wire():
    """Answers that no server gives; everything on this machine is let through to where it goes."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        wire.add_passthru("http://127.0.0.1")
        yield wire


@pytest.fixture
def meet(account, settings, wire) -> Callable[[str], Trouble]:
    """From now on every call meets the trouble of that name."""

    def arranged(name: str) -> Trouble:
        TROUBLES[name].arrange(account=account, settings=settings, wire=wire)
        return TROUBLES[name]

    return arranged


def said(name: str, page: str) -> str:
    return OWN.get((name, page), TROUBLES[name].words)


@every_trouble
def test_on_the_page_of_rows(web, table, meet, name):
    trouble = meet(name)
    page = web.get(f"/sources/{table.datasource_id}/rows/?filter=id > 0")
    assert page.status_code == trouble.rows
    assert said(name, "rows") in told(page)
    assert body(page) == []
    if name != "processing":
        assert field(page, "filter").get("value") == "id > 0"


@every_trouble
def test_when_a_key_is_added(web, account, meet, name):
    meet(name)
    page = web.post("/keys/add/", {"label": "Main", "secret": account.key})
    assert page.status_code == 422
    assert said(name, "add") in words(page)
    may_be_kept = field(page, "keep_unchecked") is not None
    assert may_be_kept == (name not in ("unauthorized", "access denied"))
    assert account.key not in page.content.decode()
    assert not ApiKey.objects.exists()


@every_trouble
def test_when_a_source_is_deleted(web, source, meet, name):
    trouble = meet(name)
    web.post(f"/sources/{source.datasource_id}/delete/", {"confirm": "things.csv"})
    assert emptied() == [trouble.delete]
    assert Source.objects.filter(gone_at=None).exists() == (trouble.delete != "done")
    if trouble.delete != "done":
        assert said(name, "delete") in words(web.get("/bin/"))


@every_trouble
def test_when_a_link_is_made(web, alice, source, meet, name):
    trouble = meet(name)
    asked = links.ask(source, alice, 300)
    if trouble.link == "gone":
        with pytest.raises(DownloadLink.DoesNotExist):
            made(asked)
        assert web.get(f"/downloads/{asked.pk}/").status_code == 404
        assert "things.csv" not in words(web.get("/sources/"))
        return
    assert made(asked).state == trouble.link
    for address in ("/downloads/", f"/downloads/{asked.pk}/"):
        page = web.get(address)
        assert page.status_code == 200
        assert said(name, "link") in words(page)
    assert ("Try again" in words(page)) == (trouble.link == "failed")


@every_trouble
def test_when_the_list_is_read(web, source, key, meet, name):
    meet(name)
    synced(key)
    page = web.get("/sources/")
    assert page.status_code == 200
    assert said(name, "list") in told(page)
    assert all_words(page, ".//tbody//a[@class='name']") == ["things.csv"]


@pytest.mark.parametrize("name", ["500", "limit", "cut JSON"])
def test_when_the_list_is_read_for_the_first_time(web, key, meet, name):
    meet(name)
    synced(key)
    page = web.get("/sources/")
    assert said(name, "list") in told(page)
    assert "No data sources yet" not in words(page)


def test_a_sync_that_continues_while_the_list_is_made_does_not_break_it(web, key, meet, monkeypatch):
    meet("500")
    synced(key)
    moments = iter([timezone.now()])
    monkeypatch.setattr(Sync, "goes_on_at", property(lambda sync: next(moments, None)))
    assert "continues at" in words(web.get("/sources/"))


def test_a_link_that_nobody_has_answered_for_long_has_failed(web, alice, source, meet):
    meet("refused")
    asked = links.ask(source, alice, 300)
    assert made(asked).state == "pending"
    page = web.get("/downloads/")
    assert "Claro can't be reached right now. Retries automatically in" in words(page)
    assert f'datetime="{asked.goes_on_at.isoformat()}"' in page.content.decode()
    assert "Claro can't be reached right now. Retries automatically in" in words(web.get(f"/downloads/{asked.pk}/"))
    with time_machine.travel(timezone.now() + links.PATIENCE, tick=False):
        assert made(asked).state == "failed"
    page = web.get(f"/downloads/{asked.pk}/")
    assert "Claro can't be reached right now." in told(page)
    assert "Try again" in words(page)


def test_a_status_that_nobody_knows_is_shown_as_it_is_and_followed(web, account, key):
    source_id = account.add(fileName="a.csv", status="<b>quarantined</b>")
    synced(key)
    page = web.get("/sources/")
    assert "<b>quarantined</b>" in all_words(page, ".//tbody//td")
    assert "Checked just now" in all_words(page, ".//tbody//td[2]/p")
    assert "<b>quarantined</b> 1" in all_words(page, ".//nav[@aria-label='Status']/a")
    assert "Claro is processing this file" in told(web.get(f"/sources/{source_id}/rows/"))


@pytest.mark.parametrize("pagination", ["", ', "pagination": null', ', "pagination": {"page": "x", "total": []}'])
def test_a_list_without_pagination_is_read_all_the_same(web, account, key, pagination):
    one = '{"datasourceId": "00000000-0000-4000-8000-000000000001", "fileName": "a.csv", "status": "completed"}'
    account.fault("answer", status=200, body=f'{{"dataSources": [{one}]{pagination}}}', headers=JSON)
    synced(key)
    page = web.get("/sources/")
    assert all_words(page, ".//tbody//a[@class='name']") == ["a.csv"]
    assert told(page) == ""


@pytest.mark.parametrize("pagination", ["", ', "pagination": null', ', "pagination": {"page": "x", "total": []}'])
def test_rows_without_pagination_are_shown_without_a_total(web, account, table, pagination):
    account.fault("answer", status=200, body=f'{{"data": [{{"a": 1}}, {{"a": 2}}]{pagination}}}', headers=JSON)
    page = web.get(f"/sources/{table.datasource_id}/rows/")
    assert page.status_code == 200
    assert body(page) == [["1", "1"], ["2", "2"]]


def test_a_page_for_which_there_is_no_thread_says_so_and_continues_by_itself(web, table):
    limits = {"users": gateway.AT_ONCE_OF_ALL_USERS}
    for _ in range(gateway.AT_ONCE_OF_ALL_USERS):
        gateway._slots.take(limits)
    try:
        page = web.get(f"/sources/{table.datasource_id}/rows/?filter=id > 1")
    finally:
        for _ in range(gateway.AT_ONCE_OF_ALL_USERS):
            gateway._slots.give_back(limits)
    assert (page.status_code, int(page["Retry-After"]) <= 2) == (503, True)
    assert "This request is queued" in words(page)
    assert re.search(r'hx-trigger="load delay:\d+ms', page.content.decode())
    assert '<noscript><meta http-equiv="refresh"' in page.content.decode()
    assert web.get(f"/sources/{table.datasource_id}/rows/?filter=id > 1").status_code == 200
