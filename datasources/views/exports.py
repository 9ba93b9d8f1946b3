from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.roles import Action, may
from datasources import access, tasks
from datasources.copies import folding, jobs, opened, versions
from datasources.copies.exports import receipts, streaming, writing
from datasources.copies.exports.formats import FORMATS
from datasources.copies.exports.forms import ExportForm, usual_options
from datasources.copies.exports.receipts import AlreadyWritten, Crowded
from datasources.copies.exports.writing import Plan, Refused
from datasources.copies.filters import FilterError
from datasources.copies.query import where
from datasources.copies.search import NotFolded
from datasources.copies.store import CopyLost
from datasources.models import Comparison, Export, Source, TableCopy
from datasources.rows import problems, reading, remembered
from datasources.rows.forms import RowsForm
from datasources.rows.problems import Problem
from datasources.views import copies
from datasources.views.guards import FORM, READ, of_export, of_source, require
from datasources.views.pages import paged, render_page, render_problem

# Why no file is written.
UNWRITTEN = (Refused, CopyLost, Crowded, AlreadyWritten, *reading.UNANSWERED)
FORBIDDEN = Problem("Exports are switched off", "The owner of this key has switched row exports off.", 403)
NO_COPY = "This table has no whole-table copy yet. Copy it once on {path}, then rows can be exported."
# The parts of an address that select rows and columns, and their order.
ASKED = ("filter", "q", "check", "sorts", "column", "hide")
RETRY_S = 5


@of_source(*FORM, action=Action.EXPORT)
def export(request: HttpRequest, source: Source) -> HttpResponse:
    """The form for exporting the rows that the address shows; POST leads to the receipt, which starts the file."""
    if not source.key.allows_export:
        return _render(request, FORBIDDEN)
    address = RowsForm(remembered.expanded(request, source))
    state, complaints = address.state(), address.complaints()
    query = _query(state)
    form = ExportForm(request.POST if request.method == "POST" else _chosen(request))
    is_valid = form.is_valid()
    is_whole = form.cleaned_data.get("rows") == ExportForm.ALL
    asked = Export(
        source=source,
        user=request.user,
        query={} if is_whole else query,
        format=form.cleaned_data.get("format", "csv"),
        options=asdict(form.options(_languages(request))),
    )
    copy = versions.current(source)
    try:
        plan, problem = _preview(asked, copy)
    except CopyLost:  # as if there were none
        copy, plan, problem = None, None, None
    if request.method == "POST" and is_valid and not (complaints or problem):
        try:
            if not copy:
                _start_copy(request, source)
        except jobs.NotPossible as error:
            return _render(request, Problem("Not exported", str(error), 409))
        asked.save(force_insert=True)
        return redirect("exports:receipt", asked.pk)
    status = 400 if complaints else 422 if not is_valid else problem.status if problem else 200
    context = {"source": source, "state": state, "form": form, "query": query, "complaints": complaints}
    context |= copies.context_of(request, source)
    context |= {"copy": copy, "plan": plan, "problem": problem, "asked": asked, "is_whole": is_whole}
    context["format_name"] = FORMATS[asked.format].name
    return render_page(request, "exports/form.html", context, status, part="exports/_preview.html")


@of_export(*READ)
@never_cache
def receipt(request: HttpRequest, export: Export) -> HttpResponse:
    """The receipt of an export: what it waits for, how far the file is, and what is in it. It starts the file."""
    if receipts.mark_lost(request.user):
        export.refresh_from_db(fields=["state", "reason", "finished_at"])
    context: dict[str, Any] = {"export": export, "source": export.source, "format": FORMATS[export.format]}
    context |= {"event": receipts.event_name(export), "copy_event": jobs.event_name(export.source)}
    if export.is_waiting:
        copy = versions.current(export.source)
        context |= copies.context_of(request, export.source)
        context["waits_for"] = _waits_for(export, copy)
    context |= {"again": _form_path(export), "is_moving": export.is_waiting or export.is_being_written}
    return render_page(request, "exports/receipt.html", context)


@of_export(*READ)
@never_cache
def file(request: HttpRequest, export: Export) -> HttpResponseBase:
    """The file, which is written once. A HEAD request starts nothing."""
    if not export.source.key.allows_export:
        return _told(request, FORBIDDEN)
    copy = versions.current(export.source)
    if not copy:
        return _told(request, _no_copy(export.source))
    if request.method == "HEAD":
        return _attachment(export, ())
    return streamed(request, export, copy)


@login_required
@require_safe
def list_exports(request: HttpRequest) -> HttpResponse:
    """The user's receipts, the newest first."""
    receipts.mark_lost(request.user)
    found = access.exports_for(request.user).select_related("source__key").order_by("-created_at", "pk")
    context, status = paged(request, found)
    for one in context["page"]:
        one.format_name = FORMATS[one.format].name
    return render_page(request, "exports/list.html", context, status)


def for_script(request: HttpRequest, source: Source) -> HttpResponseBase:
    """The rows of an address with `format`, as a file at once. Without a copy it starts none."""
    require(request, source, Action.EXPORT)
    if not source.key.allows_export:
        return _told(request, FORBIDDEN)
    address, form = RowsForm(remembered.expanded(request, source)), ExportForm(request.GET)
    state = address.state()
    if wrong := [*address.complaints(), *(error for errors in form.errors.values() for error in errors)]:
        return _told(request, Problem("Not exported", " ".join(wrong), 400))
    copy = versions.current(source)
    if not copy:
        return _told(request, _no_copy(source))
    export = Export(
        source=source,
        user=request.user,
        query=_query(state),
        format=form.cleaned_data["format"],
        options=asdict(form.options(_languages(request))),
    )
    if request.method == "HEAD":
        return _attachment(export, ())
    export.save(force_insert=True)
    response = streamed(request, export, copy)
    if not response.streaming:  # a script gets the sentence, and needs no receipt of it
        export.delete()
    return response


def streamed(request: HttpRequest, export: Export, copy: TableCopy | Comparison) -> HttpResponseBase:
    """The file of a receipt, or a sentence where it can't be written."""
    try:
        return _attachment(export, streaming.stream(export, copy))
    except UNWRITTEN as error:
        if isinstance(error, NotFolded):
            tasks.fold(copy)
        problem = _problem(error)
        if problem.status == 422:
            receipts.refuse(export, problem.text)
        return _told(request, problem)


def _attachment(export: Export, pieces: Any) -> StreamingHttpResponse:
    """`identity`: compressing a large file would take more time than it saves, and hide its length from the reader."""
    name = receipts.file_name(export)
    response = StreamingHttpResponse(pieces, content_type=FORMATS[export.format].mime)
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Content-Encoding"] = "identity"
    response["Cache-Control"] = "no-store"
    if not export._state.adding:
        response["Link"] = f'<{reverse("exports:receipt", args=[export.pk])}>; rel="describedby"'
    return response


def _preview(asked: Export, copy: TableCopy | None) -> tuple[Plan | None, Problem | None]:
    """The plan of the file, or why it can't be written; neither if that takes longer than a page may.

    Raises CopyLost.
    """
    if not copy:
        return None, None
    try:
        with opened.reader(copy, asked.user_id) as reader:
            return writing.plan(reader, receipts.wanted(asked, reader)), None
    except (opened.Busy, opened.TooSlow):
        return None, None
    except (Refused, *reading.UNANSWERED) as error:
        if isinstance(error, NotFolded):
            tasks.fold(copy)
        return None, _problem(error)


def _problem(error: Exception) -> Problem:
    match error:
        case Refused():
            return Problem("Not exported", str(error), 422)
        case FilterError(claro_may_read=True):
            text = f"{error.message} Only Claro may be able to read this filter. Export the whole table instead."
            return Problem("Rows of this filter can't be exported", text, 422)
        case Crowded():
            return Problem("Too many exports at once", str(error), 429)
        case AlreadyWritten():
            return Problem("Written already", "A receipt has one file. Export the rows again for another one.", 409)
        case CopyLost():
            return Problem("The copy can't be read", "Copy the table again, then export its rows.", 409)
        # Not in the words of a page, which retries, nor with its status: a script would keep a 202 as the file.
        case NotFolded() | opened.Busy():
            return Problem("Not ready yet", "The copy is being prepared. Try again in a moment.", 503)
        case opened.TooSlow():
            return Problem("This took too long", "The query was stopped. Try again, or export fewer rows.", 503)
    return problems.of(error)


def _waits_for(export: Export, copy: TableCopy | None) -> str:
    """Why the file can't start now: "copy", "search", "turn"; "" where it can, or where it never will."""
    if not copy:
        return "copy"
    if export.query.get("q"):
        try:
            with opened.reader(copy, export.user_id) as reader:
                where(reader, receipts.wanted(export, reader).query)
        except NotFolded:
            if failure := folding.failure(copy):
                receipts.refuse(export, f"The search can't be prepared. {failure}")
                export.refresh_from_db(fields=["state", "reason", "finished_at"])
                return ""
            tasks.fold(copy)
            return "search"
        except UNWRITTEN:
            return ""  # the file states it
    return "" if receipts.being_written(export.user) < receipts.AT_ONCE and streaming.has_room() else "turn"


def _start_copy(request: HttpRequest, source: Source) -> None:
    """Starts the copy that the export waits for, by the same rules as its page. Raises NotPossible, RoleTooLow."""
    if jobs.is_large(source):
        require(request, source, Action.COPY)
    copy = jobs.start(source, request.user, is_automatic=not may(source.key.role, Action.COPY))
    if not copy.is_ready:
        tasks.start(copy)


def _query(state: dict[str, Any]) -> dict[str, Any]:
    """The part of a state of RowsForm that selects rows and columns, and their order."""
    return {name: state[name] for name in ASKED if state[name]}


def _form_path(export: Export) -> str:
    """The form for exporting the same rows again; of a comparison or a plot, its file."""
    query = export.query
    if of := query.get("compared") or query.get("plotted"):
        return of
    sorts = query.get("sorts", ())
    asked = {name: query[name] for name in ("filter", "q", "check", "column", "hide") if name in query}
    asked |= {"sort": [name for name, _ in sorts], "order": [order for _, order in sorts]}
    asked |= {"key": export.source.key_id, "format": export.format, **export.options}
    return f"{reverse('sources:export', args=[export.source.datasource_id])}?{urlencode(asked, doseq=True)}"


def _chosen(request: HttpRequest) -> dict[str, str]:
    """The form before anything is chosen, and while a format is being chosen (`format` in the address)."""
    usual = usual_options(_languages(request))
    start = {"rows": ExportForm.SHOWN, "format": "excel-csv", "separator": usual.separator, "decimal": usual.decimal}
    return {name: request.GET.get(name) or value for name, value in start.items()}


def _languages(request: HttpRequest) -> str:
    return request.headers.get("Accept-Language", "")


def _no_copy(source: Source) -> Problem:
    text = jobs.why_not(source) or NO_COPY.format(path=reverse("sources:copy", args=[source.datasource_id]))
    return Problem("There is no copy of this table", text, 409)


def _told(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A sentence instead of a file: for scripts as text."""
    if request.accepts("text/html") and "text/html" in request.headers.get("Accept", ""):
        response = _render(request, problem)
    else:
        response = HttpResponse(f"{problem.text}\n", status=problem.status, content_type="text/plain; charset=utf-8")
    patch_vary_headers(response, ["Accept"])
    response["Cache-Control"] = "no-store"
    if problem.status in (429, 503):
        response["Retry-After"] = str(RETRY_S)
    return response


def _render(request: HttpRequest, problem: Problem) -> HttpResponse:
    return render_problem(request, problem.status, problem.title, problem.text)
