from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import include, path


@login_required
def empty(request: HttpRequest) -> HttpResponse:
    """What every page costs: middleware, the session, the person, the layout; and nothing in it."""
    return render(request, "base.html")


def bare_redirect(request: HttpRequest) -> HttpResponse:
    """What every redirect costs: middleware, and nothing to decide."""
    return HttpResponseRedirect("https://files.example/file.csv?signature=x")


urlpatterns = [path("empty/", empty), path("redirect/", bare_redirect), path("", include("claro_dashboard.urls"))]
