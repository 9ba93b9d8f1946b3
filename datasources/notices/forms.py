from typing import Any

from django import forms
from django.conf import settings

from datasources.models import Outlet
from datasources.models.notices import CHOICES


class WishForm(forms.Form):
    """The notification settings of a user for a key."""

    topics = forms.MultipleChoiceField(
        choices=CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )


class OutletForm(forms.Form):
    kind = forms.ChoiceField(label="How", choices=Outlet.Kind.choices)
    url = forms.CharField(
        label="Address",
        required=False,
        max_length=2000,
        help_text="The address of your webhook or of Slack's, stored encrypted. E-mail goes to your sign-in address.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not settings.EMAIL_URL:
            self.fields["kind"].choices = [choice for choice in Outlet.Kind.choices if choice[0] != Outlet.Kind.MAIL]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("kind") not in (None, Outlet.Kind.MAIL) and not cleaned.get("url"):
            self.add_error("url", "Enter the address.")
        return cleaned
