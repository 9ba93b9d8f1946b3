import re
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.roles import Action, may
from datasources import stalled, tasks
from datasources.copies import jobs, versions
from datasources.models import Source
from datasources.views.guards import FORM, of_source, require
from datasources.views.pages import render_page, render_problem, wants_fragment


@of_source(*FORM)
def copy(request: HttpRequest, source: Source) -> HttpResponse:
    """The whole-table copy of a source: its state; POST starts, stops or deletes it (`action`)."""
    if request.method != "POST":
        return _state(request, source)
    act = _ACTS.get(request.POST.get("action", ""))
    if act is None:
        return render_problem(request, 422, "Nothing changed", "The form names no action. Reload the page.")
    try:
        done = act(request, source)
    except jobs.NotPossible as error:
        return render_problem(request, 409, "Not copied", str(error))
    if wants_fragment(request):
        return _state(request, source)
    messages.success(request, done)
    return redirect(_back(request, source))


def context_of(request: HttpRequest, source: Source) -> dict[str, object]:
    """The context of `copies/_state.html`, for every page that includes it; `copies` are the source's versions."""
    found = versions.of(source)
    why_not = jobs.why_not(source)
    is_offered = not (why_not or found.under_way or found.is_up_to_date)
    path = reverse("sources:copy", args=[source.datasource_id])
    asked = {"key": str(source.key_id)} | ({"team": request.GET["team"]} if request.GET.get("team") else {})
    return {
        "copies": found,
        "copy_path": f"{path}?{urlencode(asked)}",
        "copy_state_path": f"{path}?{urlencode(asked | {'part': 'state'})}",
        "copy_event": jobs.event_name(source),
        "copy_why_not": why_not,
        "copy_cost": jobs.cost(source, found) if is_offered else None,
        "copy_seconds": found.under_way and jobs.seconds_left(found.under_way, source),
        "copy_standing_still": stalled.among(filter(None, [found.under_way])),
        "copy_is_resumed": bool(found.unfinished) and jobs.is_resumable(found.unfinished),
        "may_copy": may(source.key.role, Action.COPY),
        "may_start_copy": may(source.key.role, Action.COPY) or not jobs.is_large(source, found),
        "copy_rows_auto": settings.COPY_ROWS_AUTO,
    }


def open_automatically(request: HttpRequest, source: Source, total: int | None) -> None:
    """Starts the copy of a small table whose rows are opened; `total` is the number of its rows, None if unknown."""
    if copy := jobs.start_automatic(source, request.user, total):
        tasks.start(copy)


def _state(request: HttpRequest, source: Source) -> HttpResponse:
    """The page of the copy; for the line on another page, that line."""
    is_line = request.method == "POST" or request.GET.get("part") == "state"
    context = {"source": source, **context_of(request, source)}
    return render_page(request, "copies/page.html", context, part="copies/_state.html" if is_line else "")


def _create(request: HttpRequest, source: Source) -> str:
    """Starts or resumes a copy. For users who may copy small tables only, it ends at that size in any case."""
    if jobs.is_large(source):
        require(request, source, Action.COPY)
    copy = jobs.start(source, request.user, is_automatic=not may(source.key.role, Action.COPY))
    if copy.is_ready:
        return f"{source.name} is copied already."
    tasks.start(copy)
    return f"The table {source.name} is being copied."


def _stop(request: HttpRequest, source: Source) -> str:
    require(request, source, Action.COPY)
    copy = versions.of(source).under_way
    if copy and jobs.stop(copy, request.user):
        return f"Stopped copying {source.name}."
    return f"{source.name} is not being copied."


def _drop(request: HttpRequest, source: Source) -> str:
    require(request, source, Action.COPY)
    jobs.drop(source, request.user)
    return f"Deleted the copies of {source.name}."


# Pages that offer copies: of a table, or of the two that are compared.
_PAGES = re.compile(r"/sources/(?P<source>[0-9a-f-]{36})/(?P<page>rows|plot|compare)/")
_ACTS = {"create": _create, "resume": _create, "stop": _stop, "drop": _drop}


def _back(request: HttpRequest, source: Source) -> str:
    """The address of the page from which the form was sent, with its query; else the page of the copy."""
    came_from = request.POST.get("next", "")
    found = _PAGES.fullmatch(came_from.partition("?")[0])
    if found and (found["page"] == "compare" or found["source"] == str(source.datasource_id)):
        return came_from
    return request.get_full_path()
