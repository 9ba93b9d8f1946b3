import contextlib
import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from accounts.quotas import QuotaReached
from accounts.roles import Action
from datasources import access, stalled, tasks
from datasources.models import ApiKey, Source, Upload
from datasources.uploads import queue
from datasources.uploads.forms import CorrectsForm, HeadForm, UploadForm
from datasources.uploads.queue import Refusal
from datasources.uploads.receiving import EncryptingHandler, Received
from datasources.uploads.stored import StorageAway
from datasources.views.guards import FORM, POST, READ, RoleTooLow, find_source, of_source, of_upload
from datasources.views.pages import paged, render_page, render_problem, wants_fragment

logger = logging.getLogger(__name__)


@csrf_exempt  # Django reads the form for its token: `_upload` checks it once the handler is in place
@login_required
@require_http_methods(FORM)
def upload(request: HttpRequest) -> HttpResponse:
    """Takes files for the queue. Without a role that may upload, the body is not read."""
    corrects = _corrected(request)
    keys = queue.open_to_uploads([corrects.key]) if corrects else _keys(request)
    with contextlib.closing(EncryptingHandler(request)) as handler:
        request.upload_handlers = [handler]
        return _upload(request, keys, corrects)


@of_source(*READ, action=Action.UPLOAD)
def correct(request: HttpRequest, source: Source) -> HttpResponse:
    """The form for files in place of one that Claro has, through the same key."""
    keys = queue.open_to_uploads([source.key])
    return _form(request, keys, source, UploadForm(keys))


def _corrected(request: HttpRequest) -> Source | None:
    """The source that the address names as one to correct. Raises Http404, RoleTooLow."""
    form = CorrectsForm(request.GET)
    datasource_id = form.state()["corrects"]
    if form.errors:
        raise Http404("No such source.")
    return find_source(request, datasource_id, Action.UPLOAD) if datasource_id else None


def _keys(request: HttpRequest) -> list[ApiKey]:
    """The keys through which the user may upload. Raises RoleTooLow if all that the user has forbid it."""
    keys = queue.keys_to_upload(request.user)
    if not keys and access.keys_for(request.user).exists():
        raise RoleTooLow(Action.UPLOAD, *access.teams_with_keys(request.user))
    return keys


@login_required
@require_http_methods(POST)
def check(request: HttpRequest) -> HttpResponse:
    """How a large file will be read, by its start: before the browser sends all of it. Nothing is kept."""
    _keys(request)
    form = HeadForm(request.POST, request.FILES)
    if not form.is_valid():
        return render_problem(request, 422, "Not checked", "The start of the file did not arrive.")
    return render(request, "uploads/_checked.html", {"report": form.report()})


@csrf_protect
def _upload(request: HttpRequest, keys: list[ApiKey], corrects: Source | None) -> HttpResponse:
    is_sent = request.method == "POST" and bool(keys)
    form = UploadForm(keys, *((request.POST, request.FILES) if is_sent else ()))
    if is_sent and form.is_valid():
        key = form.cleaned_data["key"]
        return _answer(request, [_added(request, key, file, corrects) for file in form.cleaned_data["file"]])
    return _form(request, keys, corrects, form, 422 if request.method == "POST" else 200)


def _form(
    request: HttpRequest, keys: list[ApiKey], corrects: Source | None, form: UploadForm, status: int = 200
) -> HttpResponse:
    path = reverse("sources:upload")
    if corrects:
        query = request.GET.copy()
        query["corrects"] = str(corrects.datasource_id)
        path += f"?{query.urlencode()}"
    context = {"form": form, "keys": keys, "corrects": corrects, "upload_path": path}
    return render_page(request, "uploads/form.html", context, status)


def _added(request: HttpRequest, key: ApiKey, file: Received, corrects: Source | None) -> Upload | Refusal:
    """Queues one file. Its refusal does not concern the others."""
    try:
        added = queue.add(request.user, key, file, corrects)
    except QuotaReached as error:
        return Refusal(file.name, str(error), may_pass=True)
    except StorageAway as error:
        logger.error("An upload was not stored: %s", error)
        return Refusal(file.name, "The dashboard can't store the file now. Try again later.", may_pass=True)
    if isinstance(added, Upload) and added.state == Upload.State.QUEUED:
        tasks.start(added)
    return added


def _answer(request: HttpRequest, added: list[Upload | Refusal]) -> HttpResponse:
    """A line for each file, for scripts; without them, the queue, with a message for each file that is not in it."""
    if wants_fragment(request):
        return render(request, "uploads/_added.html", {"added": added})
    for one in added:
        if isinstance(one, Refusal):
            messages.error(request, f"{one.name}: {one.reason}")
    return redirect("uploads:list")


@login_required
@require_safe
def list_uploads(request: HttpRequest) -> HttpResponse:
    """The user's own queue, the newest first."""
    found = access.uploads_for(request.user).select_related("key", "source", "corrects")
    context, status = paged(request, found.order_by("-created_at", "-pk"))
    context["keys"] = queue.keys_to_upload(request.user)
    context["standing_still"] = stalled.among(context["page"].object_list)
    return render_page(request, "uploads/list.html", context, status)


@of_upload(*POST)
def confirm(request: HttpRequest, upload: Upload) -> HttpResponse:
    if queue.confirm(upload):
        tasks.start(upload)
    return redirect("uploads:list")


@of_upload(*POST)
def retry(request: HttpRequest, upload: Upload) -> HttpResponse:
    if queue.retry(upload):
        tasks.start(upload)
    return redirect("uploads:list")


@of_upload(*POST)
def remove(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Cancels an upload, or takes a finished one out of the queue."""
    if upload.state == Upload.State.DONE:
        queue.forget(upload)
    elif not queue.cancel(upload):
        messages.warning(request, f"Too late to cancel {upload.name}. Claro may have it already.")
    return redirect("uploads:list")
