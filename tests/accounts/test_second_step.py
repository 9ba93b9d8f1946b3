import base64
import re
from urllib.parse import unquote

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from core import vault
from datasources.models import Canary
from tests.support.html import dom, told, words
from tests.support.leaks import database_content, redis_content
from tests.support.mfa import app_of, code, codes_of, codes_shown, confirmed, passkey_of, secret_shown
from tests.support.redis import forget_after

pytestmark = pytest.mark.usefixtures("mails_at_once")

RIGHT = {"login": "alice@example.com", "password": "alices-password"}
ACTIVATE, DEACTIVATE = "/accounts/2fa/totp/activate/", "/accounts/2fa/totp/deactivate/"
CODES, NEW_CODES = "/accounts/2fa/recovery-codes/", "/accounts/2fa/recovery-codes/generate/"
SECOND_STEP = "/accounts/2fa/authenticate/"


def is_signed_in(client) -> bool:
    return client.get("/keys/").status_code == 200


def password_given(client=None) -> Client:
    """A browser that waits at the second step."""
    client = client or Client()
    assert client.post("/accounts/login/", RIGHT)["Location"] == SECOND_STEP
    return client


def give(client, text: str):
    return client.post(SECOND_STEP, {"code": text})


# --- Setting up an app ---


@pytest.fixture
def sure(web, alice) -> Client:
    """Alice's browser, in which she has just shown who she is."""
    return confirmed(web, alice)


def test_an_app_is_set_up_and_its_recovery_codes_are_shown_once(sure, alice):
    page = sure.get(ACTIVATE)
    secret = secret_shown(page.content.decode())
    assert "no-store" in page["Cache-Control"]
    answer = sure.post(ACTIVATE, {"code": code(secret)})
    assert answer["Location"] == CODES
    page = sure.get(CODES)
    assert "no-store" in page["Cache-Control"]
    codes = codes_shown(page.content.decode())
    assert len(codes) == len(set(codes)) == 10
    [file] = [one for one in dom(page).iter("a") if one.get("download")]
    kept = base64.b64decode(unquote(file.get("href").removeprefix("data:text/plain;base64,"))).decode()
    assert kept.split() == codes
    again = sure.get(CODES).content.decode()
    assert not any(one in again.replace(" ", "") for one in codes)
    assert sure.get("/accounts/2fa/recovery-codes/download/").status_code == 403
    assert is_signed_in(sure)


def test_who_wants_to_set_one_up_shows_first_who_they_are(web, alice):
    answer = web.get(ACTIVATE)
    assert answer["Location"] == f"/accounts/reauthenticate/?next={ACTIVATE.replace('/', '%2F')}"
    page = web.get(answer["Location"])
    assert "Confirm it's you" in words(page)
    form = {"password": "wrong", "next": ACTIVATE}
    assert web.post("/accounts/reauthenticate/", form).status_code == 200
    assert web.get(ACTIVATE).status_code == 302
    assert web.post("/accounts/reauthenticate/", {**form, "password": "alices-password"})["Location"] == ACTIVATE
    assert web.get(ACTIVATE).status_code == 200


def test_showing_who_one_is_holds_for_five_minutes(alice, client_of, time_machine):
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    web = confirmed(client_of(alice), alice)
    time_machine.move_to("2026-03-01T12:04:59Z", tick=False)
    assert web.get(ACTIVATE).status_code == 200
    time_machine.move_to("2026-03-01T12:05:01Z", tick=False)
    assert web.get(ACTIVATE).status_code == 302


def test_a_wrong_code_turns_nothing_on_and_the_secret_stays_the_one_that_was_scanned(sure):
    secret = secret_shown(sure.get(ACTIVATE).content.decode())
    answer = sure.post(ACTIVATE, {"code": code(secret, steps=7)})
    assert "Wrong code or passkey" in words(answer)
    assert secret_shown(answer.content.decode()) == secret
    assert not Authenticator.objects.exists()
    assert sure.post(ACTIVATE, {"code": code(secret)}).status_code == 302


def test_the_page_has_the_secret_as_a_picture_and_nothing_inline(sure):
    page = sure.get(ACTIVATE)
    secret = secret_shown(page.content.decode())
    [picture] = [one for one in dom(page).iter("img") if one.get("class") == "qr-code"]
    assert picture.get("src").startswith("data:image/svg+xml;base64,")
    assert secret not in picture.get("alt")
    [link] = [one.get("href") for one in dom(page).iter("a") if one.get("href").startswith("otpauth:")]
    assert link == f"otpauth://totp/alice%40example.com?secret={secret}&issuer=Claro%20Dashboard"
    assert "style=" not in page.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.content.decode())


# --- Signing in ---


def test_the_password_alone_signs_nobody_in_and_the_code_does(alice):
    secret = app_of(alice)
    client = password_given()
    assert not is_signed_in(client)
    page = client.get(SECOND_STEP)
    assert "Two-step verification" in words(page)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.content.decode())
    assert give(client, code(secret))["Location"] == "/sources/"
    assert is_signed_in(client)


def test_one_comes_to_where_one_wanted_to_go(alice):
    secret = app_of(alice)
    client = Client()
    client.post("/accounts/login/", {**RIGHT, "next": "/downloads/"})
    assert give(client, code(secret))["Location"] == "/downloads/"


@pytest.mark.parametrize("typed", ["000000", "", "abc", "١٢٣٤٥٦", "12345678901234567890"])
def test_a_wrong_code_signs_nobody_in(alice, typed):
    app_of(alice)
    codes_of(alice)
    client = password_given()
    answer = give(client, typed)
    assert answer.status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_time_is_wrong(alice, time_machine, steps):
    time_machine.move_to("2026-03-01T12:00:15Z", tick=False)
    secret = app_of(alice)
    client = password_given()
    give(client, code(secret, steps))
    assert not is_signed_in(client)


@pytest.mark.parametrize("steps", [-1, 1])
def test_a_clock_may_be_half_a_minute_off(alice, time_machine, steps):
    time_machine.move_to("2026-03-01T12:00:15Z", tick=False)
    secret = app_of(alice)
    client = password_given()
    give(client, code(secret, steps))
    assert is_signed_in(client)


@pytest.mark.parametrize("written", ["{}", " {} ", "{}-", "{}."])
@pytest.mark.parametrize("later_s", [0, 31, 59])
def test_a_code_that_was_looked_at_over_a_shoulder_is_used_up(alice, time_machine, written, later_s):
    time_machine.move_to("2026-03-01T12:00:00Z", tick=False)
    secret = app_of(alice)
    used = code(secret, steps=1)
    assert give(password_given(), used).status_code == 302
    time_machine.move_to(f"2026-03-01T12:00:{later_s:02}Z", tick=False)
    forget_after(later_s)
    thief = password_given()
    give(thief, written.format(used))
    assert not is_signed_in(thief)


def test_guessing_ends_after_a_few_attempts_even_with_the_right_code(alice):
    secret = app_of(alice)
    for _ in range(5):
        give(password_given(), "000000")
    client = password_given()
    assert "Too many" in words(give(client, code(secret)))
    assert not is_signed_in(client)


def test_a_recovery_code_signs_in_once(alice):
    app_of(alice)
    first, second, *_ = codes_of(alice)
    client = password_given()
    give(client, f"{first[:4]} {first[4:]}")
    assert is_signed_in(client)
    assert "9 left" in words(client.get("/accounts/"))
    again = password_given()
    give(again, first)
    assert not is_signed_in(again)
    give(again, second)
    assert is_signed_in(again)


def test_new_recovery_codes_end_the_old_ones(sure, alice):
    app_of(alice)
    old = codes_of(alice)
    assert sure.get(NEW_CODES).status_code == 200
    sure.post(NEW_CODES)
    new = codes_shown(sure.get(CODES).content.decode())
    assert len(new) == 10
    assert not set(old) & set(new)
    client = password_given()
    give(client, old[0])
    assert not is_signed_in(client)
    give(client, new[0])
    assert is_signed_in(client)


def test_turning_the_app_off_leaves_the_password_alone_and_no_codes(sure, alice):
    app_of(alice)
    codes_of(alice)
    assert sure.post(DEACTIVATE)["Location"] == "/accounts/2fa/"
    assert not Authenticator.objects.exists()
    assert Client().post("/accounts/login/", RIGHT)["Location"] == "/sources/"


@pytest.mark.parametrize("path", [ACTIVATE, DEACTIVATE, CODES, NEW_CODES, "/accounts/2fa/webauthn/add/"])
def test_a_session_alone_changes_nothing(web, alice, path):
    if path != ACTIVATE:
        app_of(alice)
        codes_of(alice)
    before = list(Authenticator.objects.values("pk", "data"))
    for answer in (web.get(path), web.post(path, {"code": "1"})):
        if answer.status_code == 405:
            continue
        assert answer["Location"].startswith(("/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/"))
    assert list(Authenticator.objects.values("pk", "data")) == before


def test_a_new_password_by_mail_does_not_go_round_the_second_step(client, alice):
    app_of(alice)
    client.post("/accounts/password/reset/", {"email": alice.email})
    [address] = re.findall(r"https?://testserver(/accounts/password/reset/key/\S+)", mail.outbox[0].body)
    form = client.get(address)["Location"]
    client.post(form, {"password1": "another-good-one", "password2": "another-good-one"})
    assert not is_signed_in(client)
    again = Client()
    again.post("/accounts/login/", {**RIGHT, "password": "another-good-one"})
    assert not is_signed_in(again)


def test_people_are_told_by_mail_and_the_mail_has_no_secret(sure, alice, settings):
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    sure.get("/accounts/email/")  # the address gets its row
    secret = secret_shown(sure.get(ACTIVATE).content.decode())
    sure.post(ACTIVATE, {"code": code(secret)})
    codes = codes_shown(sure.get(CODES).content.decode())
    [message] = mail.outbox
    assert "Authenticator app activated" in message.body
    assert not any(one in message.body for one in (secret, *codes))


def test_a_second_factor_that_is_removed_while_it_is_asked_for_leads_to_a_new_sign_in(alice):
    app_of(alice)
    waiting = password_given()
    Authenticator.objects.filter(user=alice).delete()
    assert waiting.get(SECOND_STEP)["Location"] == "/accounts/login/"
    assert waiting.get("/accounts/login/").status_code == 200
    waiting.post("/accounts/login/", RIGHT)
    assert is_signed_in(waiting)


# --- What is stored ---


def test_no_secret_lies_anywhere_in_clear(sure, alice):
    secret = secret_shown(sure.get(ACTIVATE).content.decode())
    sessions = str([session.get_decoded() for session in Session.objects.all()])
    assert "mfa.totp.secret" in sessions
    assert secret not in sessions
    sure.post(ACTIVATE, {"code": code(secret)})
    codes = codes_shown(sure.get(CODES).content.decode())
    password_given()
    seed = vault.unseal(Authenticator.objects.get(type="recovery_codes").data["seed"], "second factor")
    stored = database_content() + redis_content() + str([s.get_decoded() for s in Session.objects.all()]).encode()
    assert not [one for one in (secret, seed, *codes) if one.encode() in stored]
    assert b"second factor" not in stored


def test_a_second_factor_may_be_the_first_secret_and_leaves_the_canary(sure):
    secret = secret_shown(sure.get(ACTIVATE).content.decode())
    sure.post(ACTIVATE, {"code": code(secret)})
    assert Canary.objects.get().unseal() == Canary.TEXT


# --- The account page ---


def test_the_account_page_says_what_is_on(web, alice):
    assert "Off: your password alone is enough to sign in." in words(web.get("/accounts/"))
    app_of(alice)
    codes_of(alice)
    page = words(web.get("/accounts/"))
    assert "On: signing in needs a second step after the password." in page
    assert "10 left" in page
    assert "Show once" in page


def test_passkeys_are_listed_by_name_and_anothers_are_not_there(sure, client_of, alice, bob):
    mine = passkey_of(alice, "My \u202e<b>laptop</b>")
    assert "<b>laptop</b>" in words(sure.get("/accounts/"))
    bobs = confirmed(client_of(bob), bob)
    assert "laptop" not in words(bobs.get("/accounts/"))
    for path in (f"/accounts/2fa/webauthn/keys/{mine.pk}/edit/", f"/accounts/2fa/webauthn/keys/{mine.pk}/remove/"):
        assert sure.get(path).status_code == 200
        assert {getattr(bobs, method)(path).status_code for method in ("get", "post")} == {404}
    assert Authenticator.objects.get() == mine


@pytest.mark.parametrize("path", ["/accounts/2fa/", "/accounts/2fa/webauthn/"])
def test_allauth_s_own_lists_lead_there(web, path):
    assert web.get(path)["Location"] == "/accounts/"


# --- Lost ---


def test_without_the_master_key_the_page_says_why_nobody_gets_in(alice, settings):
    secret = app_of(alice)
    codes_of(alice)
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    answer = give(password_given(), code(secret))
    assert answer.status_code == 503
    assert "master key" in words(answer)


def test_who_runs_it_takes_lost_factors_away(alice, bob, capsys):
    for person in (alice, bob):
        app_of(person)
        codes_of(person)
    call_command("remove_second_factors", "Alice@example.com")
    assert "alice@example.com: 2 removed" in capsys.readouterr().out
    assert set(Authenticator.objects.values_list("user", flat=True)) == {bob.pk}
    client = Client()
    client.post("/accounts/login/", RIGHT)
    assert is_signed_in(client)


def test_nobody_s_factors_are_taken_by_a_typing_error(alice):
    app_of(alice)
    with pytest.raises(CommandError, match="No user has the address alcie"):
        call_command("remove_second_factors", "alcie@example.com")
    assert Authenticator.objects.exists()


def test_the_messages_are_in_our_words(sure, alice):
    app_of(alice)
    assert "Authenticator app turned off." in told(sure.post(DEACTIVATE, follow=True))
