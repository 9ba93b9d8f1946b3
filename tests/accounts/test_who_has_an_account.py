"""What a page does, and so how long it takes, does not tell who has an account."""

import json

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import new_password
from accounts.models import User
from core import redis
from datasources import tasks
from tests.support.hashers import Counting
from tests.support.html import words

PASSWORD = "correct-horse-battery"


@pytest.fixture
def hashing(settings, alice):
    """Counts hashes; Alice's password is one of these."""
    settings.PASSWORD_HASHERS = ["tests.support.hashers.Counting"]
    alice.set_password("alices-password")
    alice.save()


def hashes(act) -> int:
    before = Counting.count
    act()
    return Counting.count - before


@pytest.mark.parametrize("email", ["alice@example.com", "new@example.com"])
def test_signing_up_hashes_once_and_mails_once_for_every_address(hashing, settings, email):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    form = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
    client = Client()
    assert hashes(lambda: client.post("/accounts/signup/", form)) == 1
    assert [message.to for message in mail.outbox] == [[email]]
    assert client.post("/accounts/signup/", form)["Location"] == "/accounts/confirm-email/"


@pytest.mark.parametrize("kind", ["right address", "no account", "no password", "inactive"])
def test_signing_in_hashes_once_for_every_address(hashing, alice, kind):
    email = "nobody@example.com" if kind == "no account" else alice.email
    if kind == "no password":
        alice.set_unusable_password()
        alice.save()
    User.objects.filter(pk=alice.pk).update(is_active=kind != "inactive")
    form = {"login": email, "password": "wrong-password"}
    assert hashes(lambda: Client().post("/accounts/login/", form)) == 1


def test_asking_for_a_new_password_costs_the_same_queries_and_leaves_the_rest_to_a_worker(alice):
    def cost(email: str) -> tuple[int, list[list]]:
        redis.connection().delete("background")
        with CaptureQueriesContext(connection) as queries:
            answer = Client().post("/accounts/password/reset/", {"email": email})
        assert answer["Location"] == "/accounts/password/reset/done/"
        [message] = redis.connection().lrange("background", 0, -1)
        return len(queries), json.loads(message)["headers"]["task"]

    assert cost("alice@example.com") == cost("nobody@example.com")
    assert mail.outbox == []


def test_the_worker_mails_who_has_an_account_and_nobody_else(alice):
    assert tasks.mail_new_password("nobody@example.com", "http://testserver/") == "nobody"
    assert mail.outbox == []
    assert tasks.mail_new_password("alice@example.com", "https://claro.example.com:8443/") == "sent"
    assert "https://claro.example.com:8443/accounts/password/reset/key/" in mail.outbox[0].body


def test_an_inactive_account_gets_no_link(alice):
    User.objects.update(is_active=False)
    assert new_password.mail(alice.email, "http://testserver/") == "nobody"


def test_a_mail_server_that_fails_ends_no_worker(alice, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    assert new_password.mail(alice.email, "http://testserver/") == "not sent"


def test_no_link_and_no_password_goes_through_the_broker(alice):
    Client().post("/accounts/password/reset/", {"email": "alice@example.com"})
    [message] = redis.connection().lrange("background", 0, -1)
    assert b"password/reset/key" not in message


def test_without_redis_nothing_is_promised(alice, redis_server):
    redis_server.stop()
    try:
        answer = Client().post("/accounts/password/reset/", {"email": "alice@example.com"})
    finally:
        redis_server.start()
    assert (answer.status_code, "Not available right now" in words(answer)) == (503, True)
