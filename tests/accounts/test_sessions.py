from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from datasources import tasks
from tests.support.html import all_words, dom, told, words
from tests.support.redis import forget_after

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 "
    "Mobile/15E148 Safari/604.1"
)


def seen(client: Client, agent: str = WINDOWS, address: str = "203.0.113.7") -> Client:
    """The browser after it has looked at a page."""
    client.get("/accounts/", headers={"User-Agent": agent}, REMOTE_ADDR=address)
    return client


def lines(client: Client) -> list[str]:
    return [line for line in all_words(client.get("/accounts/"), ".//li") if "signed in" in line]


def is_signed_in(client: Client) -> bool:
    return client.get("/keys/").status_code == 200


@pytest.fixture
def phone(client_of, alice) -> Client:
    """Alice's other browser."""
    return seen(client_of(alice), IPHONE, "2001:db8::1")


def test_the_account_page_says_where_one_is_signed_in_and_marks_this_one(web, phone):
    seen(web)
    here, there = sorted(lines(web), key=lambda line: "This device" not in line)
    assert here == "Chrome on Windows This device 203.0.113.7 · in use now · signed in just now"
    assert there.startswith("Safari on iPhone 2001:db8::1 · last seen just now · signed in just now")
    assert "This device" not in there


def test_others_sessions_are_not_among_them(web, client_of, bob):
    seen(client_of(bob), address="198.51.100.9")
    assert len(lines(seen(web))) == 1
    assert "198.51.100.9" not in words(web.get("/accounts/"))


def test_signing_in_is_listed_before_any_page_was_looked_at(client, alice):
    client.post("/accounts/login/", {"login": "alice@example.com", "password": "alices-password"})
    assert UserSession.objects.get().user == alice


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        (WINDOWS, "Chrome on Windows"),
        (IPHONE, "Safari on iPhone"),
        (f"{WINDOWS} Edg/140.0.0.0", "Edge on Windows"),
        (f"{WINDOWS} OPR/121.0.0.0", "Opera on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14.6; rv:141.0) Gecko/20100101 Firefox/141.0", "Firefox on macOS"),
        (IPHONE.replace("Version/18.6", "CriOS/140.0"), "Chrome on iPhone"),
        (IPHONE.replace("Version/18.6", "FxiOS/141.0"), "Firefox on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15; SM-S931B) Chrome/137.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/140.0 Safari/537.36", "Chrome on ChromeOS"),
        ("curl/8.15.0", "Unknown program"),
        ("", "Unknown program"),
        ("<script>alert(1)</script>", "Unknown program"),
    ],
)
def test_a_browser_is_told_in_words(agent, shown):
    assert sessions.device(agent) == shown


def test_last_seen_is_written_down_once_in_five_minutes(web, time_machine):
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    seen(web)
    for minutes, noted in [(4, "12:00"), (6, "12:00")]:
        time_machine.move_to(f"2026-03-01T12:0{minutes}Z", tick=False)
        seen(web)
        assert UserSession.objects.get().last_seen_at.strftime("%H:%M") == noted
    forget_after(6 * 60)
    time_machine.move_to("2026-03-01T12:07Z", tick=False)
    seen(web, address="203.0.113.8")
    row = UserSession.objects.get()
    assert (row.last_seen_at.strftime("%H:%M"), row.ip) == ("12:07", "203.0.113.8")


def test_a_process_asks_redis_about_a_session_once_a_minute(web, time_machine, monkeypatch):
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    asked, add = [], cache.add
    monkeypatch.setattr(cache, "add", lambda name, *values: asked.append(name) or add(name, *values))
    for second, count in [(0, 1), (59, 1), (60, 2)]:
        time_machine.move_to(f"2026-03-01T12:0{second // 60}:{second % 60:02}Z", tick=False)
        seen(web)
        assert len([name for name in asked if name.startswith("seen:")]) == count


def test_what_redis_is_told_of_a_session_is_no_key_to_it(web):
    from tests.support.leaks import redis_content

    seen(web)
    assert web.session.session_key.encode() not in redis_content()


def test_without_an_address_pages_are_shown_all_the_same(web):
    assert web.get("/keys/", REMOTE_ADDR="").status_code == 200
    assert not UserSession.objects.exists()


# --- Signing out elsewhere ---


def test_one_other_session_is_ended(web, phone, client_of, alice):
    third = seen(client_of(alice))
    row = UserSession.objects.get(session_key=phone.session.session_key)
    answer = web.post("/accounts/sessions/end/", {"session": row.pk}, follow=True)
    assert "Signed out on 1 other device." in told(answer)
    assert [is_signed_in(client) for client in (web, phone, third)] == [True, False, True]
    assert not Session.objects.filter(session_key=row.session_key).exists()


def test_all_other_sessions_are_ended(web, phone, client_of, alice, bob):
    third, bobs = seen(client_of(alice)), seen(client_of(bob))
    seen(web)
    answer = web.post("/accounts/sessions/end/", follow=True)
    assert "Signed out on 2 other devices." in told(answer)
    assert [is_signed_in(client) for client in (web, phone, third, bobs)] == [True, False, False, True]
    assert len(lines(web)) == 1
    assert "Sign out everywhere else" not in words(web.get("/accounts/"))


@pytest.mark.parametrize("pk", ["bobs", "own", "0", "-1", "abc", "1e9", "9" * 30])
def test_what_is_not_another_session_of_one_s_own_is_not_there(web, phone, client_of, bob, pk):
    bobs = seen(client_of(bob))
    keys = {"bobs": bobs, "own": seen(web)}
    pk = UserSession.objects.get(session_key=keys[pk].session.session_key).pk if pk in keys else pk
    assert web.post("/accounts/sessions/end/", {"session": pk}).status_code == 404
    assert all(is_signed_in(client) for client in (web, phone, bobs))


def test_nobody_ends_sessions_by_a_link_or_without_signing_in(web, phone):
    assert web.get("/accounts/sessions/end/").status_code == 405
    assert Client().post("/accounts/sessions/end/").status_code == 302
    assert Client(enforce_csrf_checks=True).post("/accounts/sessions/end/").status_code == 403
    assert is_signed_in(phone)


def test_a_new_password_ends_every_other_session(web, phone):
    typed = {"oldpassword": "alices-password", "password1": "another-good-one", "password2": "another-good-one"}
    answer = web.post("/accounts/password/change/", typed)
    assert answer["Location"] == "/accounts/"
    assert [is_signed_in(client) for client in (web, phone)] == [True, False]
    assert len(lines(web)) == 1
    assert not UserSession.objects.filter(user_agent=IPHONE).exists()


def test_sessions_that_do_not_hold_any_more_are_not_shown(web, phone, client_of, alice):
    expired = seen(client_of(alice))
    Session.objects.filter(session_key=expired.session.session_key).update(expire_date=timezone.now() - timedelta(1))
    assert len(lines(web)) == 2
    person = User.objects.get()
    person.set_password("changed by the command line")
    person.save()
    assert sessions.sessions_of(person) == []


def test_what_is_left_of_ended_sessions_is_forgotten_in_time(web, phone):
    seen(web)
    Session.objects.filter(session_key=phone.session.session_key).delete()
    tasks.tidy()
    assert UserSession.objects.get().session_key == web.session.session_key


def test_many_sessions_cost_no_more_queries_than_one(web, client_of, alice, django_assert_max_num_queries):
    seen(web)
    with django_assert_max_num_queries(20) as queries:
        web.get("/accounts/")
        one = len(queries)
    for _ in range(5):
        seen(client_of(alice))
    with django_assert_max_num_queries(one):
        assert len(lines(web)) == 6


# --- The page ---


def test_the_account_page_is_for_who_is_signed_in_and_is_kept_nowhere(client, web):
    assert client.get("/accounts/")["Location"] == "/accounts/login/?next=/accounts/"
    answer = web.get("/accounts/")
    assert "no-store" in answer["Cache-Control"]
    [link] = [one for one in dom(answer).iter("a") if "sidebar-user" in one.get("class", "")]
    assert (link.get("href"), link.get("aria-current")) == ("/accounts/", "page")


def test_allauth_s_own_list_of_sessions_leads_there(web):
    assert web.get("/accounts/sessions/")["Location"] == "/accounts/"


# --- By who runs it ---


def test_somebody_is_put_out_at_once_and_let_in_again(web, client, alice, capsys):
    seen(web)
    call_command("deactivate", "ALICE@example.com")
    assert "Sessions ended: 1." in capsys.readouterr().out
    assert not is_signed_in(web)
    assert not Session.objects.exists()
    typed = {"login": "alice@example.com", "password": "alices-password"}
    client.post("/accounts/login/", typed)
    assert not is_signed_in(client)
    call_command("deactivate", "alice@example.com", "--undo")
    client.post("/accounts/login/", typed)
    assert is_signed_in(client)


def test_nobody_is_put_out_by_a_typing_error(alice):
    with pytest.raises(CommandError, match="No user has the address"):
        call_command("deactivate", "alcie@example.com")
    assert User.objects.get().is_active
