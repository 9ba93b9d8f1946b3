import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts import teams
from accounts.sessions import signed_out_elsewhere
from datasources.models import AuditEvent
from tests.support.mfa import app_of, code, confirmed, secret_shown

RIGHT = {"login": "alice@example.com", "password": "alices-password"}


def happened() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("what", flat=True))


def test_signing_in_and_out_is_written_down_with_where_from(client, alice):
    client.post("/accounts/login/", RIGHT, headers={"User-Agent": "Firefox on Linux"})
    client.post("/accounts/logout/")
    assert happened() == ["signed_in", "signed_out"]
    event = AuditEvent.objects.order_by("pk").first()
    assert (event.actor, event.address, event.agent) == (alice, "127.0.0.1", "Firefox on Linux")


def test_signing_out_elsewhere_is_written_down_with_the_devices(web, alice, client_of):
    web.get("/accounts/")
    assert web.post("/accounts/sessions/end/").status_code == 302
    assert happened() == []
    agents = ("Firefox/140 Windows", "Chrome/140 Linux", "Safari/17 iPhone", "Firefox/140 Linux")
    for agent in agents:
        client_of(alice).get("/accounts/", headers={"User-Agent": agent})
    web.post("/accounts/sessions/end/", {"session": UserSession.objects.get(user_agent=agents[0]).pk})
    web.post("/accounts/sessions/end/")
    said = list(AuditEvent.objects.order_by("pk").values_list("what", "details__devices"))
    assert said[0] == ("signed_out_elsewhere", "Firefox on Windows")
    assert len(said) == 2
    assert set(said[1][1].split(", ")) == {"Chrome on Linux", "Safari on iPhone", "Firefox on Linux"}


def test_of_many_places_a_few_are_named(alice):
    signed_out_elsewhere.send(None, user=alice, devices=["Edge on Windows"] * 12)
    assert AuditEvent.objects.get().details["devices"].endswith("Edge on Windows and 9 more")


def test_signing_up_is_written_down(client, db):
    new = {"email": "carol@example.com", "password1": "a-new-password", "password2": "a-new-password"}
    client.post("/accounts/signup/", new)
    assert happened() == ["signed_up", "signed_in"]


def test_a_new_password_is_written_down(web):
    web.post(
        "/accounts/password/change/",
        {"oldpassword": "alices-password", "password1": "another-password", "password2": "another-password"},
    )
    assert happened() == ["password_changed"]


def test_the_teams_one_is_in_are_told(client, alice):
    team = teams.create("Catalogue", alice)
    client.post("/accounts/login/", RIGHT)
    assert list(AuditEvent.objects.get().teams.all()) == [team]


@pytest.mark.parametrize("login", ["alice@example.com", " ALICE@example.com"])
def test_a_failed_sign_in_is_written_down_for_whose_account_it_is(client, alice, login):
    client.post("/accounts/login/", {"login": login, "password": "wrong-password"})
    event = AuditEvent.objects.get()
    assert (event.what, event.who, event.actor, event.owner) == ("sign_in_failed", "Unknown visitor", None, alice)
    assert event.about == "alice@example.com"


def test_guessing_is_one_line_in_a_while_for_each_address(alice):
    def guess(address: str) -> None:
        Client(REMOTE_ADDR=address).post("/accounts/login/", {**RIGHT, "password": "wrong-password"})

    for _ in range(3):
        guess("203.0.113.7")
    guess("203.0.113.8")
    assert happened() == ["sign_in_failed"] * 2


def test_a_sign_in_to_no_account_leaves_no_line(client, alice):
    client.post("/accounts/login/", {"login": "nobody@example.com", "password": "wrong-password"})
    assert happened() == []


def test_without_redis_a_failure_is_still_written_down(alice, redis_server):
    from django.contrib.auth.signals import user_login_failed

    redis_server.stop()
    try:
        user_login_failed.send(sender=None, credentials={"email": alice.email}, request=None)
    finally:
        redis_server.start()
    assert happened() == ["sign_in_failed"]


def test_second_factors_that_come_and_go_are_written_down_without_what_they_know(client_of, alice):
    web = confirmed(client_of(alice), alice)
    secret = secret_shown(web.get("/accounts/2fa/totp/activate/").content.decode())
    web.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    web.post("/accounts/2fa/recovery-codes/generate/")
    web.post("/accounts/2fa/totp/deactivate/")
    said = [(event.what, event.details["factor"]) for event in AuditEvent.objects.order_by("pk")]
    assert said[:3] == [
        ("factor_added", "an authenticator app"),
        ("factor_added", "recovery codes"),
        ("factor_made_anew", "recovery codes"),
    ]
    assert ("factor_removed", "an authenticator app") in said
    assert secret not in repr(list(AuditEvent.objects.values()))


def test_a_wrong_second_step_is_one_line_in_a_while(client, alice):
    app_of(alice)
    client.post("/accounts/login/", RIGHT)
    for _ in range(2):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    event = AuditEvent.objects.get()
    assert (event.what, event.who, event.owner) == ("second_step_failed", "Unknown visitor", alice)
