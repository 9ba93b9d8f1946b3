"""What the address of a page may hold: each field of its query string comes out as what the rooms take."""

import re
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from datasources.activity.log import GROUPS, What
from datasources.claro import LIST_LIMIT_MAX, ROWS_LIMIT_MAX
from datasources.rows.pages import Query

# The longest name of a column by which rows are sorted.
SORT_MAX = 1000
ORDERS = (("asc", "ascending"), ("desc", "descending"))


def query_string(parameters: dict[str, Any], **changes: object) -> str:
    """The query string with some parameters changed, empty ones left out; a change leads to the first page."""
    changed = {**parameters, "page": "", **changes}
    # `column=` is the column without a name.
    kept = {
        name: value
        for name, value in changed.items()
        if value not in (None, "", [""]) or (name, value) == ("column", [""])
    }
    text = urlencode(kept, doseq=True)
    return f"?{text}" if text else "?"


class AddressForm(forms.Form):
    """The state of a page, as its address holds it. What can't be used is told, and the default takes its place."""

    DEFAULTS: dict[str, Any] = {}

    def state(self) -> dict[str, Any]:
        """Every field's value, or its default where it is missing or can't be used."""
        self.full_clean()
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])}
        return {**dict.fromkeys(self.fields, ""), **self.DEFAULTS, **given}

    def complaints(self) -> list[str]:
        """One sentence for each value that can't be used."""
        return [f"“{name}” in the address: {error}" for name, errors in self.errors.items() for error in errors]


class KeyChoiceForm(AddressForm):
    """Through which key a source is seen, where several see it."""

    key = forms.UUIDField(required=False)


class SourceListForm(AddressForm):
    DEFAULTS = {"page": 1, "limit": 50, "sort": "uploaded", "order": "desc"}
    SORTS = ("name", "type", "size", "status", "uploaded", "processed", "key")
    LIMITS = (25, 50, 100)

    key = forms.UUIDField(required=False)
    status = forms.CharField(required=False, max_length=50)
    type = forms.CharField(required=False, max_length=255)
    q = forms.CharField(required=False, max_length=200)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)
    limit = forms.IntegerField(required=False, min_value=1, max_value=LIST_LIMIT_MAX)
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])
    order = forms.ChoiceField(required=False, choices=ORDERS)


class NamesField(forms.Field):
    """Texts that may stand in an address several times. An empty one counts: a column may have no name."""

    widget = forms.SelectMultiple

    def to_python(self, value: object) -> list[str]:
        return list([value] if isinstance(value, str) else value or ())


class RowsForm(AddressForm):
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


class PageForm(AddressForm):
    DEFAULTS = {"page": 1}

    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)


class ActivityForm(AddressForm):
    KINDS = frozenset({*What, *GROUPS})
    # As far as every database and every zone goes.
    DAYS = (MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31)))
    EVENTS = {"required": False, "min_value": 1, "max_value": 2**63 - 1}

    what = forms.ChoiceField(required=False, choices=[(kind, kind) for kind in sorted(KINDS)])
    who = forms.CharField(required=False, max_length=254)
    key = forms.UUIDField(required=False)
    source = forms.UUIDField(required=False)
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"], validators=DAYS)
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"], validators=DAYS)
    q = forms.CharField(required=False, max_length=200)
    before = forms.IntegerField(**EVENTS)
    after = forms.IntegerField(**EVENTS)
