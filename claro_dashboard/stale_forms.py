"""A form whose token is stale: another tab signed in after its page was loaded, which renews the token.

The form comes back with what was typed and a new token, so one more press sends it. Only the browser's word that the
form came from this site makes it so: a form of another site must never become one of ours.
"""

import re

from allauth.account.utils import get_login_redirect_url
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from datasources.views.pages import render_page

# Pages that lead in. A user who is signed in already has no use for them.
WAYS_IN = {"account_login", "account_signup", "mfa_authenticate", "mfa_login_webauthn"}
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
# Never in HTML: typed again. `url` is that of a channel, which anybody who has it can post to.
SECRET = re.compile(r"password|secret|code|token|credential|^url$")
TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - the name of a field
# Pages for signed-out users, too.
PUBLIC = ("/accounts/", "/d/")


def answer(request: HttpRequest) -> HttpResponse | None:
    """The page on which the user can continue, or the form to send again; None if the form may be another site's."""
    if request.method != "POST" or request.content_type not in FORMS or not _is_ours(request):
        return None
    if request.user.is_authenticated and request.resolver_match.url_name in WAYS_IN:
        return redirect(get_login_redirect_url(request))
    return render_page(request, "errors/stale_form.html", _context(request), 403, part="errors/_stale_form.html")


def _is_ours(request: HttpRequest) -> bool:
    """True if the browser's headers show that a page of this site sent the form. Scripts can set neither header."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"


def _context(request: HttpRequest) -> dict[str, object]:
    names = [name for name in request.POST if name != TOKEN]
    kept = [(name, value) for name in names if not SECRET.search(name) for value in request.POST.getlist(name)]
    return {
        "kept": [(name, _words(name), value) for name, value in kept],
        "secrets": [(name, _words(name)) for name in names if SECRET.search(name) and request.POST[name]],
        "files": [(name, _words(name)) for name in request.FILES],
        "has_cookie": bool(request.COOKIES),
        "needs_sign_in": not request.user.is_authenticated and not request.path.startswith(PUBLIC),
    }


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
