import pytest
from django.test import Client

from accounts import teams
from datasources.models import AuditEvent

RIGHT = {"login": "alice@example.com", "password": "alices-password"}


def happened() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("what", flat=True))


def test_signing_in_and_out_is_written_down_with_where_from(client, alice):
    client.post("/accounts/login/", RIGHT, headers={"User-Agent": "Firefox on Linux"})
    client.post("/accounts/logout/")
    assert happened() == ["signed_in", "signed_out"]
    event = AuditEvent.objects.order_by("pk").first()
    assert (event.actor, event.address, event.agent) == (alice, "127.0.0.1", "Firefox on Linux")


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
    assert (event.what, event.who, event.actor, event.owner) == ("sign_in_failed", "Somebody", None, alice)
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
