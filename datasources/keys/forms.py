from django import forms

from core.forms import QueryForm


class KeyChoiceForm(QueryForm):
    """Through which key a source is seen, where several see it."""

    key = forms.UUIDField(required=False)
