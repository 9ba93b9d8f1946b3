"""The first sign-up in production shows the setup code of the release."""

import re
from io import StringIO

import pytest
from django.core.management import call_command

from accounts import setup
from accounts.models import SetupCode, User
from tests.accounts.test_sign_up import PASSWORD

FORM = {"email": "first@example.com", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture(autouse=True)
def production(settings, transactional_db):
    settings.PRODUCTION, settings.SIGNUP_OPEN = True, False


def released() -> str:
    """What the release prints."""
    output = StringIO()
    call_command("release", verbosity=0, stdout=output)
    return output.getvalue()


def code() -> str:
    return re.fullmatch(r"Setup code for the first sign-up: (\S+)\n", released())[1]


def sign_up(client, **more: str):
    return client.post("/accounts/signup/", FORM | more)


def test_the_first_sign_up_with_the_code_of_the_release_makes_an_administrator(client):
    right = code()
    assert 'name="setup_code"' in client.get("/accounts/signup/").content.decode()
    assert sign_up(client, setup_code=f" {right} ").status_code == 302
    assert User.objects.get().is_staff


@pytest.mark.parametrize("wrong", [{}, {"setup_code": ""}, {"setup_code": "x" * 20}, {"setup_code": "\u2028"}])
def test_without_the_right_code_nobody_signs_up(client, wrong):
    code()
    answer = sign_up(client, **wrong)
    assert answer.status_code == 200
    assert "Wrong setup code" in answer.content.decode() or "required" in answer.content.decode()
    assert "first@example.com" in answer.content.decode()
    assert not User.objects.exists()


def test_without_a_release_nobody_signs_up(client):
    assert sign_up(client, setup_code="").status_code == 200
    assert not User.objects.exists()


def test_the_code_is_stored_as_a_hash_and_works_once(client):
    right = code()
    assert right not in str(list(SetupCode.objects.values()))
    sign_up(client, setup_code=right)
    assert not SetupCode.objects.exists()
    assert not setup.is_right(right)
    assert released() == ""


def test_a_further_release_replaces_the_code(client):
    old, new = code(), code()
    assert not setup.is_right(old)
    assert setup.is_right(new)


def test_wrong_codes_are_throttled(client):
    code()
    statuses = [sign_up(client, setup_code=f"wrong-{number}").status_code for number in range(21)]
    assert statuses[-1] == 429
    assert set(statuses[:-1]) == {200}


def test_later_sign_ups_are_asked_for_no_code(client, settings, alice):
    settings.SIGNUP_OPEN = True
    assert "setup_code" not in client.get("/accounts/signup/").content.decode()
    assert sign_up(client).status_code == 302
    assert not User.objects.get(email="first@example.com").is_staff


def test_a_laptop_asks_for_no_code(client, settings):
    settings.PRODUCTION = False
    assert released() == ""
    assert "setup_code" not in client.get("/accounts/signup/").content.decode()
    assert sign_up(client).status_code == 302
    assert User.objects.get().is_staff
