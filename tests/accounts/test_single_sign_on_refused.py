import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import teams
from accounts.models import User
from accounts.roles import Role
from accounts.sso import adapter
from tests.accounts.conftest import BACK, START, confirm, go, is_signed_in, sign_on
from tests.support.dripping import Dripping
from tests.support.html import words
from tests.support.leaks import database_content, redis_content
from tests.support.oidc import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, OTHER_KEY
from tests.support.processes import wait_for

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
    assert "E-mail address not confirmed" in refused(client, sign_on(client), 403)


def test_without_any_address_nobody_gets_in(client, provider):
    del provider.person["email"]
    provider.userinfo = {"sub": "dora-1"}
    assert "E-mail address not confirmed" in refused(client, sign_on(client), 403)


def test_closed_sign_up_can_be_closed_for_single_sign_on_too(client, provider, alice, settings):
    settings.OIDC_SIGNUP = False
    assert "Sign-up is closed" in refused(client, sign_on(client), 200)
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


@pytest.mark.parametrize(("email", "signs_up"), [("carol@example.com", True), ("eve@example.com", False)])
def test_an_invitation_for_an_address_lets_no_other_in(client, provider, alice, settings, email, signs_up):
    settings.OIDC_SIGNUP = settings.SIGNUP_OPEN = False
    team = teams.create("Team", alice)
    expires_at = timezone.now() + timedelta(days=1)
    invitation = teams.invite(team, alice, Role.VIEWER, expires_at, "carol@example.com")
    client.get(f"/invitations/{teams.token(invitation)}/")
    provider.person["email"] = email
    sign_on(client)
    assert is_signed_in(client) is signs_up
    assert User.objects.filter(email=email).exists() is signs_up


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
    assert "Sign-in failed" in refused(client, sign_on(client))
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
    assert "another user" in caplog.text


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
        assert "Sign-in failed" in refused(client, client.get(path))
    assert "ConnectionError" in caplog.text


@pytest.mark.slow  # the deadline of one exchange
def test_a_provider_that_never_ends_its_answer_is_told(client, provider, settings):
    with Dripping() as dripping:
        settings.OIDC_SERVER_URL = dripping.url
        assert client.get(START).status_code == 401
    assert dripping.met == 1


def test_a_provider_that_answers_slowly_is_asked_by_a_few_at_once(client, provider, settings):
    with Dripping() as dripping, ThreadPoolExecutor(adapter.AT_ONCE) as pool:
        session = adapter.SocialAccountAdapter().get_requests_session()
        for _ in range(adapter.AT_ONCE):
            pool.submit(session.get, dripping.url, timeout=60)
        wait_for(lambda: dripping.open == adapter.AT_ONCE)
        assert client.get(START).status_code == 401
        dripping.close()
    assert client.get(START).status_code == 302


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
