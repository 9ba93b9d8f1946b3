"""Browsers in which a person has signed in before: nobody else's wrong passwords keep them out.

Such a browser has a signed cookie for each account. It opens nothing: it only decides with whom guesses are counted.
"""

import re
import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.models import User

KNOWN_FOR_S = 365 * 86_400
# The session of a browser from which a password was set anew by the link in a mail.
SESSION_NAME = "known_account"

_signer = signing.TimestampSigner(salt="accounts.device")


def remember(response: HttpResponse, user: User) -> None:
    """This browser has just signed in."""
    response.set_cookie(
        _cookie(user.pk),
        _signer.sign(f"{_tag(user.pk)}.{secrets.token_urlsafe(16)}"),
        max_age=KNOWN_FOR_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def remember_reset(request: HttpRequest, user: User) -> None:
    """This browser has just set a new password: its person reads the account's mail."""
    request.session[SESSION_NAME] = user.pk


def name(request: HttpRequest, user_id: int) -> str:
    """The name under which this browser's failed attempts at this account are counted; empty for an unknown browser."""
    if request.user.is_authenticated and request.user.pk == user_id:
        return f"session {request.session.session_key}"
    if request.session.get(SESSION_NAME) == user_id:
        return "after a reset"
    return _valid(request.COOKIES.get(_cookie(user_id), ""), _tag(user_id))


def any_name(request: HttpRequest) -> str:
    """The name under which this browser's requests are counted, if it has signed in to any account; else empty."""
    for cookie, value in request.COOKIES.items():
        if (found := re.fullmatch(r"(?:__Host-)?device_([0-9a-f]{16})", cookie)) and _valid(value, found[1]):
            return value
    return ""


def _valid(value: str, tag: str) -> str:
    try:
        is_of_account = _signer.unsign(value, max_age=KNOWN_FOR_S).partition(".")[0] == tag
    except signing.BadSignature:
        return ""
    return value if is_of_account else ""


def _cookie(user_id: int) -> str:
    """One for each account: people share browsers. The prefix keeps other hosts of the domain from setting it."""
    return f"{'__Host-' if settings.SESSION_COOKIE_SECURE else ''}device_{_tag(user_id)}"


def _tag(user_id: int) -> str:
    return salted_hmac("accounts.device", str(user_id), algorithm="sha256").hexdigest()[:16]
