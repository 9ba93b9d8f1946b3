"""The menu of a column's header: links that sort, hide and describe it, and the form that filters by it."""

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from core.forms import query_string
from datasources.claro import ClaroError
from datasources.copies import opened, versions
from datasources.copies.store import CopyLost
from datasources.models import Source, TableCopy
from datasources.rows import reading, remembered, tables
from datasources.rows.forms import RowsForm
from datasources.rows.pages import StillLoading
from datasources.rows.tables import Column
from datasources.views import filters
from datasources.views.guards import READ, of_source
from datasources.views.pages import render_page, render_problem


class MenuForm(RowsForm):
    """A column of the table that an address shows, by its place from 1."""

    place = forms.IntegerField(min_value=1, max_value=10_000_000)


@of_source(*READ)
def column_menu(request: HttpRequest, source: Source) -> HttpResponse:
    """The menu of a column. Its links lead to the rows of the same address with one thing changed."""
    form = MenuForm(remembered.expanded(request, source))
    state = form.state()
    if not request.GET.get("place"):
        return render_problem(request, 400, "No column", "The address contains no column. Open one from the table.")
    if "place" in form.errors:
        raise Http404("No such column.")
    copy = versions.current(source)
    try:
        columns = tables.columns(_names(source, copy, state, request.user.pk))
    except (CopyLost, StillLoading, ClaroError, reading.NeedsCopy, *reading.UNANSWERED):
        return render_problem(request, 503, "No menu", "The columns can't be read right now. Try again in a moment.")
    if state["place"] > len(columns):
        raise Http404("No such column.")
    column = columns[state["place"] - 1]
    filter_form = {} if column.refusal else filters.form_of(request, source, column.name)
    context = {"source": source, **filter_form, **_links(request, source, column, state, has_copy=bool(copy))}
    return render_page(request, "rows/column_menu.html", context, part="rows/_column_menu.html")


def _names(source: Source, copy: TableCopy | None, state: dict, person: object) -> list[str]:
    """The names of all columns. Rows that are live are those of the page, which are cached."""
    if not copy:
        return list(reading.read_page(source, None, state, person).rows.columns)
    with opened.reader(copy, person) as reader:
        return [column.name for column in reader.columns]


def _links(request: HttpRequest, source: Source, column: Column, state: dict, *, has_copy: bool) -> dict:
    parameters = {name: values for name, values in request.GET.lists() if name != "place"}
    page = parameters.get("page")
    rows = reverse("sources:rows", args=[source.datasource_id])
    profile = reverse("sources:column", args=[source.datasource_id]) + query_string(parameters, place=column.place)
    return {
        "column": column,
        "back": rows + query_string(parameters, page=page),
        "order": dict(state["sorts"]).get(column.name, ""),
        "ascending": rows + query_string(parameters, sort=column.name, order="asc"),
        "descending": rows + query_string(parameters, sort=column.name, order="desc"),
        "unsorted": rows + query_string(parameters, sort="", order=""),
        "changes": reverse("sources:columns", args=[source.datasource_id]) + query_string(parameters, page=page),
        "is_pinned": column.name in state["choice"].pins,
        "width": state["choice"].widths.get(column.name, ""),
        "profile": profile if has_copy else "",
    }
