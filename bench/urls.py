from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path


@login_required
def empty(request: HttpRequest) -> HttpResponse:
    """What every page costs: middleware, the session, the person, the layout; and nothing in it."""
    return render(request, "base.html")


urlpatterns = [path("empty/", empty), path("", include("claro_dashboard.urls"))]
