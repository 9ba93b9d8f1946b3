"""Error pages in the look, and as fragments where only a part was asked for."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from claro_dashboard import stale_forms
from datasources.views.pages import render_problem


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_problem(request, 400, "That did not work", "The dashboard can't make sense of this request.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_problem(request, 403, "Not allowed", "You may not do this.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if answer := stale_forms.answer(request):
        return answer
    text = "This page was open for too long, or cookies are blocked. Load it again and repeat what you did."
    return render_problem(request, 403, "Please load the page again", text)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = "It may have been deleted, the address may be mistyped, or you may not see it."
    return render_problem(request, 404, "There is nothing here", text)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Asked for by django-allauth, which counts sign-ins, sign-ups and resets."""
    text = "That was too often in a short time. Wait a few minutes, then try again."
    return render_problem(request, 429, "Too many attempts", text)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without session, user or database: one of them may be what is broken."""
    context = {"request_id": getattr(request, "id", "")}
    is_fragment = request.headers.get("HX-Request-Type") == "partial"
    page = "errors/_500.html" if is_fragment else "errors/500.html"
    return HttpResponse(render_to_string(page, context), status=500)
