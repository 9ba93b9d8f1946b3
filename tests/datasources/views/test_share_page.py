"""What whoever has a share link gets, without an account."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import requests
import time_machine
from django.test import Client
from django.utils import timezone

from core import redis, throttle
from datasources import mirror
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, ShareLink
from datasources.sharing import shares
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.html import all_words, dom, link, told, words
from tests.support.leaks import redis_content
from tests.support.shares import PERSON, SCRIPT, path, uses
from tests.support.threads import at_once

PREVIEWS = [
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Twitterbot/1.0",
    "facebookexternalhit/1.1",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "LinkedInBot/1.0",
    "Mozilla/5.0 (Windows NT 10.0) SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
]
BROWSERS = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; CUBOT_X18_Plus) AppleWebKit/537.36 Chrome/90.0 Mobile Safari/537.36",
    "Wget/1.21",
    "python-requests/2.32",
]


@pytest.fixture
def share(alice, table) -> ShareLink:
    return shares.make(alice, table.key, [table], note="For the <b>supplier</b>")


@pytest.fixture
def alive(share) -> ShareLink:
    """A share link behind which a download link lives."""
    made(shares.renew(share, 1))
    return share


def signed(account) -> int:
    return len(account.calls("/download", "POST"))


# --- The page ---


def test_the_page_says_what_the_file_is_and_has_one_button(outside, alive):
    page = outside.get(path(alive))
    assert page.status_code == 200
    assert all_words(page, ".//h1") == ["things.csv"]
    assert "CSV · " in words(page)
    assert "For the <b>supplier</b>" in words(page)
    assert link(page, "Download") == "?dl=1"
    assert len(list(dom(page).iter("a"))) == 1


def test_the_page_is_for_no_search_engine_no_referrer_no_cache_and_sets_no_cookie(outside, alive, alice):
    for query in ("", "?dl=7"):
        response = outside.get(path(alive, query))
        assert not response.cookies
    for query in ("", "?dl=1", "?dl=7"):
        response = outside.get(path(alive, query))
        assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response.headers["Cache-Control"]
    metas = {meta.get("name"): meta.get("content") for meta in dom(outside.get(path(alive))).iter("meta")}
    assert (metas["robots"], metas["referrer"]) == ("noindex, nofollow", "no-referrer")


def test_the_page_tells_nothing_of_who_shares_and_by_which_key(outside, alive, key):
    page = outside.get(path(alive)).content.decode()
    for private in ("alice", key.label, key.fingerprint, str(alive.pk), "signature=", "/sources/"):
        assert private not in page


def test_opening_the_page_asks_for_the_file_so_that_the_click_has_it(outside, share, account):
    assert outside.get(path(share)).status_code == 200
    [asked] = DownloadLink.objects.all()
    assert redis.connection().llen("interactive") == 1
    made(asked)
    assert outside.get(path(share, "?dl=1")).status_code == 302
    outside.get(path(share))
    assert signed(account) == 1


def test_several_files_stand_on_one_page_each_with_its_button(outside, alice, account, key, table):
    account.upload("more.csv", "id\n1\n")
    share = shares.make(alice, key, sorted(synced(key), key=str))
    page = outside.get(path(share))
    assert all_words(page, ".//h1") == ["2 files"]
    assert link(page, "Download more.csv") == "?dl=1"
    assert link(page, "Download things.csv") == "?dl=2"
    assert not DownloadLink.objects.exists()
    made(shares.renew(share, 2))
    assert requests.get(outside.get(path(share, "?dl=2")).headers["Location"], timeout=30).text.startswith("id,name")
    mirror.mark_gone(table)
    page = outside.get(path(share))
    assert all_words(page, ".//h1") == ["more.csv"]
    assert link(page, "Download") == "?dl=1"


# --- The file ---


def test_a_click_leads_to_the_file_and_is_counted(outside, alive, account, django_assert_max_num_queries):
    with django_assert_max_num_queries(1):
        response = outside.get(path(alive, "?dl=1"))
    assert response.status_code == 302
    assert requests.get(response.headers["Location"], timeout=30).text.startswith("id,name,price")
    assert response.content == b""
    assert uses(alive) == 1
    assert signed(account) == 1


def test_a_person_waits_on_a_page_that_goes_on_by_itself(outside, share, account):
    response = outside.get(path(share, "?dl=1"))
    assert response.status_code == 202
    assert "The download starts automatically" in told(response)
    refresh = next(meta for meta in dom(response).iter("meta") if meta.get("http-equiv") == "refresh")
    assert refresh.get("content") == f"2;url={path(share, '?dl=1')}"
    assert redis.connection().llen("interactive") == 1
    made(DownloadLink.objects.get())
    assert outside.get(path(share, "?dl=1")).status_code == 302
    assert (uses(share), signed(account)) == (1, 1)


def test_a_script_is_told_when_to_come_again(script, share, account):
    response = script.get(path(share, "?dl=1"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert response.headers["Content-Type"].startswith("text/plain")
    made(DownloadLink.objects.get())
    assert script.get(path(share, "?dl=1")).status_code == 302
    assert signed(account) == 1


def test_who_waits_for_the_limit_is_told_for_how_long(outside, script, share, account):
    account.fault("answer", path="/download", status=429, headers={"Retry-After": "30"}, times=9)
    script.get(path(share, "?dl=1"))
    made(DownloadLink.objects.get())
    response = script.get(path(share, "?dl=1"))
    assert response.status_code == 503
    assert 20 < int(response.headers["Retry-After"]) <= 40


def test_a_link_that_continues_while_the_answer_is_made_does_not_break_it(script, share, monkeypatch):
    moments = iter([timezone.now()])
    monkeypatch.setattr(DownloadLink, "goes_on_at", property(lambda link: next(moments, None)))
    response = script.get(path(share, "?dl=1"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")


def test_a_file_that_can_t_be_fetched_is_told_and_not_asked_for_again(outside, share, account):
    account.refuse("ACCESS_DENIED", 403, path="/download", times=9)
    outside.get(path(share, "?dl=1"))
    made(DownloadLink.objects.get())
    calls = signed(account)
    response = outside.get(path(share, "?dl=1"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert "can't be fetched right now" in words(response)
    assert (DownloadLink.objects.count(), signed(account)) == (1, calls)


def test_many_clicks_at_once_make_one_call(share, account):
    def click() -> int:
        return Client(headers=PERSON).get(path(share, "?dl=1")).status_code

    assert set(at_once(8, click)) == {202}
    [asked] = DownloadLink.objects.all()
    made(asked)
    assert set(at_once(8, click)) == {302}
    assert (uses(share), signed(account)) == (8, 1)


def test_parallel_clicks_get_no_more_than_n_files(alice, table, account):
    share = shares.make(alice, table.key, [table], most_uses=3)
    made(shares.renew(share, 1))
    got = at_once(8, lambda: Client(headers=SCRIPT).get(path(share, "?dl=1")).status_code)
    assert sorted(got) == [302] * 3 + [404] * 5
    assert uses(share) == 3


def test_next_month_it_still_works(outside, alice, table, account):
    share = shares.make(alice, table.key, [table])
    made(shares.renew(share, 1))
    DownloadLink.objects.update(expires_at=timezone.now() - timedelta(days=29))
    assert outside.get(path(share, "?dl=1")).status_code == 202
    made(DownloadLink.objects.get(state="pending"))
    response = outside.get(path(share, "?dl=1"))
    assert requests.get(response.headers["Location"], timeout=30).status_code == 200


# --- Who only looks ---


@pytest.mark.parametrize("query", ["", "?dl=1"])
@pytest.mark.parametrize("agent", PREVIEWS)
def test_a_preview_is_no_download_and_makes_no_call(share, account, agent, query):
    response = Client(headers=PERSON | {"User-Agent": agent}).get(path(share, query))
    assert response.status_code == 200
    assert not DownloadLink.objects.exists()
    made(shares.renew(share, 1))
    assert Client(headers={"User-Agent": agent}).get(path(share, query)).status_code == 200
    assert uses(share) == 0


@pytest.mark.parametrize("agent", BROWSERS)
def test_whoever_is_no_preview_gets_the_file(alive, agent):
    assert Client(headers={"User-Agent": agent}).get(path(alive, "?dl=1")).status_code == 302


@pytest.mark.parametrize("query", ["", "?dl=1"])
def test_a_head_is_no_download_and_shows_no_signed_url(script, alive, account, query):
    response = script.head(path(alive, query))
    assert response.status_code == 200
    assert "Location" not in response.headers
    assert (uses(alive), signed(account)) == (0, 1)


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
def test_a_prefetch_is_no_download_and_makes_no_call(outside, share, headers):
    assert outside.get(path(share), headers=headers).status_code == 200
    response = outside.get(path(share, "?dl=1"), headers=headers)
    assert (response.status_code, "Location" in response.headers) == (503, False)
    assert not DownloadLink.objects.exists()
    assert uses(share) == 0


# --- What does not work ---


@pytest.mark.parametrize("headers", [PERSON, SCRIPT], ids=["person", "script"])
@pytest.mark.parametrize("query", ["", "?dl=1"])
def test_wrong_ended_and_paused_look_the_same(alice, key, table, headers, query):
    def share(**changes) -> ShareLink:
        one = shares.make(alice, key, [table])
        ShareLink.objects.filter(pk=one.pk).update(**changes)
        return one

    now = timezone.now()
    dead = [
        share(ended_at=now),
        share(paused_at=now),
        share(ends_at=now),
        share(most_uses=1, uses=1),
        share(most_uses=1, uses=1, names_sender=True, ended_at=now),
        share(password="x", ended_at=now),
    ]
    answers = [Client(headers=headers).get(path(one, query)) for one in dead]
    answers.append(Client(headers=headers).get(f"/d/cd_{'A' * 32}/{query}"))
    mirror.mark_gone(table)
    answers.append(Client(headers=headers).get(path(share(), query)))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    varying = {"X-Request-ID", "Expires"}
    assert len({tuple((k, v) for k, v in answer.items() if k not in varying) for answer in answers}) == 1
    assert "This link does not work" in answers[0].content.decode()


@pytest.mark.parametrize("number", ["0", "2", "x", "", "-1", "²", "99999999999"])
def test_there_is_no_other_file(outside, alive, number):
    assert outside.get(path(alive, f"?dl={number}")).status_code == 404
    assert uses(alive) == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_there_are_no_other_methods(outside, alive, method):
    assert outside.generic(method, path(alive)).status_code == 405


def test_too_many_from_one_address_wait(outside, alive, script, settings):
    address = path(alive)
    with time_machine.travel("2026-11-24T12:00:10Z", tick=False):
        for _ in range(settings.SHARE_REQUESTS_A_MINUTE // (throttle.A_GUESS + 1)):
            assert outside.get("/d/cd_wrong-token/").status_code == 404
        for client in (outside, script):
            response = client.get(address)
            assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
        assert "Wait a minute" in words(outside.get(address))
        assert outside.get(address, REMOTE_ADDR="203.0.113.9").status_code == 200


# --- Secrets ---


def test_nothing_secret_gets_into_logs_or_redis(outside, alive, caplog, table):
    caplog.set_level("DEBUG")
    token, url = alive.unseal(), links.target(table.links.get())
    outside.get(path(alive))
    outside.get(path(alive, "?dl=1"))
    assert token.encode() not in redis_content()
    assert urlsplit(url).query.encode() not in redis_content()
    ours = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("claro", "core", "data"))
    )
    assert token not in ours
    assert "/d/<str:token>/" in ours


@pytest.mark.parametrize("query", ["", "?dl=1"])
def test_while_claro_refuses_the_key_a_link_is_not_available_for_the_moment(outside, share, query):
    ApiKey.objects.update(state=ApiKey.State.INVALID)
    page = outside.get(path(share, query))
    assert (page.status_code, page["Retry-After"]) == (503, "60")
    assert "Not available right now" in words(page)
    script = Client().get(path(share, query))
    assert (script.status_code, script["Retry-After"]) == (503, "60")
    assert b"not available right now" in script.content
    ApiKey.objects.update(state=ApiKey.State.VALID)
    assert outside.get(path(share)).status_code == 200


def test_a_link_that_ended_does_not_exist_whether_its_key_is_refused_or_not(outside, share):
    shares.end(share)
    ApiKey.objects.update(state=ApiKey.State.INVALID)
    assert outside.get(path(share)).status_code == 404
