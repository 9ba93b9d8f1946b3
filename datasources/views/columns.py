"""Profiles of columns on the rows page: the row of heads that follows a page, and the panel of a column."""

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from core.forms import query_string
from datasources.copies import versions
from datasources.copies.query import Query
from datasources.copies.store import CopyLost
from datasources.models import Source, TableCopy
from datasources.rows import problems, profiles, reading, remembered, tables
from datasources.rows.forms import RowsForm
from datasources.rows.profiles import Heads
from datasources.rows.tables import Table
from datasources.views.guards import READ, of_source
from datasources.views.pages import render_page, render_problem


class ColumnForm(RowsForm):
    """A column of the table that an address shows, by its place from 1."""

    place = forms.IntegerField(min_value=1, max_value=10_000_000)


class HeadsForm(RowsForm):
    """At most so many columns of the table that an address shows."""

    DEFAULTS = RowsForm.DEFAULTS | {"shown": tables.COLUMNS_MAX}
    shown = forms.IntegerField(required=False, min_value=1, max_value=tables.COLUMNS_MAX)


def heads_of(request: HttpRequest, source: Source, copy: TableCopy | None, table: Table, state: dict) -> Heads | None:
    """The row of heads for a page; None where rows are live, or the copy can't be asked now."""
    if not copy or not table.shown:
        return None
    try:
        return profiles.row_of_heads(
            copy, request.user.pk, _query(state), lambda _: table.shown, dict(request.GET.lists()), _path(source)
        )
    except (CopyLost, *reading.UNANSWERED):
        return None


@of_source(*READ)
def heads(request: HttpRequest, source: Source) -> HttpResponse:
    """The row of heads with the part of the filtered rows, for a page that came without it."""
    state = HeadsForm(remembered.expanded(request, source)).state()
    copy = versions.current(source)
    if not copy:
        return HttpResponse(status=204)
    try:
        row = profiles.row_of_heads(
            copy,
            request.user.pk,
            _query(state),
            lambda names: tables.shown_columns(names, state, state["shown"]),
            dict(request.GET.lists()),
            _path(source),
            is_late=True,
        )
    except (CopyLost, *reading.UNANSWERED):
        row = None
    if row is None:
        return HttpResponse(status=204)  # the heads of the whole table stay
    return render_page(request, "rows/_heads.html", {"heads": row, "source": source}, part="rows/_heads.html")


@of_source(*READ)
def column(request: HttpRequest, source: Source) -> HttpResponse:
    """The profile of a column: its numbers, frequent values and suspicious cells, with links to their rows."""
    form = ColumnForm(remembered.expanded(request, source))
    state = form.state()
    copy = versions.current(source)
    if not request.GET.get("place"):
        return render_problem(request, 400, "No column", "The address contains no column. Open one from the table.")
    if "place" in form.errors:
        raise Http404("No such column.")
    if not copy:
        return render_problem(
            request, 409, "No profile", "Only whole-table copies have profiles. Copy the table first."
        )
    parameters, rows = dict(request.GET.lists()), reverse("sources:rows", args=[source.datasource_id])
    try:
        panel = profiles.panel(copy, request.user.pk, _query(state), state["place"], parameters, rows)
    except CopyLost:
        return render_problem(request, 409, "No profile", "The whole-table copy is gone. Make one on the rows page.")
    except reading.UNANSWERED as error:
        problem = problems.of(error)
        return render_problem(request, problem.status, problem.title, problem.text)
    if panel is None:
        raise Http404("No such column.")
    shown = tables.Column(state["place"], panel.profile.column.name)
    back = rows + query_string({name: value for name, value in parameters.items() if name not in profiles.OWN})
    context = {"source": source, "panel": panel, "column": shown, "back": back, "is_part": panel.rows is not None}
    return render_page(request, "rows/column.html", context, part="rows/_column.html")


def _query(state: dict) -> Query:
    return Query(filter=state["filter"], words=state["q"], check=state["check"])


def _path(source: Source) -> str:
    return reverse("sources:column", args=[source.datasource_id])
