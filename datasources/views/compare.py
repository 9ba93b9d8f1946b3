"""Compares a table with another file, or with its previous version."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string

from accounts.roles import Action
from core.forms import NamesField, QueryForm
from datasources import access, stalled, tasks
from datasources.copies import jobs as copy_jobs
from datasources.copies import opened, profile, read, versions
from datasources.copies.compare import jobs, match
from datasources.copies.compare.summary import Summary
from datasources.copies.exports.formats import FORMATS
from datasources.copies.exports.forms import ExportForm
from datasources.copies.query import Query
from datasources.copies.store import CopyLost, Unavailable
from datasources.keys import choice
from datasources.models import Comparison, Export, Source, TableCopy
from datasources.rows import differences
from datasources.sources import patterns
from datasources.sources.search import condition
from datasources.views import copies, exports
from datasources.views.guards import FORM, of_source, require
from datasources.views.pages import render_page, render_problem

PREVIOUS = "previous"
# Files that a search by name offers.
NAMED_MAX = 20
# Columns with changed cells that are shown at once; the others unfold.
CHANGED_SHOWN = 30


class CompareForm(QueryForm):
    """`with` is the other file, or "previous"; `on` its key columns, an empty one for none."""

    DEFAULTS = {"page": 1, "on": None}
    LIMIT = 50

    on = NamesField(required=False)
    change = forms.ChoiceField(required=False, choices=[(one, one) for one in match.CHANGES])
    cell = forms.CharField(required=False, strip=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)
    name = forms.CharField(required=False, max_length=200)


@dataclass(frozen=True)
class Side:
    """One of the two tables: the earlier one, or the one of the page. Without a copy, `state` offers one."""

    source: Source
    copy: TableCopy | None
    state: str = ""


@of_source(*FORM)
def compare(request: HttpRequest, source: Source) -> HttpResponseBase:
    """The differences between this table and another one; POST starts the comparison again, or stops it."""
    form = CompareForm(request.GET)
    state = form.state()
    context: dict[str, Any] = {"source": source, "state": state, "complaints": form.complaints()}
    other = request.GET.get("with", "")
    if not other:
        return _choose(request, context)
    before, now = _sides(request, source, other)
    context |= {"before": before, "now": now, "is_previous": other == PREVIOUS}
    context |= {"sides": (before, now), "compared_event": jobs.event_name(source)}
    context |= {"before_event": copy_jobs.event_name(before.source), "now_event": copy_jobs.event_name(source)}
    if other == PREVIOUS and not before.copy:
        return _choose(request, context | {"problem": "no previous"}, 409)
    if not (before.copy and now.copy):
        return render_page(request, "compare/page.html", context | {"problem": "no copy"}, 409)
    if before.copy == now.copy:
        return _choose(request, context | {"problem": "same"}, 422)
    try:
        columns = _columns(before.copy, now.copy, request.user.pk)
    except (CopyLost, opened.Busy, opened.TooSlow):
        return render_problem(request, 503, "Not ready yet", "A copy is being opened. Try again in a moment.")
    on = _key(state["on"], columns.guessed)
    context |= {"on": on, "is_guessed": state["on"] is None and bool(on), "common": columns.common}
    if missing := [name for name in on if name not in columns.common]:
        context["complaints"] = [f"The column “{missing[0][:200]}” is not in both tables. Choose another key."]
        return render_page(request, "compare/page.html", context | {"problem": "no key"}, 422)
    found = jobs.find(before.copy, now.copy, on)
    try:
        if request.method == "POST":
            return _act(request, found, before.copy, now.copy, on)
        if found is None and request.method == "GET":
            found = _started(before.copy, now.copy, on, request)
    except CopyLost:
        return redirect(request.get_full_path())  # to the offer of another copy
    context["comparison"] = found
    if found and found.is_ready:
        return _result(request, context, found)
    context["standing_still"] = bool(found) and stalled.among([found])
    return render_page(request, "compare/page.html", context, 202 if found and found.is_under_way else 200)


def _choose(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The files that the table can be compared with."""
    source, named = context["source"], context["state"]["name"]
    context["previous"] = versions.of(source).previous
    context["earlier"] = patterns.earlier_files(source, request.user)
    if named:
        found = access.sources_for(request.user).filter(condition(named))
        found = found.exclude(datasource_id=source.datasource_id).order_by("-uploaded_at")[: 2 * NAMED_MAX]
        context["named"] = list({one.datasource_id: one for one in found}.values())[:NAMED_MAX]
    return render_page(request, "compare/choose.html", context, 400 if context["complaints"] else status)


def _sides(request: HttpRequest, source: Source, other: str) -> tuple[Side, Side]:
    """The earlier table and the one of the page. Raises Http404 for a file that the user can't see."""
    found = versions.of(source)
    if other == PREVIOUS:
        return Side(source, found.previous), _side(request, source, found.current)
    try:
        earlier = choice.get_source(request.user, UUID(other))
    except ValueError:
        raise Http404("No such source.") from None
    return _side(request, earlier, versions.current(earlier)), _side(request, source, found.current)


def _side(request: HttpRequest, source: Source, copy: TableCopy | None) -> Side:
    if copy:
        return Side(source, copy)
    context = {"source": source, **copies.context_of(request, source), "is_copy_page": True}
    return Side(source, None, render_to_string("copies/_line.html", context, request))


@dataclass(frozen=True)
class _Columns:
    common: list[str]
    guessed: list[str]


def _columns(before: TableCopy, now: TableCopy, person: object) -> _Columns:
    """The names that both tables have, and the guessed key. Raises what opened.reader does."""
    with opened.reader(before, person) as reader:
        names, profiles = {column.name for column in reader.columns}, profile.of(reader)
    with opened.reader(now, person) as reader:
        common = [name for name in dict.fromkeys(column.name for column in reader.columns) if name in names]
        return _Columns(common, jobs.guessed_key(profiles, profile.of(reader)))


def _key(asked: list[str] | None, guessed: list[str]) -> list[str]:
    """The key columns of an address: the guess where it names none, and no key where it names an empty one."""
    if asked is None:
        return guessed
    return list(dict.fromkeys(name for name in asked if name))[: jobs.ON_MAX]


def _started(before: TableCopy, now: TableCopy, on: list[str], request: HttpRequest) -> Comparison:
    comparison = jobs.ask(before, now, on, request.user)
    if comparison.is_under_way:
        tasks.start(comparison)
    return comparison


def _act(
    request: HttpRequest, found: Comparison | None, before: TableCopy, now: TableCopy, on: list[str]
) -> HttpResponse:
    if request.POST.get("action") == "stop":
        if found:
            jobs.stop(found)
    else:
        _started(before, now, on, request)
    return redirect(request.get_full_path())


def _result(request: HttpRequest, context: dict[str, Any], comparison: Comparison) -> HttpResponseBase:
    summary, state = Summary.from_dict(comparison.summary), context["state"]
    every = differences.places(summary.columns, bool(comparison.on))
    chosen = next((one for one in every if state["cell"] == one.column.name != "" and one.flag is not None), None)
    context["summary"] = summary
    try:
        with opened.reader(comparison, request.user.pk) as reader:
            names = [column.name for column in reader.columns]
            query = Query(filter=differences.expression(state["change"], chosen, names))
            if "format" in request.GET:
                places = dict.fromkeys(at for one in every for at in (one.before, one.now))
                columns = [names[at] for at in (*range(match.ROW_NOW + 1), *places)]
                return _file(request, comparison, context, query, columns)
            page = read.page(reader, query, (state["page"] - 1) * CompareForm.LIMIT, CompareForm.LIMIT, None, 500)
    except (Unavailable, opened.Busy, opened.TooSlow):
        return render_problem(request, 503, "Not ready yet", "The comparison is being opened. Try again in a moment.")
    except CopyLost:
        return redirect(request.get_full_path())  # to what became of it
    shown = differences.shown(every)
    changed = sorted((one for one in summary.columns if one.changed), key=lambda one: -one.changed)
    context |= {
        "page": page,
        "first": page.first + 1,
        "last": page.first + len(page.rows),
        "has_next": page.first + len(page.rows) < page.total,
        "shown": shown,
        "left_out": len(every) - len(shown),
        "body": differences.body(page.rows, shown),
        "changed_columns": (changed[:CHANGED_SHOWN], changed[CHANGED_SHOWN:]),
        "cell_is_further": state["cell"] in [one.name for one in changed[CHANGED_SHOWN:] if one.name],
        "other_kinds": [one for one in summary.columns if one.has_other_kind],
        "drifted": [one for one in summary.columns if one.drift],
        "formats": [(name, one.name) for name, one in FORMATS.items()],
        "rows_max": match.ROWS_MAX,
        "may_export": all(side.source.key.allows_export for side in context["sides"]),
    }
    return render_page(request, "compare/page.html", context, 400 if context["complaints"] else 200)


def _file(
    request: HttpRequest, comparison: Comparison, context: dict[str, Any], query: Query, columns: list[str]
) -> HttpResponseBase:
    """The differences that the page shows, as a file with a receipt."""
    for side in context["sides"]:
        require(request, side.source, Action.EXPORT)
        if not side.source.key.allows_export:
            return render_problem(request, 403, exports.FORBIDDEN.title, exports.FORBIDDEN.text)
    form = ExportForm(request.GET)
    if not form.is_valid():
        words = " ".join(error for errors in form.errors.values() for error in errors)
        return render_problem(request, 400, "Not exported", words)
    asked = {"filter": query.filter, "column": columns, "compared": request.get_full_path()}
    options = form.options(request.headers.get("Accept-Language", ""))
    if request.method == "HEAD":
        return HttpResponse(content_type=FORMATS[form.cleaned_data["format"]].mime)
    export = Export(
        source=context["now"].source,
        user=request.user,
        query={name: value for name, value in asked.items() if value},
        format=form.cleaned_data["format"],
        options=asdict(options),
    )
    export.save(force_insert=True)
    return exports.streamed(request, export, comparison)
