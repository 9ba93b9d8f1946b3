"""Files that are downloaded together: their cost first, then their progress."""

from collections import Counter

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache

from datasources import stalled, tasks
from datasources.downloads import batches
from datasources.downloads.batches import RETRIED, State
from datasources.downloads.forms import RetryForm
from datasources.models import DownloadBatch, DownloadLink
from datasources.views.framed import fetching_files
from datasources.views.guards import POST, READ, of_batch
from datasources.views.pages import render_page, render_problem


@fetching_files
@of_batch(*READ)
def batch(request: HttpRequest, batch: DownloadBatch) -> HttpResponse:
    """The cost of the links until the user agrees to it; then the state of each file."""
    lines = batches.lines(batch)
    counts = Counter(str(line.state).replace(" ", "_") for line in lines)
    pending = [line.link for line in lines if line.state == State.WAITING]
    going_on = [link.goes_on_at for link in pending if link.goes_on_at]
    context = {
        "batch": batch,
        "lines": lines,
        "event": f"{batches.event_name(batch)} 2s",
        "counts": counts,
        "to_start": counts["ready"] + counts["waiting"],
        "to_retry": sum(line.state in RETRIED for line in lines),
        "goes_on_at": min(going_on, default=None),
        "standing_still": stalled.among(pending),
        "is_moving": not batch.begun_at or bool(pending),
    }
    if not batch.begun_at:
        costs = batches.costs(lines)
        context |= {"costs": costs, "calls": sum(cost.calls for cost in costs)}
        context["possible"] = len(lines) - counts["gone"] - counts["processing"]
    return render_page(request, "downloads/batch.html", context)


@of_batch(*POST)
def begin(request: HttpRequest, batch: DownloadBatch) -> HttpResponse:
    """Creates the missing links, once the user has seen their cost."""
    batches.begin(batch)
    tasks.start_due(DownloadLink)
    return redirect("downloads:batch", batch.pk)


@of_batch(*POST)
def retry(request: HttpRequest, batch: DownloadBatch) -> HttpResponse:
    """A new link for one file, or for all that have none."""
    form = RetryForm(request.POST)
    if not form.is_valid():
        return render_problem(request, 422, "Not retried", "The list has no such file.")
    batches.retry(batch, form.numbers())
    tasks.start_due(DownloadLink)
    return redirect("downloads:batch", batch.pk)


@of_batch("GET")
@never_cache
def file(request: HttpRequest, batch: DownloadBatch, number: int) -> HttpResponse:
    """Redirects to a file and records that it was started. The signed URL appears in this one header only."""
    found = get_object_or_404(batch.files.select_related("source__key"), number=number)
    if url := batches.start(batch, found):
        return HttpResponseRedirect(url, headers={"Referrer-Policy": "no-referrer"})
    return _no_link(request)


@of_batch(*POST)
@never_cache
def urls(request: HttpRequest, batch: DownloadBatch) -> HttpResponse:
    """The signed URLs as plain text, one a line, for the clipboard."""
    if found := batches.urls(batch):
        return HttpResponse("\n".join(found), content_type="text/plain; charset=utf-8")
    return _no_link(request)


def _no_link(request: HttpRequest) -> HttpResponse:
    return render_problem(request, 410, "No link", "Press Retry in the list to create a new one.")
