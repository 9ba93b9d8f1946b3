import hashlib
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.checks import run_checks
from django.test import Client

from accounts.models import User
from tests.accounts.conftest import BACK, START, confirm, go, is_signed_in, sign_on
from tests.support.html import dom, link, told, words
from tests.support.mfa import app_of, passkey_of
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET

# --- Signing up and in ---


def test_who_the_provider_knows_signs_up_although_sign_up_is_closed(client, provider, alice):
    page = client.get("/accounts/login/")
    assert link(page, "Sign in with Example") == START
    assert "Sign up" not in words(page)
    answer = sign_on(client)
    assert answer["Location"] == "/sources/"
    assert is_signed_in(client)
    dora = User.objects.get(email="dora@example.com")
    assert (dora.has_usable_password(), dora.is_staff) == (False, False)
    assert EmailAddress.objects.get(user=dora).verified
    again = Client()
    sign_on(again)
    assert is_signed_in(again)
    assert User.objects.count() == 2


def test_the_first_person_looks_after_the_installation(client, provider):
    sign_on(client)
    assert User.objects.get().is_staff


def test_the_provider_is_asked_as_the_specification_says(client, provider):
    answer = client.get(START)
    assert answer["Location"].startswith(f"{provider.url}/authorize?")
    [asked] = [dict(parse_qsl(urlsplit(answer["Location"]).query))]
    assert set(asked.pop("scope").split()) == {"openid", "email"}
    assert asked.pop("redirect_uri") == f"http://testserver{BACK}"
    assert {len(asked.pop(name)) >= 16 for name in ("state", "nonce", "code_challenge")} == {True}
    assert asked == {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}


def test_what_the_provider_confirms_needs_no_second_mail(client, provider, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    sign_on(client)
    assert is_signed_in(client)
    assert mail.outbox == []


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"], None])
def test_the_secret_is_shown_as_the_provider_wants_it(client, provider, methods):
    if methods:
        provider.config["token_endpoint_auth_methods_supported"] = methods
    sign_on(client)
    assert is_signed_in(client)


def test_an_address_that_only_the_userinfo_tells_counts(client, provider):
    provider.userinfo = provider.person
    sign_on(client)
    assert is_signed_in(client)


def test_a_provider_without_userinfo_is_not_asked_for_it(client, provider):
    provider.config["userinfo_endpoint"] = None
    del provider.person["email"]
    assert "E-mail address not confirmed" in words(sign_on(client))


def test_a_single_key_needs_no_name(client, provider):
    provider.kid = ""
    sign_on(client)
    assert is_signed_in(client)


def test_one_comes_back_to_where_one_wanted_to_go(client, provider):
    page = client.get("/accounts/login/?next=/downloads/%3Fteam%3D1")
    assert link(page, "Sign in with Example") == f"{START}?next=/downloads/%3Fteam%3D1"
    assert sign_on(client, "?next=/downloads/%3Fteam%3D1")["Location"] == "/downloads/?team=1"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_nobody_is_led_to_another_site(client, provider, target):
    assert sign_on(client, f"?{urlencode({'next': target})}")["Location"] == "/sources/"


def test_an_address_is_kept_in_small_letters(client, provider):
    provider.person["email"] = "Dora@Example.COM"
    sign_on(client)
    assert User.objects.get().email == "dora@example.com"


# --- An account that is there already ---


def test_a_confirmed_address_finds_its_account_and_nothing_there_changes(client, provider, alice):
    confirm(alice)
    app_secret = app_of(alice)
    provider.person["email"] = "Alice@example.com"
    answer = sign_on(client)
    assert answer["Location"] == "/accounts/2fa/authenticate/"  # the second step stays
    assert not is_signed_in(client)
    alice.refresh_from_db()
    assert alice.check_password("alices-password")
    assert Authenticator.objects.exists()
    assert app_secret
    assert SocialAccount.objects.get().user == alice
    assert User.objects.count() == 1


def test_the_account_page_says_what_is_connected(client, provider, alice):
    web = Client()
    web.force_login(alice)
    assert "Example Connects automatically" in words(web.get("/accounts/"))
    confirm(alice)
    provider.person["email"] = alice.email
    sign_on(client)
    assert "Example Connected as alice@example.com, last used just now" in words(client.get("/accounts/"))


def test_once_connected_it_is_the_person_who_counts_and_not_the_address(client, provider, alice, bob):
    confirm(alice)
    provider.person["email"] = alice.email
    sign_on(client)
    provider.person |= {"email": bob.email, "email_verified": True}
    again = Client()
    sign_on(again)
    assert "alice@example.com" in words(again.get("/accounts/"))
    provider.person["email_verified"] = False
    sign_on(Client())
    assert not SocialAccount.objects.filter(user=bob).exists()


def test_the_same_name_at_another_issuer_is_another_person(client, provider, alice):
    confirm(alice)
    uid = hashlib.sha256(b"https://old.example dora-1").hexdigest()
    SocialAccount.objects.create(user=alice, provider="oidc", uid=uid)
    sign_on(client)
    assert "dora@example.com" in words(client.get("/accounts/"))


def test_an_account_that_nobody_had_confirmed_is_handed_over_clean(client, provider, alice):
    """Somebody may have made it in the name of another, and waits for them to come."""
    confirm(alice, verified=False)
    EmailAddress.objects.create(user=alice, email="thief@example.com", verified=True)
    app_of(alice)
    passkey_of(alice)
    SocialAccount.objects.create(user=alice, provider="oidc", uid="the-thief-s")
    thief = Client()
    thief.force_login(alice)
    assert is_signed_in(thief)
    provider.person["email"] = alice.email
    answer = client.get(go(client), follow=True)
    assert "This e-mail address was not confirmed" in told(answer)
    assert is_signed_in(client)
    assert not is_signed_in(thief)
    alice.refresh_from_db()
    assert not alice.has_usable_password()
    assert not Authenticator.objects.exists()
    assert list(EmailAddress.objects.values_list("email", "verified")) == [("alice@example.com", True)]
    assert SocialAccount.objects.get().uid != "the-thief-s"
    assert UserSession.objects.get().session_key == client.session.session_key


def test_who_only_claims_an_address_as_a_second_one_gets_nobody_s_visit(client, provider, bob):
    EmailAddress.objects.create(user=bob, email="dora@example.com", verified=False)
    sign_on(client)
    assert "dora@example.com" in words(client.get("/accounts/"))
    assert not EmailAddress.objects.filter(user=bob).exists()
    assert User.objects.count() == 2


def test_an_inactive_person_stays_outside(client, provider, alice):
    confirm(alice)
    alice.is_active = False
    alice.save()
    provider.person["email"] = alice.email
    assert sign_on(client)["Location"] == "/accounts/inactive/"
    assert not is_signed_in(client)
    assert User.objects.count() == 1


# --- No other way in ---


def test_with_oidc_only_there_is_one_button(client, provider, alice, settings):
    settings.OIDC_ONLY = True
    page = client.get("/accounts/login/")
    assert link(page, "Sign in with Example") == START
    assert {one.get("name") for one in dom(page).iter("input")} <= {"csrfmiddlewaretoken"}
    typed = {"login": alice.email, "password": "alices-password"}
    assert client.post("/accounts/login/", typed).status_code == 404
    for path in ("signup/", "password/reset/", "2fa/webauthn/login/", "password/reset/key/1-2/"):
        assert client.get(f"/accounts/{path}").status_code == 404
        assert client.post(f"/accounts/{path}", typed).status_code == 404
    assert not is_signed_in(client)
    sign_on(client)
    assert is_signed_in(client)
    page = words(client.get("/accounts/"))
    assert "Password" not in page
    assert "Add a passkey" not in page
    for path in ("password/change/", "password/set/", "2fa/webauthn/add/"):
        assert client.get(f"/accounts/{path}").status_code == 404


def test_a_forgotten_sign_up_by_form_is_no_way_round(client, provider):
    assert client.get("/accounts/3rdparty/signup/")["Location"] == "/accounts/login/"
    assert client.get("/accounts/3rdparty/")["Location"] == "/accounts/"


# --- Settings ---


def test_without_a_provider_there_is_no_button_and_no_page(client, db):
    assert "Sign in with" not in words(client.get("/accounts/login/")).replace("Sign in with a passkey", "")
    for path in (START, BACK):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"OIDC_CLIENT_SECRET": ""}, ["accounts.E001"]),
        ({"OIDC_SERVER_URL": ""}, ["accounts.E001"]),
        ({"OIDC_SERVER_URL": "http://login.example.com"}, ["accounts.E002"]),
        ({"OIDC_SERVER_URL": "login.example.com"}, ["accounts.E002"]),
        ({"OIDC_SERVER_URL": "https://login.example.com/realms/x"}, []),
        (dict.fromkeys(("OIDC_SERVER_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"), ""), []),
        (
            {**dict.fromkeys(("OIDC_SERVER_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"), ""), "OIDC_ONLY": True},
            ["accounts.E001"],
        ),
    ],
)
def test_settings_that_can_t_work_are_told_at_the_start(provider, settings, changes, found):
    for name, value in changes.items():
        setattr(settings, name, value)
    errors = [error for error in run_checks() if error.id.startswith("accounts.")]
    assert [error.id for error in errors] == found
    assert CLIENT_SECRET not in str(errors)


def test_in_production_nobody_becomes_the_administrator_by_single_sign_on(client, provider, settings):
    """The first account is made with the setup code, for which the provider can't ask (accounts/setup.py)."""
    settings.PRODUCTION = True
    sign_on(client)
    assert not is_signed_in(client)
    assert not User.objects.exists()
    User.objects.create_superuser("first@example.com")
    sign_on(client)
    assert is_signed_in(client)
    assert not User.objects.get(email="dora@example.com").is_staff
