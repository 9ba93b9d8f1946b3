"""Share links with a password."""

import base64

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from datasources.models import ShareLink
from datasources.sharing import shares
from tests.datasources.views.conftest import made
from tests.support.html import all_words, words
from tests.support.shares import SCRIPT, path, uses


@pytest.fixture
def locked(alice, table) -> ShareLink:
    share = shares.make(alice, table.key, [table], password="open sesame")
    made(shares.renew(share, 1))
    return share


def test_a_password_is_asked_for_before_anything_is_shown(outside, locked):
    for query in ("", "?dl=1"):
        page = outside.get(path(locked, query))
        assert page.status_code == 200
        assert "Enter the password" in words(page)
        assert "things.csv" not in page.content.decode()
    assert uses(locked) == 0


def test_the_right_password_opens_the_page_for_an_hour_and_for_this_link_only(outside, locked, alice, table):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        response = outside.post(path(locked), {"password": "open sesame"})
        assert (response.status_code, response.headers["Location"]) == (302, path(locked))
        cookie = response.cookies["share"]
        assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (path(locked), True, "Lax")
        assert all_words(outside.get(path(locked)), ".//h1") == ["things.csv"]
        assert outside.get(path(locked, "?dl=1")).status_code == 302
        other = shares.make(alice, table.key, [table], password="another")
        outside.cookies["share"]["path"] = "/"
        assert "Enter the password" in words(outside.get(path(other)))
        clock.shift(3601)
        outside.cookies["share"] = cookie.value
        assert "Enter the password" in words(outside.get(path(locked)))


def test_another_password_undoes_what_was_remembered(outside, locked):
    outside.post(path(locked), {"password": "open sesame"})
    shares.change(locked, password="something else")
    assert "Enter the password" in words(outside.get(path(locked)))


@pytest.mark.parametrize("typed", ["open sesam", "", "OPEN SESAME", "é" * 300])
def test_a_wrong_password_is_told(outside, locked, typed):
    page = outside.post(path(locked), {"password": typed})
    assert page.status_code == 422
    assert "Wrong password." in words(page)
    assert not page.cookies


def test_passwords_can_t_be_tried_without_end(outside, locked):
    with time_machine.travel("2026-11-24T12:00:10Z", tick=False):
        answers = [outside.post(path(locked), {"password": f"guess {n}"}).status_code for n in range(7)]
        assert answers == [422] * 5 + [429] * 2
        assert outside.post(path(locked), {"password": "open sesame"}).status_code == 429


def basic(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'any:{password}'.encode()).decode()}"}


def test_a_script_gives_the_password_by_http_basic_or_post(script, locked):
    response = script.get(path(locked, "?dl=1"))
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert script.get(path(locked, "?dl=1"), headers=basic("open sesame")).status_code == 302
    assert script.get(path(locked, "?dl=1"), headers=basic("wrong")).status_code == 401
    assert Client(headers=SCRIPT).post(path(locked, "?dl=1"), {"password": "open sesame"}).status_code == 302
    assert uses(locked) == 2


@pytest.mark.parametrize("credentials", ["Basic", "Basic !!!", "Basic /w==", "Bearer x", ""])
def test_odd_credentials_open_nothing(locked, credentials):
    response = Client(headers=SCRIPT | {"Authorization": credentials}).get(path(locked, "?dl=1"))
    assert response.status_code == 401


def test_a_password_in_the_address_is_no_password(script, locked):
    assert script.get(path(locked, "?dl=1&password=open+sesame")).status_code == 401
