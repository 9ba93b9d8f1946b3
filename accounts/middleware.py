"""Per-user request state: time zone, last activity, and the landing page after signing out."""

import zoneinfo
from collections.abc import Callable
from urllib.parse import unquote, urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from accounts import sessions

COOKIE = "timezone"
# Ways in, and what keeps them; that a password is asked for as a check of who is signed in stays.
OTHER_WAYS_IN = {
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_change_password",
    "account_set_password",
    "mfa_add_webauthn",
    "mfa_login_webauthn",
}


class TimeZoneMiddleware:
    """Activates the user's time zone, from a cookie that the browser sets (static/js/times.js)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(reader_zone(unquote(request.COOKIES.get(COOKIE, "")))):
            return self.get_response(request)


def reader_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """The zone of that name, None (the server's) for anything else: the cookie is as hostile as any input."""
    try:
        return zoneinfo.ZoneInfo(name) if name and len(name) < 64 else None
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return None


class SignInAgainMiddleware:
    """A part of a page can't show the sign-in page: a signed-out user is redirected there, and back.

    A page of one user shows no parts of another: once another user has signed in, it is loaded again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _is_page_of_another(request):
            return HttpResponseClientRefresh()
        response = self.get_response(request)
        sign_in = resolve_url(settings.LOGIN_URL)
        if request.htmx and response.status_code == 302 and response["Location"].startswith(f"{sign_in}?"):
            return HttpResponseClientRedirect(f"{sign_in}?{urlencode({'next': _page_of(request)})}")
        return response


def _is_page_of_another(request: HttpRequest) -> bool:
    """True if another user than the signed-in one loaded the page that requests this fragment.

    Typed input is not lost: the page's forms have a stale token, and claro_dashboard/errors.py handles that.
    """
    loaded_by = request.headers.get("X-Page-User")
    if not request.htmx or not loaded_by or request.method != "GET" or not request.user.is_authenticated:
        return False
    return loaded_by != str(request.user.pk)


def _page_of(request: HttpRequest) -> str:
    """The page that asked for a part of itself; the first page where that isn't one of ours."""
    try:
        return request.htmx.current_url_abs_path or "/"
    except ValueError:  # no address at all
        return "/"


class SeenMiddleware:
    """Notes where a person is signed in, for the list on the Account page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.session_key and request.user.is_authenticated:
            sessions.note(request)
        return self.get_response(request)


class PrivateMiddleware:
    """Pages of a signed-in person are kept by no cache; signing out clears what the browser has kept of them.

    Browsers obey Clear-Site-Data on https and on localhost only.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        was_signed_in = self._is_signed_in(request)
        response = self.get_response(request)
        is_signed_in = self._is_signed_in(request)
        if was_signed_in or is_signed_in:
            response["Cache-Control"] = "no-store, private"
        if was_signed_in and not is_signed_in:
            # Not "cookies": signing out has ended the session, and the reader's time zone may stay.
            response["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def _is_signed_in(self, request: HttpRequest) -> bool:
        return bool(request.session.session_key) and request.user.is_authenticated


class OidcOnlyMiddleware:
    """With OIDC_ONLY there is the single sign-on and no other way in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view, args, kwargs) -> None:
        name = request.resolver_match.url_name
        if settings.OIDC_ONLY and (name in OTHER_WAYS_IN or (name == "account_login" and request.method == "POST")):
            raise Http404
