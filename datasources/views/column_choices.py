"""The columns that the rows page shows: each change is a POST, is remembered, and leads to the new address."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from datasources.claro import ClaroError
from datasources.copies import versions
from datasources.models import Source
from datasources.rows import choices, column_changes, reading, remembered
from datasources.rows.column_changes import Ticked, UnknownChange
from datasources.rows.forms import RowsForm
from datasources.rows.pages import StillLoading
from datasources.views.guards import POST, READ, of_source
from datasources.views.pages import render_page, render_problem

UNREAD = (StillLoading, ClaroError, *reading.UNANSWERED)
AGAIN = "The columns can't be read right now", "Try again in a moment."


class PlacesField(forms.Field):
    """Places of columns, from 1, from a repeated parameter or separated by spaces."""

    widget = forms.SelectMultiple

    def to_python(self, value: list[str] | None) -> list[int]:
        places = " ".join(value or ()).split()
        if not all(one.isascii() and one.isdigit() and len(one) < 8 for one in places):
            raise forms.ValidationError("No column.")
        return [int(one) for one in places]


class ChangeForm(forms.Form):
    do = forms.CharField(max_length=40)
    # The columns that places count in.
    of = forms.CharField(required=False, max_length=40)
    # In pixels, for the button of a column's menu.
    width = forms.IntegerField(required=False, min_value=1, max_value=9999)
    # Ticked ones, and the columns that were listed with a box: no `on` among them has lost its tick.
    on = PlacesField(required=False)
    among = PlacesField(required=False)


@of_source(*POST)
def change(request: HttpRequest, source: Source) -> HttpResponse:
    """Changes the columns of the address, remembers them, and leads to the rows with them."""
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return render_problem(request, 400, "No change of columns", "Use the buttons of the rows page.")
    given, rows = remembered.expanded(request, source), _rows(source)
    state = RowsForm(given).state()
    try:
        names = reading.column_names(source, versions.current(source), state, request.user.pk)
    except UNREAD:
        return render_problem(request, 503, *AGAIN)
    asked = form.cleaned_data
    if asked["of"] not in ("", column_changes.digest(names)):
        messages.warning(request, "The table has other columns now. Choose again.")
        return redirect(remembered.address(request, source, rows, given))
    do = f"{asked['do']} {asked['width']}" if asked["width"] else asked["do"]
    ticked = Ticked(asked["on"], [place for place in asked["among"] if place not in set(asked["on"])])
    try:
        choice = column_changes.changed(state["choice"], names, do, ticked)
    except UnknownChange:
        return render_problem(request, 400, "No change of columns", "Use the buttons of the rows page.")
    remembered.remember(request.user, source, choice)
    return redirect(remembered.address(request, source, rows, choices.with_choice(given, choice.parameters())))


@of_source(*READ)
def chooser(request: HttpRequest, source: Source) -> HttpResponse:
    """The list of the chooser: columns whose name has the text `find` in it, with a box each."""
    given = remembered.expanded(request, source)
    state = RowsForm(given).state()
    try:
        names = reading.column_names(source, versions.current(source), state, request.user.pk)
    except UNREAD:
        return render_problem(request, 503, *AGAIN)
    context = {"source": source, "state": state, "rows": _rows(source) + _query(request.GET)}
    context |= {"names": names, "find": request.GET.get("find", "")}
    return render_page(request, "rows/chooser.html", context, part="rows/_chooser_list.html")


def _rows(source: Source) -> str:
    return reverse("sources:rows", args=[source.datasource_id])


def _query(parameters: QueryDict) -> str:
    rest = parameters.copy()
    rest.pop("find", None)
    return f"?{rest.urlencode()}" if rest else ""
