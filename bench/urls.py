from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import include, path


@login_required
def empty(request: HttpRequest) -> HttpResponse:
    """The cost of every page: middleware, session, user and layout, without content."""
    return render(request, "base.html")


def bare_redirect(request: HttpRequest) -> HttpResponse:
    """The cost of every redirect: middleware only."""
    return HttpResponseRedirect("https://files.example/file.csv?signature=x")


urlpatterns = [path("empty/", empty), path("redirect/", bare_redirect), path("", include("claro_dashboard.urls"))]
