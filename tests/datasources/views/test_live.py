"""`/live/` as a browser meets it: who gets a stream, what stands in it, and when it ends."""

import re
import subprocess
import sys
import threading
from datetime import timedelta
from unittest import mock

import pytest
import requests
from django.core import mail
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

from core import live
from datasources.models import Newest, Watch
from tests.conftest import polled, synced
from tests.support.asgi import Server
from tests.support.processes import free_port, wait_for
from tests.support.workers import ROOT, environment

NEW_PASSWORD = "another-long-secret"


@pytest.fixture
def server():
    with Server() as running:
        yield running


def test_a_page_is_told_names_and_when_never_data(server, web, alice):
    page = server.open(web)
    assert (page.first["event"], page.first["retry"]) == ("connected", "2000")
    live.publish([alice.pk], "sources-changed")
    block = page.block()
    assert block == {"id": block["id"], "event": "sources-changed", "data": "{}"}
    assert int(page.first["id"]) <= int(block["id"]) <= live.now_ms()


def test_nothing_on_the_way_keeps_or_holds_back_events(server, web):
    assert server.open(web).headers == {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "content-encoding": "identity",
        "x-accel-buffering": "no",
    }


def test_an_open_stream_keeps_no_thread(server, web, settings):
    settings.LIVE_STREAMS_PER_USER = 40
    before = threading.active_count()
    pages = [server.open(web) for _ in range(40)]
    assert [page.status for page in pages] == [200] * 40
    assert threading.active_count() - before < 40


# --- Refused ---------------------------------------------------------------------------------------------------------
def test_nobody_listens_without_signing_in(server, web):
    forged = Client()
    forged.cookies["sessionid"] = "0" * 32
    for client in (Client(), forged):
        page = server.open(client)
        assert (page.status, page.headers, page.has_ended()) == (401, {"cache-control": "no-store"}, True)


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
def test_there_is_nothing_but_get(server, web, method):
    assert server.open(web, method=method).status == 405


def test_an_address_with_too_many_fields_is_refused(server, web):
    page = server.open(web, "a=1&" * 1001)
    assert (page.status, page.has_ended()) == (400, True)


def test_one_person_has_so_many_streams_and_no_more(server, web, client_of, alice, bob, settings):
    settings.LIVE_STREAMS_PER_USER = 2
    page, _ = server.open(web), server.open(client_of(alice))
    assert server.open(web).status == 429
    assert server.open(client_of(bob)).status == 200
    page.leave()
    assert server.open(web).status == 200
    assert server.open(web).status == 429


def test_without_a_database_the_browser_is_asked_to_come_back(server, web, monkeypatch):
    database = connections.settings["default"]
    with monkeypatch.context() as away:
        if database["ENGINE"].endswith("sqlite3"):
            away.setitem(database, "NAME", "/nowhere/db.sqlite3")
        else:
            away.setitem(database, "HOST", "127.0.0.1")
            away.setitem(database, "PORT", free_port())
            away.setitem(database, "OPTIONS", {})
        assert server.open(web).status == 503
    assert server.open(web).status == 200


# --- Back again ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("since", "last_event_id", "names"),
    [
        ("0", "", ["reconnected"]),
        ("", "0", ["reconnected"]),
        ("9" * 15, "0", ["reconnected"]),  # the stream's own word is newer than the page's
        ("0", "9" * 15, []),
        ("", "", []),
        ("yesterday", "", []),
        ("-1", "", []),
        ("0.5", "", []),
        ("1e3", "", []),
        ("0" * 16, "", []),
        ("%00", "", []),
        ("²", "", []),
    ],
)
def test_what_a_page_says_it_missed_is_read_and_never_believed(server, web, alice, since, last_event_id, names):
    server.open(web)
    page = server.open(web, f"since={since}", last_event_id=last_event_id)
    live.publish([alice.pk], "last")
    assert page.events_until("last") == names


def test_a_page_that_polls_is_told_what_it_missed_and_keeps_no_stream(server, web, alice, settings):
    settings.LIVE_STREAMS_PER_USER = 2
    page = server.open(web)
    since = live.now_ms() + live.SKEW_MS
    live.publish([alice.pk], "sources-changed", "keys-changed")
    page.events_until("sources-changed")
    poll = server.open(web, f"once&since={since}")
    assert [poll.event(), poll.event()] == ["keys-changed", "sources-changed"]
    assert poll.has_ended()
    assert server.open(web, f"once&since={live.now_ms() + 2 * live.SKEW_MS}").has_ended()
    assert server.open(web).status == 200


def test_only_the_last_of_several_names_moves_the_place_to_start_from(server, web, alice):
    page = server.open(web)
    live.publish([alice.pk], "a", "b")
    assert [sorted(page.block()), sorted(page.block())] == [["data", "event"], ["data", "event", "id"]]


def test_a_page_of_another_user_gets_no_stream(server, web, alice, bob):
    assert server.open(web, f"user={alice.pk}").status == 200
    for user in (bob.pk, "", "x"):
        assert server.open(web, f"user={user}").status == 401


def test_a_put_off_look_at_processing_sources_comes_forward_when_a_page_opens(server, web, account, key):
    account.add(fileName="a.csv", status="processing", age=1)
    synced(key)
    now = timezone.now()
    Watch.objects.filter(key=key).update(due_at=now + timedelta(minutes=5), checked_at=now)
    server.open(web)
    key.watch.refresh_from_db()
    assert key.watch.due_at < now + timedelta(seconds=10)


def test_an_open_page_has_the_newest_page_of_the_list_read(server, web, account, key):
    synced(key)
    server.open(web)
    assert timezone.now() < Newest.objects.get().due_at < timezone.now() + timedelta(seconds=61)


def test_who_opens_a_page_looks_from_the_first_moment_on(server, web, client_of, bob, key, account):
    account.add(fileName="a.csv", status="processing", age=1)
    synced(key)
    server.open(client_of(bob))  # the server has begun to say who is there, and says it once a second
    server.open(web)
    assert polled(key) == "done"
    key.watch.refresh_from_db()
    assert key.watch.due_at < timezone.now() + timedelta(seconds=10)


# --- Who may no longer look ------------------------------------------------------------------------------------------
def test_signing_out_ends_the_streams_of_that_browser(server, web, client_of, alice):
    here, elsewhere = server.open(web), server.open(client_of(alice))
    web.post("/accounts/logout/")
    assert here.has_ended()
    assert server.open(web).status == 401
    live.publish([alice.pk], "sources-changed")
    assert elsewhere.event() == "sources-changed"


def test_a_browser_that_was_signed_out_elsewhere_loses_its_stream(server, web, client_of, alice):
    lost = client_of(alice)
    lost.get("/accounts/")
    here, there = server.open(web), server.open(lost)
    web.post("/accounts/sessions/end/")
    assert there.has_ended()
    assert server.open(lost).status == 401
    live.publish([alice.pk], "sources-changed")
    assert here.event() == "sources-changed"


def change_password(web, alice) -> None:
    typed = {"oldpassword": "alices-password", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert web.post("/accounts/password/change/", typed).status_code == 302


def reset_password(web, alice) -> None:
    away = Client()
    away.post("/accounts/password/reset/", {"email": alice.email})
    path = re.search(r"https?://[^/]+(/\S+)", mail.outbox[0].body)[1]
    form = away.get(path)["Location"]
    assert away.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}).status_code == 302


def change_password_from_the_command_line(web, alice) -> None:
    with mock.patch("getpass.getpass", return_value=NEW_PASSWORD):
        call_command("changepassword", alice.email)


def deactivate(web, alice) -> None:
    alice.is_active = False
    alice.save()


def delete(web, alice) -> None:
    alice.delete()


EVENTS = [change_password, reset_password, change_password_from_the_command_line, deactivate, delete]


@pytest.mark.usefixtures("mails_at_once")
@pytest.mark.parametrize("event", EVENTS)
def test_all_streams_of_a_person_end_and_who_may_not_come_back_does_not(server, web, client_of, alice, bob, event):
    other_browser = client_of(alice)
    pages = [server.open(web), server.open(other_browser)]
    bobs = server.open(client_of(bob))
    event(web, alice)
    assert [page.has_ended() for page in pages] == [True, True]
    assert server.open(other_browser).status == 401
    assert server.open(web).status == (200 if event is change_password else 401)
    live.publish([bob.pk], "sources-changed")
    assert bobs.event() == "sources-changed"


# --- The real server -------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_web_process_that_shall_end_ends_its_streams_and_waits_for_none(tmp_path, web, alice):
    address = f"http://127.0.0.1:{(port := free_port())}/live/"
    command = [sys.executable, "-m", "claro_dashboard.web"]
    log = tmp_path / "web.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=environment(PORT=str(port)), stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            response = wait_for(lambda: opened(address, web))
            lines = response.iter_lines(chunk_size=1, decode_unicode=True)
            assert "event: reconnected" in lines
            live.publish([alice.pk], "sources-changed")
            assert "event: sources-changed" in lines
            process.terminate()
            assert [line for line in lines if line.startswith("event")] == []
            process.wait(timeout=60)
        finally:
            process.kill()
    assert log.read_text() == ""


def opened(address: str, client: Client) -> requests.Response | None:
    cookies = {"sessionid": client.session.session_key}
    try:
        return requests.get(f"{address}?since={live.now_ms()}", cookies=cookies, stream=True, timeout=60)
    except requests.ConnectionError:
        return None
