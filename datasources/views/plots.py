"""Plots of a table's whole-table copy (docs/plots.md)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import content_disposition_header

from accounts.roles import Action
from core.forms import query_string
from datasources import tasks
from datasources.activity import log
from datasources.copies import folding, versions
from datasources.copies.exports import receipts
from datasources.copies.exports.formats import FORMATS
from datasources.copies.exports.receipts import Crowded
from datasources.copies.plots.asked import CannotPlot
from datasources.copies.search import NotFolded
from datasources.copies.store import CopyLost, Unavailable
from datasources.models import Export, Source, TableCopy
from datasources.rows import plots, problems, reading, remembered
from datasources.rows.plots import PlotForm
from datasources.views import copies, exports
from datasources.views.guards import READ, of_source, require
from datasources.views.pages import render_page, render_problem

# Why a copy gives no plot.
UNANSWERED = (CopyLost, *reading.UNANSWERED)


@of_source(*READ)
def plot(request: HttpRequest, source: Source) -> HttpResponse:
    """A plot of a source's rows and its table. Its state is in the URL; with `format=csv`, the table as a file."""
    here = request.get_full_path()
    if (shorter := remembered.shortened(request, source, here)) != here:
        return redirect(shorter)
    form = PlotForm(request.GET)
    state, complaints = form.state(), form.complaints()
    copy = versions.current(source)
    if request.GET.get("format") == "csv":
        return _csv(request, source, copy, form)
    context = {"source": source, "state": state, "complaints": complaints, "kinds": plots.KINDS.items()}
    context |= {"measures": plots.MEASURES.items(), **copies.context_of(request, source)}
    if not copy:
        return render_page(request, "plots/page.html", context | {"problem": "no copy"})
    path, rows = (reverse(f"sources:{name}", args=[source.datasource_id]) for name in ("plot", "rows"))
    try:
        found = plots.read(copy, request.user.pk, form, dict(request.GET.lists()), path, rows)
    except (Unavailable, *reading.UNANSWERED) as error:
        if isinstance(error, NotFolded):
            error = folding.failure(copy) or error
            tasks.fold(copy)
        unanswered = _problem(error)
        context |= {"problem": "unanswered", "unanswered": unanswered}
        return render_page(request, "plots/page.html", context, unanswered.status)
    except CopyLost:  # as if there were none
        context |= copies.context_of(request, source) | {"problem": "no copy"}
        return render_page(request, "plots/page.html", context)
    asked = {**dict(request.GET.lists()), **plots.address(found.plot), "format": "csv"} if found.plot else {}
    context |= {"plot": found, "csv_path": path + query_string(asked)}
    return render_page(request, "plots/page.html", context, 400 if complaints else 422 if found.problem else 200)


def _csv(request: HttpRequest, source: Source, copy: TableCopy | None, form: PlotForm) -> HttpResponse:
    require(request, source, Action.EXPORT)
    if not source.key.allows_export:
        return render_problem(request, 403, exports.FORBIDDEN.title, exports.FORBIDDEN.text)
    if not copy:
        return render_problem(
            request, 409, "Not exported", "This table has no whole-table copy. Open the plot to make one."
        )
    if complaints := form.complaints():
        return render_problem(request, 400, "Not exported", " ".join(complaints))
    if request.method == "HEAD":
        return HttpResponse(content_type=FORMATS["csv"].mime)
    try:
        found = plots.csv_file(copy, request.user.pk, form)
    except CannotPlot as error:
        return render_problem(request, 422, "Not exported", str(error))
    except UNANSWERED as error:
        problem = _problem(error)
        return render_problem(request, problem.status, problem.title, problem.text)
    query = {name: value for name, value in form.state().items() if value and name in ("filter", "q", "check")}
    export = Export(
        source=source,
        user=request.user,
        version=copy.version,
        format="csv",
        query=query | {"plot": found.words, "plotted": request.get_full_path()},
        columns=found.columns,
        rows_expected=found.rows,
    )
    body = found.text.encode()
    try:
        receipts.note_whole(export, log.origin.get(), found.rows, body)
    except Crowded as error:
        return render_problem(request, 429, "Too many exports at once", str(error))
    headers = {"Content-Disposition": content_disposition_header(True, f"{source.name} plot.csv") or "attachment"}
    headers |= {"Cache-Control": "no-store", "Content-Encoding": "identity"}
    headers["Link"] = f'<{reverse("exports:receipt", args=[export.pk])}>; rel="describedby"'
    return HttpResponse(body, content_type=FORMATS["csv"].mime, headers=headers)


def _problem(error: Exception) -> problems.Problem:
    if isinstance(error, CopyLost):
        return problems.Problem("The whole-table copy can't be read", f"{error} Try again later.", 503, is_slow=True)
    return problems.of(error)
