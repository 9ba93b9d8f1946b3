"""What the address of a page may hold: each field of its query string comes out as what the rooms take."""

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from datasources.audit import GROUPS, What
from datasources.claro import LIST_LIMIT_MAX, ROWS_LIMIT_MAX
from datasources.rows import Query

ORDERS = (("asc", "ascending"), ("desc", "descending"))


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
    """What may stand in an address several times: a list of texts, none of them empty."""

    widget = forms.SelectMultiple

    def to_python(self, value: object) -> list[str]:
        return [text for text in ([value] if isinstance(value, str) else value or ()) if text]


class RowsForm(AddressForm):
    DEFAULTS = {"page": 1, "limit": 50, "order": "asc", "column": ()}
    LIMITS = (25, 50, 100, 250, 500, 1000)

    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000_000)
    limit = forms.IntegerField(required=False, min_value=1, max_value=ROWS_LIMIT_MAX)
    # Column names and filters go to Claro as they were typed, white space included.
    sort = forms.CharField(required=False, max_length=1000, strip=False)
    order = forms.ChoiceField(required=False, choices=ORDERS)
    filter = forms.CharField(required=False, max_length=4000, strip=False)
    # Those that are shown; none: all.
    column = NamesField(required=False)

    @staticmethod
    def query(state: dict[str, Any]) -> Query:
        return Query(sort=state["sort"], order=state["order"], filter=state["filter"])


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
