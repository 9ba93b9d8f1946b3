"""Guessing a password is slow, and locks out nobody whose account it is."""

import re

import pytest
import time_machine
from django.core import mail
from django.test import Client

from accounts import devices
from accounts import sign_in as sign_in_rules
from accounts.models import User
from core.guesses import Guess
from tests.support.html import words
from tests.support.mfa import app_of, code
from tests.support.threads import at_once

pytestmark = pytest.mark.usefixtures("mails_at_once")

RIGHT = {"login": "alice@example.com", "password": "alices-password"}
STRANGER, OWNER = "203.0.113.7", "198.51.100.1"


@pytest.fixture
def clock():
    with time_machine.travel("2026-11-24T12:00:10Z", tick=False) as clock:
        yield clock


@pytest.fixture
def device(alice) -> Client:
    """A browser in which Alice has signed in and out."""
    client = Client()
    sign_in(client, OWNER)
    client.post("/accounts/logout/")
    return client


def sign_in(client: Client, address: str = STRANGER, **changes):
    return client.post("/accounts/login/", {**RIGHT, **changes}, REMOTE_ADDR=address)


def guess(address: str = STRANGER, **changes) -> str:
    return words(sign_in(Client(), address, **{"password": "wrong-password", **changes}))


def guessed_by_many(user: User) -> None:
    """As if fifty networks had guessed; quicker than to let them."""
    for _ in range(50):
        Guess(f"password of user {user.pk}", [("all", sign_in_rules.OF_ALL)]).count()


def is_signed_in(client: Client) -> bool:
    return client.get("/keys/").status_code == 200


def cookie_of(client: Client):
    [cookie] = [one for name, one in client.cookies.items() if name.startswith("device_")]
    return cookie


def test_wrong_passwords_of_a_stranger_block_the_right_one_nowhere_else(alice, clock):
    for _ in range(6):
        shown = guess()
    assert "Too many attempts. Try again in 6 s." in shown
    client = Client()
    sign_in(client, OWNER)
    assert is_signed_in(client)


def test_one_ipv6_network_is_one_stranger(alice, clock):
    shown = [guess(f"2001:db8:1:2::{number:x}") for number in range(1, 8)]
    assert ["Too many" in one for one in shown] == [False] * 5 + [True] * 2


def test_an_ipv4_address_behind_a_socket_for_both_is_itself(alice, clock):
    for _ in range(6):
        guess(f"::ffff:{STRANGER}")
    assert "Too many" in guess(STRANGER)
    assert "Too many" not in guess("::ffff:203.0.113.8")


def test_each_further_wrong_one_waits_longer_and_the_right_one_opens_after_it(alice, clock):
    for _ in range(5):
        guess()
    clock.shift(5.1)
    assert "Too many" not in guess()
    assert "Try again in 11 s." in guess()
    clock.shift(10.1)
    client = Client()
    sign_in(client)
    assert is_signed_in(client)


def test_of_guesses_at_the_same_moment_no_more_are_checked(alice):
    shown = at_once(8, guess)
    assert sum("Too many" not in one for one in shown) == 5


def test_other_spellings_and_addresses_of_the_account_give_no_more_guesses(alice, clock):
    spellings = [
        "alice@example.com",
        "ALICE@example.com",
        " alice@example.com",
        "Alice@Example.Com",
        "alice@EXAMPLE.com",
    ]
    for login in spellings:
        guess(login=login)
    assert "Too many" in guess()


def test_an_address_without_an_account_is_counted_like_one_with(alice, clock):
    known, unknown = [
        ["Too many" in guess(login=login) for _ in range(7)] for login in ("alice@example.com", "nobody@example.com")
    ]
    assert known == unknown == [False] * 5 + [True] * 2


@pytest.mark.slow  # sixty sign-ins
def test_guesses_from_many_networks_are_slowed_down_together(alice, clock):
    shown = [guess(f"203.0.113.{number}") for number in range(1, 61)]
    assert ["Too many" in one for one in shown] == [False] * 50 + [True] * 10
    clock.shift(31)
    client = Client()
    sign_in(client, OWNER)
    assert is_signed_in(client)


def test_a_device_that_was_signed_in_before_gets_through_all_of_that(device, alice, clock):
    guessed_by_many(alice)
    for _ in range(40):  # also more than the network may ask for
        guess(OWNER)
    assert sign_in(Client(), OWNER).status_code == 429
    sign_in(device, OWNER)
    assert is_signed_in(device)


def test_a_known_device_guesses_no_faster(device, clock):
    shown = [words(sign_in(device, password="wrong-password")) for _ in range(7)]
    assert ["Too many" in one for one in shown] == [False] * 5 + [True] * 2


def test_the_cookie_is_out_of_reach_for_scripts_long_lived_and_opens_nothing(device):
    cookie = cookie_of(device)
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", devices.KNOWN_FOR_S)
    thief = Client()
    thief.cookies[cookie.key] = cookie.value
    assert not is_signed_in(thief)
    assert "alice" not in cookie.key + cookie.value


def test_where_cookies_are_secure_no_other_host_of_the_domain_can_set_it(alice, settings):
    settings.SESSION_COOKIE_SECURE = True
    client = Client()
    sign_in(client)
    [cookie] = [one for name, one in client.cookies.items() if name.startswith("__Host-device_")]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


@pytest.mark.parametrize("spoil", ["another account", "forged", "renamed"])
def test_a_device_is_known_to_its_account_alone(device, alice, bob, clock, spoil):
    other = Client()
    sign_in(other, login="bob@example.com", password="bobs-password")
    other.post("/accounts/logout/")
    if spoil == "forged":
        cookie_of(other).set(cookie_of(other).key, "x", "x")
    elif spoil == "renamed":
        other.cookies[cookie_of(device).key] = cookie_of(other).value
    guessed_by_many(alice)
    assert "Too many" in words(sign_in(other))


def test_two_people_share_a_browser(alice, bob, clock):
    client = Client()
    for person in ("alice", "bob"):
        sign_in(client, login=f"{person}@example.com", password=f"{person}s-password")
        client.post("/accounts/logout/")
    guessed_by_many(alice)
    sign_in(client)
    assert is_signed_in(client)


def test_a_new_password_by_mail_makes_a_way_through(alice, clock):
    client = Client()
    client.post("/accounts/password/reset/", {"email": alice.email})
    [address] = re.findall(r"https?://testserver(/accounts/password/reset/key/\S+)", mail.outbox[0].body)
    client.post(client.get(address)["Location"], {"password1": "another-good-one", "password2": "another-good-one"})
    guessed_by_many(alice)
    assert "Too many" in words(sign_in(Client(), OWNER, password="another-good-one"))
    sign_in(client, OWNER, password="another-good-one")
    assert is_signed_in(client)


def test_a_person_who_is_signed_in_can_prove_it_again_meanwhile(alice, client_of, clock):
    web = client_of(alice)
    guessed_by_many(alice)
    answer = web.post("/accounts/reauthenticate/", {"password": "alices-password"})
    assert answer.status_code == 302


# --- The second step ---


def test_wrong_codes_of_a_stranger_with_the_password_block_the_right_code_nowhere_else(alice, clock):
    secret = app_of(alice)

    def give(address: str, typed: str) -> Client:
        client = Client()
        sign_in(client, address)
        client.post("/accounts/2fa/authenticate/", {"code": typed}, REMOTE_ADDR=address)
        return client

    for _ in range(7):
        give(STRANGER, "000000")
    assert not is_signed_in(give(STRANGER, code(secret)))
    assert is_signed_in(give(OWNER, code(secret)))


def test_a_link_to_a_new_password_is_no_way_to_flood_a_mailbox(alice, clock):
    for number in range(20):
        Client().post("/accounts/password/reset/", {"email": alice.email}, REMOTE_ADDR=f"203.0.113.{number}")
        clock.shift(29)
    assert len(mail.outbox) == 5
