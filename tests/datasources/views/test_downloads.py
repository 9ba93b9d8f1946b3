from datetime import timedelta

import pytest
import requests
import time_machine
from django.utils import timezone

from core import redis
from datasources.downloads import links
from datasources.models import DownloadLink
from tests.conftest import htmx, synced
from tests.datasources.views.conftest import made
from tests.support.html import all_words, dom, link, told, words
from tests.support.threads import at_once


@pytest.fixture
def ask_at(table) -> str:
    return f"/sources/{table.datasource_id}/download/"


def signed(account) -> int:
    """How many links Claro was asked for."""
    return len(account.calls("/download", "POST"))


def test_one_click_leads_by_a_link_to_the_very_file(web, account, key):
    content = "id,näme\n1,\u2028\n".encode()
    source_id = account.upload("größe.csv", content)
    synced(key)
    response = web.post(f"/sources/{source_id}/download/")
    asked = DownloadLink.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/downloads/{asked.pk}/")
    assert redis.connection().llen("interactive") == 1
    page = web.get(f"/downloads/{asked.pk}/")
    assert "Preparing…" in told(page)
    assert dom(page).find(".//noscript/meta").get("http-equiv") == "refresh"

    made(asked)
    page = web.get(f"/downloads/{asked.pk}/")
    response = web.get(link(page, "Download the file"))
    assert response.status_code == 302
    assert requests.get(response.headers["Location"], timeout=30).content == content
    assert signed(account) == 1


def test_by_htmx_the_button_turns_into_the_file(web, account, ask_at, table):
    part = web.post(ask_at, headers=htmx())
    asked = DownloadLink.objects.get()
    waiting = dom(part).find(f"./div[@id='download-{table.pk}']")
    assert waiting.get("hx-get") == f"/downloads/{asked.pk}/"
    assert f"link-{asked.pk} from:body" in waiting.get("hx-trigger")
    made(asked)
    part = web.get(waiting.get("hx-get"), headers=htmx())
    start = dom(part).find("./div/a[@data-download-now]")
    assert start.get("href") == f"/downloads/{asked.pk}/file/"
    assert dom(part).find("./div").get("hx-get") is None


def test_the_signed_url_stands_in_one_header_only_and_tells_no_referrer(web, ready):
    response = web.get(f"/downloads/{ready.pk}/file/")
    assert response.headers["Location"] == ready.unseal()
    assert "signature=" in response.headers["Location"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response.headers["Cache-Control"]
    assert response.content == b""


def test_the_signed_url_can_be_copied_as_text(web, ready):
    response = web.post(f"/downloads/{ready.pk}/url/")
    assert response.content.decode() == ready.unseal()
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(("path", "method"), [("url/", "GET"), ("url/", "PUT"), ("file/", "POST"), ("", "POST")])
def test_other_methods_are_told(web, ready, path, method):
    assert web.generic(method, f"/downloads/{ready.pk}/{path}").status_code == 405


def test_a_link_is_not_made_by_looking(web, account, ask_at):
    assert web.get(ask_at).status_code == 405
    assert not DownloadLink.objects.exists()


@pytest.mark.parametrize(
    ("typed", "expires_in_s"),
    [({}, 3600), ({"expires_in": ""}, 3600), *(({"expires_in": s}, s) for s in (300, 86_400))],
)
def test_a_link_lives_as_long_as_was_asked_for(web, account, ask_at, typed, expires_in_s):
    web.post(ask_at, typed)
    asked = made(DownloadLink.objects.get())
    assert asked.expires_in_s == expires_in_s
    assert abs(asked.expires_at - timezone.now() - timedelta(seconds=expires_in_s)) < timedelta(seconds=20)


@pytest.mark.parametrize("expires_in", ["0", "86401", "abc", "-300", "300.5", "3600; DROP"])
@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_no_other_life_can_be_asked_for(web, account, ask_at, expires_in, headers):
    page = web.post(ask_at, {"expires_in": expires_in}, headers=headers)
    assert page.status_code == 422
    assert "Choose 5 minutes, 1 hour or 24 hours." in words(page)
    assert not DownloadLink.objects.exists()


def test_two_clicks_wait_for_one_link(web, account, ask_at):
    answers = at_once(2, lambda: web.post(ask_at))
    assert len({answer.headers["Location"] for answer in answers}) == 1
    made(DownloadLink.objects.get())
    assert web.post(ask_at).headers["Location"] == answers[0].headers["Location"]
    assert signed(account) == 1


def test_a_link_is_used_as_long_as_more_than_a_minute_is_left(web, account, ready, ask_at):
    for minutes, fresh in ((58, False), (59.5, True)):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=False):
            assert (web.post(ask_at).headers["Location"] != f"/downloads/{ready.pk}/") is fresh


def test_a_link_that_has_ended_is_gone_and_leads_to_a_new_one(web, ready, ask_at):
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        page = web.get(f"/downloads/{ready.pk}/file/")
        assert page.status_code == 410
        assert "Link expired" in words(page)
        assert web.post(f"/downloads/{ready.pk}/url/").status_code == 410
        page = web.get(f"/downloads/{ready.pk}/")
        assert "This link has expired." in told(page)
        again = next(form for form in dom(page).iter("form") if "Try again" in words(form))
        assert again.get("action") == ask_at
        assert "Expired 1 h ago" in words(web.get("/downloads/"))
        assert "Open" not in words(web.get("/downloads/"))


@pytest.mark.parametrize("path", ["file/", "url/"])
def test_a_link_that_is_still_being_made_leads_to_no_file(web, table, alice, path):
    asked = links.ask(table, alice, 3600)
    method = web.get if path == "file/" else web.post
    assert method(f"/downloads/{asked.pk}/{path}").status_code == 410


def test_the_list_tells_time_left_and_offers_to_open_copy_and_renew(web, ready, table):
    page = web.get("/downloads/")
    [row] = dom(page).iterfind(".//tbody/tr")
    cells = [words(cell) for cell in row]
    assert cells[0] == "things.csv"
    assert cells[1].startswith(("Expires in 60 min", "Expires in 1 h"))
    assert cells[2:4] == ["just now", "alice@example.com"]
    assert [words(one) for one in row.iter() if one.tag in ("a", "button")][1:] == ["Open", "Copy", "Extend"]
    assert link(page, "Open") == f"/downloads/{ready.pk}/file/"
    copy = next(form for form in row.iter("form") if "Copy" in words(form))
    assert copy.get("action") == f"/downloads/{ready.pk}/url/"


def test_renewing_makes_a_new_link_beside_the_one_that_is_alive(web, account, ready):
    row = dom(web.get("/downloads/")).find(".//tbody/tr")
    form = next(form for form in row.iter("form") if "Extend" in words(form))
    typed = {one.get("name"): one.get("value") for one in form.iter("input")}
    assert (typed["renew"], typed["expires_in"]) == ("on", "3600")
    assert web.post(form.get("action"), typed).status_code == 302
    fresh = DownloadLink.objects.exclude(pk=ready.pk).get()
    assert "Creating…" in words(web.get("/downloads/"))
    assert made(fresh).is_alive
    assert signed(account) == 2
    assert web.get(f"/downloads/{ready.pk}/file/").status_code == 302


def test_without_links_the_list_says_how_to_get_one(web):
    page = web.get("/downloads/")
    assert "No download links yet" in words(page)
    assert link(page, "Data sources") == "/sources/"


@pytest.mark.parametrize(
    ("query", "status", "sentence", "shown"),
    [
        ("", 200, "Page 1 of 2", 50),
        ("?page=2", 200, "Page 2 of 2", 1),
        ("?page=3", 404, "There is no page 3", 50),
        ("?page=abc", 400, "“page” in the address: Enter a whole number.", 50),
        ("?page=0", 400, "“page” in the address", 50),
    ],
)
def test_many_links_come_in_pages(web, ready, query, status, sentence, shown, django_assert_max_num_queries):
    values = {"source": ready.source, "asked_by": ready.asked_by, "expires_in_s": 300, "state": "failed"}
    DownloadLink.objects.bulk_create(DownloadLink(**values) for _ in range(50))
    web.get("/keys/")  # notes, once in five minutes, that she is here
    with django_assert_max_num_queries(11):
        page = web.get(f"/downloads/{query}")
    assert page.status_code == status
    assert sentence in words(page)
    assert len(all_words(page, ".//tbody/tr")) == shown


def test_links_of_a_source_that_is_gone_are_gone(web, ready, table):
    from datasources import mirror

    mirror.mark_gone(table)
    assert "No download links yet" in words(web.get("/downloads/"))
    assert web.get(f"/downloads/{ready.pk}/").status_code == 404
