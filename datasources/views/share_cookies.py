"""The cookies of a share link: signed, limited to this link's path, and invalid for any other."""

import re

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from datasources.models import ShareLink

UNLOCKED = "share"
USED = "used"
# The password is asked for again after the first time; until the second, this browser is known to have had it.
ASKED_AGAIN_AFTER_S = 3600
KNOWN_FOR_S = 30 * 86_400
# Within this time a counted download may be repeated: it may have broken off.
REPEAT_WITHIN_S = 600
# As long as share links that ended are kept (shares.FORGET_AFTER).
USED_FOR_S = 90 * 86_400

_unlocked = signing.TimestampSigner(salt="datasources.share")
_downloaded = signing.TimestampSigner(salt="datasources.share.downloaded")
_used = signing.TimestampSigner(salt="datasources.share.used")


def remember_password(request: HttpRequest, response: HttpResponse, share: ShareLink) -> None:
    """That the password was right here; another password of the link undoes it."""
    _set(request, response, UNLOCKED, _unlocked.sign(_stamp(share)), KNOWN_FOR_S)


def is_unlocked(request: HttpRequest, share: ShareLink) -> bool:
    """Whether the password was given here within the last hour."""
    return _holds(request, share, ASKED_AGAIN_AFTER_S)


def device(request: HttpRequest, share: ShareLink) -> str:
    """A name for a browser that has had the password before, to count its guesses by; empty for others."""
    return request.COOKIES[_name(UNLOCKED)] if _holds(request, share, KNOWN_FOR_S) else ""


def remember_download(request: HttpRequest, response: HttpResponse, number: int) -> None:
    """That this file's download was counted."""
    _set(request, response, f"file{number}", _downloaded.sign(_file_stamp(request, number)), REPEAT_WITHIN_S)


def remember_use(request: HttpRequest, response: HttpResponse) -> None:
    """That a file was downloaded here, to explain later why the link has ended."""
    _set(request, response, USED, _used.sign(_path_stamp(request)), USED_FOR_S)


def has_used(request: HttpRequest) -> bool:
    """Whether this browser has downloaded a file from this URL."""
    try:
        return _used.unsign(request.COOKIES.get(_name(USED), ""), max_age=USED_FOR_S) == _path_stamp(request)
    except signing.BadSignature:
        return False


def repeatable(request: HttpRequest) -> set[int]:
    """The numbers of the files whose download was counted here a short while ago."""
    named = (re.fullmatch(_name("file([0-9]{1,4})"), name) for name in request.COOKIES)
    return {number for name in named if name and _was_downloaded(request, number := int(name[1]))}


def _was_downloaded(request: HttpRequest, number: int) -> bool:
    try:
        found = _downloaded.unsign(request.COOKIES.get(_name(f"file{number}"), ""), max_age=REPEAT_WITHIN_S)
    except signing.BadSignature:
        return False
    return found == _file_stamp(request, number)


def _holds(request: HttpRequest, share: ShareLink, seconds: int) -> bool:
    try:
        return _unlocked.unsign(request.COOKIES.get(_name(UNLOCKED), ""), max_age=seconds) == _stamp(share)
    except signing.BadSignature:
        return False


def _set(request: HttpRequest, response: HttpResponse, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        _name(name),
        value,
        max_age=seconds,
        path=request.path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _name(name: str) -> str:
    """The prefix keeps one that came over http from counting; __Host- would allow no path."""
    return f"__Secure-{name}" if settings.SESSION_COOKIE_SECURE else name


def _stamp(share: ShareLink) -> str:
    return salted_hmac("datasources.share", f"{share.pk}:{share.password}", algorithm="sha256").hexdigest()


def _path_stamp(request: HttpRequest) -> str:
    """The stamp of this URL, which contains the token: the token can't be read from it."""
    return salted_hmac("datasources.share.path", request.path, algorithm="sha256").hexdigest()


def _file_stamp(request: HttpRequest, number: int) -> str:
    """The stamp of a file at this URL, which contains the token: a replaced link has another stamp."""
    return salted_hmac("datasources.share.file", f"{request.path}:{number}", algorithm="sha256").hexdigest()
