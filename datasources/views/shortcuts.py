from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def shortcuts(request: HttpRequest) -> HttpResponse:
    """All shortcuts as a page, for readers without scripts; the dialog of a page lists those it offers."""
    return render(request, "shortcuts.html")
