import hashlib
import logging
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone

from accounts import teams
from accounts.models import User
from accounts.roles import Role
from tests.support.factors import app_of, passkey_of
from tests.support.html import dom, link, told, words
from tests.support.leaks import database_content, redis_content
from tests.support.oidc import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, OTHER_KEY, Provider

START, BACK = "/accounts/oidc/login/", "/accounts/oidc/callback/"


@pytest.fixture(scope="module")
def the_provider():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def provider(the_provider, settings, db) -> Provider:
    """Configured as the settings would be."""
    the_provider.reset()
    settings.SIGNUP_OPEN = False
    settings.OIDC_SERVER_URL, settings.OIDC_NAME = the_provider.url, "Example"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    app = {"name": "Example", "client_id": CLIENT_ID, "secret": CLIENT_SECRET}
    settings.SOCIALACCOUNT_PROVIDERS = {"oidc": {"APP": app}}
    return the_provider


def go(client: Client, query: str = "") -> str:
    """To the provider, as the browser does; the address that it leads back to."""
    answer = client.get(f"{START}{query}")
    assert answer.status_code == 302, words(answer)
    return requests.get(answer["Location"], allow_redirects=False, timeout=5).headers["Location"]


def sign_on(client: Client, query: str = ""):
    return client.get(go(client, query))


def is_signed_in(client: Client) -> bool:
    return client.get("/keys/").status_code == 200


def confirm(user: User, *, verified: bool = True) -> None:
    EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)


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
    assert "Your address is not confirmed" in words(sign_on(client))


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
    assert "Example connects by itself" in words(web.get("/accounts/"))
    confirm(alice)
    provider.person["email"] = alice.email
    sign_on(client)
    assert "Example connected as alice@example.com, last used just now" in words(client.get("/accounts/"))


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
    assert "Nobody had confirmed this e-mail address" in told(answer)
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


# --- Refused ---


def refused(client: Client, answer, status: int = 401) -> str:
    assert answer.status_code == status
    assert not is_signed_in(client)
    assert not User.objects.filter(email="dora@example.com").exists()
    assert not SocialAccount.objects.exists()
    return words(answer)


@pytest.mark.parametrize("verified", [False, None, "false", "no", 1, "True"])
@pytest.mark.parametrize("email", ["dora@example.com", "alice@example.com"])
def test_an_address_that_is_not_confirmed_opens_nothing(client, provider, alice, email, verified):
    confirm(alice)
    provider.person |= {"email": email, "email_verified": verified}
    assert "Your address is not confirmed" in refused(client, sign_on(client), 403)


def test_without_any_address_nobody_gets_in(client, provider):
    del provider.person["email"]
    provider.userinfo = {"sub": "dora-1"}
    assert "Your address is not confirmed" in refused(client, sign_on(client), 403)


def test_closed_sign_up_can_be_closed_for_single_sign_on_too(client, provider, alice, settings):
    settings.OIDC_SIGNUP = False
    assert "Sign Up Closed" in refused(client, sign_on(client), 200)
    confirm(alice)
    provider.person["email"] = alice.email
    sign_on(client)
    assert is_signed_in(client)


def test_the_invited_sign_up_by_single_sign_on_all_the_same(client, provider, alice, settings):
    settings.OIDC_SIGNUP = False
    team = teams.create("Team", alice)
    invitation = teams.invite(team, alice, Role.VIEWER, timezone.now() + timedelta(days=1))
    client.get(f"/invitations/{teams.token(invitation)}/")
    sign_on(client)
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.example"}, "InvalidIssuerError"),
        ({"iss": None}, "MissingRequiredClaimError"),
        ({"aud": "another-client"}, "InvalidAudienceError"),
        ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "another client"),
        ({"exp": 1_600_000_000}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"nonce": "another-sign-in-s"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"sub": None}, "MissingRequiredClaimError"),
    ],
)
def test_an_identity_token_that_does_not_hold_is_not_believed(client, provider, caplog, claims, reason):
    provider.claims = claims
    assert "That did not work" in refused(client, sign_on(client))
    assert reason in caplog.text


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"key": OTHER_KEY}, "InvalidSignatureError"),
        ({"kid": "unknown"}, "ValueError"),
        ({"algorithm": "none"}, "InvalidAlgorithmError"),
        ({"algorithm": "HS256"}, "InvalidAlgorithmError"),
    ],
)
def test_a_signature_that_is_not_the_provider_s_is_not_believed(client, provider, caplog, spoilt, reason):
    for name, value in spoilt.items():
        setattr(provider, name, value)
    refused(client, sign_on(client))
    assert reason in caplog.text


def test_userinfo_about_somebody_else_is_not_believed(client, provider, caplog):
    provider.userinfo = {**provider.person, "sub": "somebody-else"}
    refused(client, sign_on(client))
    assert "somebody else" in caplog.text


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"issuer": "https://evil.example"}, "it calls itself 'https://evil.example'"),
        ({"issuer": None}, "it calls itself 'None'"),
        ({"token_endpoint": "https://evil.example/token"}, "token_endpoint"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"userinfo_endpoint": "https://evil.example/"}, "userinfo_endpoint"),
    ],
)
def test_an_issuer_that_is_not_the_one_configured_is_not_asked(client, provider, caplog, config, reason):
    provider.config = config
    refused(client, client.get(START))
    assert reason in caplog.text
    assert provider.asked == []


def test_a_provider_that_does_not_answer_is_told(client, provider, settings, caplog):
    back = go(client)
    settings.OIDC_SERVER_URL = "http://127.0.0.1:9"
    for path in (START, back):
        assert "That did not work" in refused(client, client.get(path))
    assert "ConnectionError" in caplog.text


def test_who_cancels_there_is_told(client, provider):
    provider.answer = "access_denied"
    answer = client.get(go(client), follow=True)
    assert "cancelled" in words(answer)
    provider.answer = "server_error"
    refused(client, sign_on(client))


@pytest.mark.parametrize("spoil", [{"state": "x" * 16}, {"state": ""}, {"code": "x"}, {"code": ""}])
def test_an_answer_that_was_tampered_with_signs_nobody_in(client, provider, spoil):
    query = {name: [value] for name, value in spoil.items()}
    back = parse_qs(urlsplit(go(client)).query) | query
    refused(client, client.get(f"{BACK}?{urlencode(back, doseq=True)}"))


def test_another_browser_s_answer_signs_nobody_in_and_none_does_twice(client, provider):
    back = go(client)
    victim = Client()
    go(victim)
    assert victim.get(back).status_code == 401
    assert not is_signed_in(victim)
    client.get(back)
    client.post("/accounts/logout/")
    assert client.get(back).status_code == 401
    assert not is_signed_in(client)


def test_a_link_has_no_say_in_what_is_asked_for_and_connects_nothing(client, provider, alice):
    """With `process=connect` a link would tie whoever is signed in there to whoever is signed in here."""
    web = Client()
    web.force_login(alice)
    sign_on(web, "?process=connect&scope=offline_access&auth_params=prompt%3Dnone")
    [asked] = provider.asked
    assert set(asked["scope"].split()) == {"openid", "email"}
    assert "prompt" not in asked
    assert not SocialAccount.objects.filter(user=alice).exists()


# --- What is kept ---


def test_no_token_and_nothing_but_the_address_is_kept(client, provider, caplog):
    caplog.set_level(logging.DEBUG)
    provider.person |= {"name": "Dora Long Name", "phone_number": "+49 170 1234567"}
    back = go(client)
    client.get(back)
    assert SocialAccount.objects.get().extra_data == {"email": "dora@example.com"}
    assert not SocialToken.objects.exists()
    stored = database_content() + redis_content() + str([s.get_decoded() for s in Session.objects.all()]).encode()
    code = parse_qs(urlsplit(back).query)["code"][0]
    for secret in (ACCESS_TOKEN, CLIENT_SECRET, "Long Name", "1234567", "id_token", code):
        assert secret.encode() not in stored
    for secret in (ACCESS_TOKEN, CLIENT_SECRET, code):
        assert secret not in caplog.text


def test_what_goes_wrong_is_logged_without_what_the_provider_sent(client, provider, caplog):
    back = go(client)
    provider.reset()  # it has forgotten the code
    client.get(back)
    assert "Single sign-on failed: OAuth2Error" in caplog.text
    assert "invalid_grant" not in caplog.text


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
