from django.http import Http404, HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from datasources import gateway, stalled
from datasources.claro import ClaroError, InvalidParameters, ProcessingInProgress, RateLimited, TooLarge
from datasources.deleting import viewers
from datasources.gateway import KeyRefused
from datasources.models import Source
from datasources.rows import cells, pages, tables
from datasources.rows.forms import CellsForm, RowsForm
from datasources.views.errors import say_when, status_of
from datasources.views.guards import READ, of_source
from datasources.views.pages import render_page, render_problem

# The whole text of a cell that a page shows, and of all cells that are requested at once: in characters.
WHOLE_MAX, TOGETHER_MAX = 500_000, 4_000_000


@of_source(*READ)
def rows(request: HttpRequest, source: Source) -> HttpResponse:
    """The table of a source's rows. Page, sort and filter are in the URL and go to Claro unchanged."""
    viewers.note(source, request.user)
    form = RowsForm(request.GET)
    state = form.state()
    context = {"source": source, "state": state, "limits": form.LIMITS, "complaints": form.complaints()}
    status = 400 if context["complaints"] else 200
    if source.is_processing or source.has_failed:
        context["problem"] = "failed" if source.has_failed else "processing"
        context["standstill"] = source.is_processing and stalled.of_keys([source.key])
        return render_page(request, "rows/page.html", context, status, part="rows/_table.html")
    try:
        page = pages.page(source, state["page"], state["limit"], form.query(state), request.user.pk)
    except pages.StillLoading:
        context["problem"], status = "loading", 202
    except ProcessingInProgress:
        context["problem"] = "processing"
        return render_page(request, "rows/page.html", context, status, part="rows/_table.html")
    except InvalidParameters as error:
        context |= {"problem": "refused", "error": error}
        status = 422
    except TooLarge:
        context["problem"], status = "too large", 502
    except ClaroError as error:
        context |= {"problem": "trouble", "error": error, "key_is_refused": isinstance(error, KeyRefused)}
        if isinstance(error, RateLimited):
            context["left"] = gateway.calls_left(source.key)
        status = status_of(error)
    else:
        context |= _shown(page, state)
        context |= {"page": page, "table": tables.table(page, state, dict(request.GET.lists()))}
        return render_page(request, "rows/page.html", context, status, part="rows/_table.html")
    # Only what went wrong, for its place beside the filter: the last good table stays.
    response = render_page(request, "rows/page.html", context, status, part="rows/_problem.html")
    return say_when(response, context.get("error"))


@of_source(*READ)
def cell(request: HttpRequest, source: Source) -> HttpResponse:
    """Whole cells of a page of rows; those named at once are for scripts."""
    form = CellsForm(request.GET)
    state = form.state()
    if not request.GET.get("at"):
        return render_problem(request, 400, "No cell", "The address contains no cell. Open one from the table.")
    if "at" in form.errors:
        raise Http404("No such cell.")
    try:
        page = pages.page(source, state["page"], state["limit"], form.query(state), request.user.pk)
    except pages.StillLoading:
        return render_problem(request, 503, "Claro is fetching these rows", "Open the cell again in a moment.")
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


def _shown(page: pages.Rows, state: dict) -> dict:
    """The numbers around the table: from 1, as people count."""
    pages = page.total and -(-page.total // state["limit"])
    return {"first": page.first + 1, "last": page.first + len(page.rows), "pages": pages}
