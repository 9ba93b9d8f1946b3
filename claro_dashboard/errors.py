"""Error pages in the look, and as fragments where only a part was asked for."""

from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import date as format_date
from django.template.loader import render_to_string
from django.utils import timezone

from claro_dashboard import stale_forms
from core.text import visible
from datasources.access import Removed
from datasources.views.guards import NotThere, RoleTooLow
from datasources.views.pages import render_problem, wants_fragment


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_problem(request, 400, "Bad request", "The dashboard can't read this request. Go back and try again.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    whom = str(exception) if isinstance(exception, RoleTooLow) else "Ask an owner of the team."
    return render_problem(request, 403, "Not allowed", f"You don't have permission. {whom}")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if answer := stale_forms.answer(request):
        return answer
    text = "The form expired, or cookies are blocked. Load the page again, then repeat your change."
    return render_problem(request, 403, "Load the page again", text)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, Removed):
        removal = exception.removal
        title = f"You were removed from {visible(removal.team.name)}"
        day = format_date(timezone.localtime(removal.at), "j F Y")
        text = f"{removal.removed_by} removed you on {day}, and your access ended. To return, ask for a new invitation."
        return render_problem(request, 404, title, text)
    if isinstance(exception, NotThere):
        return render_problem(request, 404, exception.title, exception.text)
    text = "It was deleted, the address is mistyped, or you don't have access."
    return render_problem(request, 404, "Page not found", text)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Asked for by django-allauth, which counts sign-ins, sign-ups and resets."""
    text = "Wait a few minutes, then try again."
    return render_problem(request, 429, "Too many attempts", text)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without session, user or database: one of them may be what is broken."""
    context = {"request_id": getattr(request, "id", "")}
    is_fragment = request.headers.get("HX-Request-Type") == "partial"
    page = "errors/_500.html" if is_fragment else "errors/500.html"
    return HttpResponse(render_to_string(page, context), status=500)


# Where the layers in front of Django put the status with which they refuse a request (asgi.py). No header is named so.
REFUSED = "claro.refused"
REFUSALS = {
    400: ("Bad request", "This address has too many fields. Shorten it, then try again."),
    405: ("Nothing to show", "This address belongs to a button. Go back to the page with the button, and reload it."),
    408: ("Request timed out", "The request took too long to arrive. Check your connection, then send it again."),
    413: ("Request too large", "The request exceeds the size limit. Send less."),
    415: ("Unsupported encoding", "The dashboard accepts UTF-8 text only."),
    503: ("Server busy", "The dashboard is at its request limit. Try again in a few seconds."),
}
RETRY_S = 5


class RefusedMiddleware:
    """Answers requests that were refused before Django, those that can't be read, and pages that only take forms.

    Without session, user and address: an error page that needs them would break too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if status := request.META.get(REFUSED) or _unreadable(request):
            return refused(request, status)
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method == "GET":
            page = refused(request, HTTPStatus.METHOD_NOT_ALLOWED)
            page["Allow"] = response["Allow"]
            return page
        return response


def _unreadable(request: HttpRequest) -> int | None:
    try:
        request.GET  # noqa: B018 - it is parsed now, and raises here instead of in an error page
    except SuspiciousOperation:
        return HTTPStatus.BAD_REQUEST
    return None


def refused(request: HttpRequest, status: int) -> HttpResponse:
    title, text = REFUSALS[status]
    page = "_alert.html" if wants_fragment(request) else "errors/refused.html"
    response = HttpResponse(
        render_to_string(page, {"level": "danger", "title": title, "text": text, "status": status}), status=status
    )
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = str(RETRY_S)
    return response
