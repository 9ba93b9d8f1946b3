"""Second factors as people have them, without clicking them together."""

import re
import time

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client, RequestFactory

from accounts.models import User


def app_of(user: User) -> str:
    """Sets up an authenticator app; gives its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def codes_of(user: User) -> list[str]:
    """Makes recovery codes."""
    return RecoveryCodes.activate(user).generate_codes()


def code(secret: str, steps: int = 0) -> str:
    """What the app shows now, or so many steps of 30 seconds later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def passkey_of(user: User, name: str = "Laptop") -> Authenticator:
    """A passkey that was made in a browser once; nobody can use it, every page can show it."""
    return Authenticator.objects.create(
        user=user, type=Authenticator.Type.WEBAUTHN, data={"name": name, "credential": CREDENTIAL}
    )


def confirmed(client: Client, user: User) -> Client:
    """The browser after its person has just shown again who they are."""
    request = RequestFactory().get("/")
    request.session = client.session
    record_authentication(request, user, "password", reauthenticated=True)
    request.session.save()
    return client


def secret_shown(page: str) -> str:
    """The secret that the page for setting up an app shows."""
    return re.search(r"<code[^>]*>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")


def codes_shown(page: str) -> list[str]:
    """The recovery codes that a page shows."""
    return [found.replace(" ", "") for found in re.findall(r"<li><code>([\d ]+)</code></li>", page)]


# What Chromium's virtual authenticator said when a passkey was made.
CREDENTIAL = {
    "type": "public-key",
    "id": "XhOl8BQasWwK1vqpmx92Y8tv9gICMKL90f6nwhPJjoI",
    "rawId": "XhOl8BQasWwK1vqpmx92Y8tv9gICMKL90f6nwhPJjoI",
    "clientExtensionResults": {"credProps": {"rk": True}},
    "response": {
        "attestationObject": (
            "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVikSZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NFAAAAAQ"
            "ECAwQFBgcIAQIDBAUGBwgAIF4TpfAUGrFsCtb6qZsfdmPLb_YCAjCi_dH-p8ITyY6CpQECAyYgASFYIJ8ZiYwzFStf"
            "kqBLs9Rlx-Zx-s0i8KdpRjUgzlp5H-5NIlggWFYjnMdiXh3DBKkj6ci7C2lBWMV5iwCf5kEds2nfV3U"
        ),
        "clientDataJSON": (
            "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoickRUMmhXbjd4WWppd1V3OTlGZzdLZ2xEZjFnZz"
            "hxOXlwRllEMnN5TTd4dyIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6MzgwMDMiLCJjcm9zc09yaWdpbiI6ZmFs"
            "c2V9"
        ),
    },
}
