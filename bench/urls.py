import os

from django.contrib.auth.decorators import login_required
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt


@login_required
def empty(request: HttpRequest) -> HttpResponse:
    """The cost of every page: middleware, session, user and layout, without content."""
    return render(request, "base.html")


def bare_redirect(request: HttpRequest) -> HttpResponse:
    """The cost of every redirect: middleware only."""
    return HttpResponseRedirect("https://files.example/file.csv?signature=x")


class InMemory(MemoryFileUploadHandler):
    """Django's handler without its limit, above which it leaves a file to the next one."""

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        self.activated = True


HANDLERS = {"memory": InMemory, "temporary": TemporaryFileUploadHandler}


@csrf_exempt
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    """An upload through one of Django's own handlers, named by BENCH_UPLOADS: no checks, no encryption."""
    request.upload_handlers = [HANDLERS[os.environ["BENCH_UPLOADS"]](request)]
    return HttpResponse(str(sum(file.size for file in request.FILES.getlist("file"))))


urlpatterns = [path("empty/", empty), path("redirect/", bare_redirect), path("", include("claro_dashboard.urls"))]
if "BENCH_UPLOADS" in os.environ:
    urlpatterns.insert(0, path("sources/upload/", upload))
