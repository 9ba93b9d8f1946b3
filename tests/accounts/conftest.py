"""A provider to sign on with, and how a browser goes there and back."""

import pytest
import requests
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from tests.support.html import words
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, Provider

START, BACK = "/accounts/oidc/login/", "/accounts/oidc/callback/"


@pytest.fixture(scope="module")
def the_provider():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def provider(the_provider, settings, transactional_db) -> Provider:
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
    return requests.get(answer["Location"], allow_redirects=False, timeout=30).headers["Location"]


def sign_on(client: Client, query: str = ""):
    return client.get(go(client, query))


def is_signed_in(client: Client) -> bool:
    return client.get("/keys/").status_code == 200


def confirm(user: User, *, verified: bool = True) -> None:
    EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)
