import re
from typing import Any

from django import forms

from core.forms import ORDERS, NamesField, QueryForm
from datasources.claro import ROWS_LIMIT_MAX
from datasources.rows.pages import Query

# The longest name of a column by which rows are sorted.
SORT_MAX = 1000


class RowsForm(QueryForm):
    DEFAULTS = {"page": 1, "limit": 50, "order": "asc", "column": (), "from_column": 1}
    LIMITS = (25, 50, 100, 250, 500, 1000)

    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000_000)
    limit = forms.IntegerField(required=False, min_value=1, max_value=ROWS_LIMIT_MAX)
    # Column names and filters go to Claro as they were typed, white space included.
    sort = forms.CharField(required=False, max_length=SORT_MAX, strip=False)
    order = forms.ChoiceField(required=False, choices=ORDERS)
    filter = forms.CharField(required=False, max_length=4000, strip=False)
    # Those that are shown, in this order; none: all.
    column = NamesField(required=False)
    # The first of them that is shown, from 1, where there are too many for one page.
    from_column = forms.IntegerField(required=False, min_value=1, max_value=10_000_000)

    @staticmethod
    def query(state: dict[str, Any]) -> Query:
        return Query(sort=state["sort"], order=state["order"], filter=state["filter"])


class CellsForm(RowsForm):
    """Cells of a page of rows, each by the number of its row and the place of its column, both from 1."""

    at = NamesField()
    is_compact = forms.BooleanField(required=False)

    def clean_at(self) -> list[tuple[int, int]]:
        if not all(re.fullmatch(r"[1-9][0-9]{0,12}\.[1-9][0-9]{0,7}", at) for at in self.cleaned_data["at"]):
            raise forms.ValidationError("No cell.")
        return [(int(row), int(place)) for row, place in (at.split(".") for at in self.cleaned_data["at"])]
