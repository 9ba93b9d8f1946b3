import re
from itertools import zip_longest
from typing import Any

from django import forms

from core.forms import ORDERS, EachField, NamesField, QueryForm
from datasources.claro import ROWS_LIMIT_MAX
from datasources.rows import choices
from datasources.rows.pages import Query

# The longest name of a column by which rows are sorted.
SORT_MAX = 1000
# Columns by which rows are sorted at once.
SORTS_MAX = 8


class RowsForm(QueryForm):
    DEFAULTS = {"page": 1, "limit": 50, "sort": (), "order": (), "from_column": 1}
    DEFAULTS |= dict.fromkeys(("column", "hide", "pin", "width"), ())
    LIMITS = (25, 50, 100, 250, 500, 1000)

    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000_000)
    limit = forms.IntegerField(required=False, min_value=1, max_value=ROWS_LIMIT_MAX)
    # Column names and filters go to Claro as they were typed, white space included. Several columns, each with its
    # order, need a whole-table copy; so do the words that rows must hold, and a finding of the column panel.
    sort = EachField(forms.CharField(required=False, max_length=SORT_MAX, strip=False), required=False)
    order = EachField(forms.ChoiceField(required=False, choices=ORDERS), required=False)
    filter = forms.CharField(required=False, max_length=4000, strip=False)
    q = forms.CharField(required=False, max_length=400)
    check = forms.CharField(required=False, max_length=100)
    # Those that are shown, in this order, or those that are not; how they are shown; or a reference to all of that
    # (choices.py).
    column = NamesField(required=False)
    hide = NamesField(required=False)
    columns = forms.CharField(required=False, max_length=20)
    pin = NamesField(required=False)
    width = NamesField(required=False)
    thousands = forms.CharField(required=False, max_length=1)
    # The first of them that is shown, from 1, where there are too many for one page.
    from_column = forms.IntegerField(required=False, min_value=1, max_value=10_000_000)
    # A row to go to, by its number.
    go = forms.IntegerField(required=False, min_value=1, max_value=1_000_000_000)

    # The row that is open beside the table, by its number.
    row = forms.IntegerField(required=False, min_value=1, max_value=1_000_000_000)

    def clean_sort(self) -> list[str]:
        names = self.cleaned_data["sort"]
        if len(names) > SORTS_MAX:
            raise forms.ValidationError(f"Rows can be sorted by at most {SORTS_MAX} columns at once.")
        return names

    def state(self) -> dict[str, Any]:
        """Also `sorts`: the columns that rows are sorted by, each with "asc" or "desc". `sort`, `order`: the first.

        `choice`: the columns that are shown. `row` decides the page.
        """
        state = super().state()
        sorts: dict[str, str] = {}
        for name, order in zip_longest(state["sort"], state["order"][: len(state["sort"])], fillvalue=""):
            if name:
                sorts.setdefault(name, order or "asc")
        sort, order = next(iter(sorts.items()), ("", "asc"))
        if state["row"]:
            state["page"] = -(-state["row"] // state["limit"])
        return {
            **state,
            "sorts": tuple(sorts.items()),
            "sort": sort,
            "order": order,
            "choice": choices.read({**state, "columns": [state["columns"]], "thousands": [state["thousands"]]}),
        }

    @staticmethod
    def query(state: dict[str, Any]) -> Query:
        """The parameters for Claro."""
        return Query(sort=state["sort"], order=state["order"], filter=state["filter"])


class CellsForm(RowsForm):
    """Cells of a page of rows, each by the number of its row and the place of its column, both from 1."""

    at = NamesField()
    is_compact = forms.BooleanField(required=False)

    def clean_at(self) -> list[tuple[int, int]]:
        if not all(re.fullmatch(r"[1-9][0-9]{0,12}\.[1-9][0-9]{0,7}", at) for at in self.cleaned_data["at"]):
            raise forms.ValidationError("No cell.")
        return [(int(row), int(place)) for row, place in (at.split(".") for at in self.cleaned_data["at"])]
