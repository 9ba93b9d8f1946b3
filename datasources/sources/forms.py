from django import forms

from core.forms import ORDERS, QueryForm
from datasources.claro import LIST_LIMIT_MAX
from datasources.sources import groups, summary


class SourceListForm(QueryForm):
    DEFAULTS = {"page": 1, "limit": 50, "sort": "uploaded", "order": "desc"}
    SORTS = ("name", "type", "size", "status", "uploaded", "processed", "key")
    LIMITS = (25, 50, 100)

    key = forms.UUIDField(required=False)
    favourites = forms.ChoiceField(required=False, choices=[("1", "only favourites")])
    status = forms.CharField(required=False, max_length=50)
    type = forms.CharField(required=False, max_length=255)
    tag = forms.UUIDField(required=False)
    q = forms.CharField(required=False, max_length=200)
    since = forms.ChoiceField(required=False, choices=[(summary.YESTERDAY, "yesterday")])
    group = forms.ChoiceField(required=False, choices=groups.NAMES)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)
    limit = forms.IntegerField(required=False, min_value=1, max_value=LIST_LIMIT_MAX)
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])
    order = forms.ChoiceField(required=False, choices=ORDERS)
