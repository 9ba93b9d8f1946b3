from datetime import date

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from core.forms import QueryForm
from datasources.activity.words import GROUPS, What


class ActivityForm(QueryForm):
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
