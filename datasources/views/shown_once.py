"""The new password of a share link, shown once on the page that follows the form.

The database keeps only its hash, and sessions and Redis hold no secrets. The browser carries the password to that page,
in an encrypted cookie which the page removes.
"""

from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from core import vault
from datasources.models import ShareLink

NAME = "new-password"
AT_MOST_S = 60


def carry(response: HttpResponse, share: ShareLink, password: str) -> None:
    """Hands the password to the link's page."""
    response.set_cookie(
        NAME,
        vault.seal(password, _row(share)),
        max_age=AT_MOST_S,
        path=_path(share),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def carried(request: HttpRequest, share: ShareLink) -> str:
    """The password that the browser brings along; empty if there is none."""
    with suppress(vault.SecretUnreadable):
        return vault.unseal(request.COOKIES.get(NAME, ""), _row(share))
    return ""


def forget(response: HttpResponse, share: ShareLink) -> None:
    response.delete_cookie(NAME, path=_path(share))
    response["Cache-Control"] = "no-store, private"


def _path(share: ShareLink) -> str:
    return reverse("shares:details", args=[share.pk])


def _row(share: ShareLink) -> str:
    return f"new password of {share.pk}"
