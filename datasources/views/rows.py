from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.safestring import SafeString

from core.forms import query_string
from datasources import gateway, stalled, tasks
from datasources.claro import ClaroError, InvalidParameters, ProcessingInProgress, RateLimited, TooLarge
from datasources.copies import folding, versions
from datasources.copies.search import NotFolded
from datasources.deleting import viewers
from datasources.gateway import KeyRefused
from datasources.models import Source
from datasources.rows import cells, problems, reading, remembered, suggestions, tables
from datasources.rows.forms import CellsForm, RowsForm
from datasources.rows.pages import StillLoading
from datasources.rows.reading import NeedsCopy, Reading
from datasources.views import columns, copies, exports
from datasources.views.errors import say_when, status_of
from datasources.views.guards import READ, of_source
from datasources.views.pages import render_page, render_problem

# The whole text of a cell that a page shows, and of all cells that are requested at once: in characters.
WHOLE_MAX, TOGETHER_MAX = 500_000, 4_000_000


@of_source(*READ)
def rows(request: HttpRequest, source: Source) -> HttpResponseBase:
    """The table of a source's rows, from its whole-table copy or live from Claro. Its state is in the URL.

    With `format` in the address, the rows as a file.
    """
    viewers.note(source, request.user)
    if "format" in request.GET:
        return exports.for_script(request, source)
    form = RowsForm(remembered.expanded(request, source))
    state = form.state()
    if request.htmx.history_restore_request:
        remembered.go_back(request, source)
    if better := remembered.better_address(request, source):
        return redirect(better)
    if state["go"]:
        return redirect(_address_of_row(request, state))
    context = {"source": source, "state": state, "limits": form.LIMITS, "complaints": form.complaints()}
    context |= copies.context_of(request, source)
    copy = context["copies"].current
    status = 400 if context["complaints"] else 200
    if not copy and (source.is_processing or source.has_failed):
        context["problem"] = "failed" if source.has_failed else "processing"
        context["standstill"] = source.is_processing and stalled.of_keys([source.key])
        return render_page(request, "rows/page.html", context, status, part="rows/_table.html")
    try:
        found = reading.read_page(source, copy, state, request.user.pk)
    except NeedsCopy:
        context |= {"problem": "needs copy", "needs": reading.needs(state)}
        return render_page(request, "rows/page.html", context, 409, part="rows/_table.html")
    except ProcessingInProgress:
        context["problem"] = "processing"
        return render_page(request, "rows/page.html", context, status, part="rows/_table.html")
    except (*reading.UNANSWERED, StillLoading, ClaroError) as error:
        if copy and isinstance(error, NotFolded):
            error = folding.failure(copy) or error
            tasks.fold(copy)
        problem, status = _problem(error, source)
        # Only what went wrong, for its place beside the filter: the last good table stays.
        response = render_page(request, "rows/page.html", context | problem, status, part="rows/_problem.html")
        return say_when(response, problem.get("error"))
    _copy_soon(request, source, found, state)
    context |= _shown(found, state)
    if found.copy and state["filter"].strip() and not found.rows.total:
        context["suggestions"] = suggestions.of(found.copy, request.user.pk, reading.query(state))
    links = remembered.for_links(request, source, len(found.rows.columns))
    context["table"] = tables.table(found.rows, state, dict(links.lists()), found.terms)
    context["heads"] = columns.heads_of(request, source, found.copy, context["table"], state)
    return render_page(request, "rows/page.html", context, status, part="rows/_table.html")


@of_source(*READ)
def cell(request: HttpRequest, source: Source) -> HttpResponse:
    """Whole cells of a page of rows; those named at once are for scripts."""
    form = CellsForm(remembered.expanded(request, source))
    state = form.state()
    if not request.GET.get("at"):
        return render_problem(request, 400, "No cell", "The address contains no cell. Open one from the table.")
    if "at" in form.errors:
        raise Http404("No such cell.")
    try:
        page = reading.read_page(source, versions.current(source), state, request.user.pk, state["at"]).rows
    except StillLoading:
        return render_problem(request, 503, "Claro is fetching these rows", "Open the cell again in a moment.")
    except (NeedsCopy, *reading.UNANSWERED) as error:
        problem = problems.of(error)
        return render_problem(request, problem.status, problem.title, problem.text)
    left, found = TOGETHER_MAX, []
    for row, place in state["at"]:
        index = row - 1 - page.first
        if not (0 <= index < len(page.rows) and place <= len(page.columns)):
            raise Http404("No such cell.")
        text = cells.whole(page.rows[index][place - 1], is_compact=bool(state["is_compact"]))
        most = min(WHOLE_MAX, left)
        left -= min(len(text), most)
        html = SafeString(cells.escaped(text[:most]))
        column = tables.Column(place, page.columns[place - 1])
        found.append({"row": row, "column": column, "html": html, "length": len(text), "is_cut": len(text) > most})
    return render_page(request, "rows/cell.html", {"source": source, "cells": found}, part="rows/_cells.html")


def _address_of_row(request: HttpRequest, state: dict) -> str:
    """The page on which a row of this number is."""
    page = -(-state["go"] // state["limit"])
    return f"{request.path}{query_string(dict(request.GET.lists()), go='', page=page)}#row-{state['go']}"


def _problem(error: Exception, source: Source) -> tuple[dict, int]:
    """The context of a page without new rows, and its status."""
    match error:
        case StillLoading():
            return {"problem": "loading"}, 202
        case InvalidParameters():
            return {"problem": "refused", "error": error}, 422
        case TooLarge():
            return {"problem": "too large"}, 502
        case ClaroError():
            context = {"problem": "trouble", "error": error, "key_is_refused": isinstance(error, KeyRefused)}
            if isinstance(error, RateLimited):
                context["left"] = gateway.calls_left(source.key)
            return context, status_of(error)
    unanswered = problems.of(error)
    return {"problem": "unanswered", "unanswered": unanswered}, unanswered.status


def _copy_soon(request: HttpRequest, source: Source, found: Reading, state: dict) -> None:
    """Starts the automatic copy of a table that was opened; not again while a copy of this version is read."""
    if source.is_processing or (found.copy and not versions.is_old(found.copy, source)):
        return
    is_whole = not found.copy and not state["filter"].strip()
    copies.open_automatically(request, source, found.rows.total if is_whole else None)


def _shown(found: Reading, state: dict) -> dict:
    """The rows of a page and the numbers around the table: from 1, as people count."""
    page = found.rows
    return {
        "page": page,
        "first": page.first + 1,
        "last": page.first + len(page.rows),
        "pages": page.total and -(-page.total // state["limit"]),
        "copy": found.copy,
        "unread": found.unread,
        "unopened": found.unopened,
        "check_words": found.check_words,
        "sorted_names": {name for name, _ in state["sorts"]},
    }
