from typing import Any

from django import forms
from django.conf import settings

from accounts.middleware import reader_zone
from datasources.models import Outlet, Timing
from datasources.models.notices import CHOICES


class WishForm(forms.Form):
    """The notification settings of a user for a key."""

    topics = forms.MultipleChoiceField(
        choices=CHOICES,
        required=False,
        show_hidden_initial=True,
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


class TimingForm(forms.ModelForm):
    """When notices are sent: the rhythm of mail, and quiet hours."""

    hour = forms.TypedChoiceField(
        label="Digest at", coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)], initial=8
    )

    class Meta:
        model = Timing
        fields = ("rhythm", "hour", "quiet_from", "quiet_until", "zone")
        labels = {"rhythm": "E-mail", "zone": "Time zone"}
        help_texts = {
            "rhythm": "Once a day or a week, one mail has everything since the last one. Without news, none is sent.",
            "quiet_until": "Leave both empty for no quiet hours. They may cross midnight.",
            "zone": "For example Europe/Berlin. All hours here are in this zone.",
        }
        widgets = {name: forms.TimeInput({"type": "time"}, "%H:%M") for name in ("quiet_from", "quiet_until")}
        error_messages = {name: {"invalid": "Enter a time such as 22:00."} for name in widgets}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["data-typed"] = True

    def clean_zone(self) -> str:
        zone = self.cleaned_data["zone"]
        if reader_zone(zone) is None:
            raise forms.ValidationError("Enter a time zone such as Europe/Berlin or UTC.")
        return zone

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        begin, end = cleaned["quiet_from"], cleaned["quiet_until"]
        if (begin is None) != (end is None):
            self.add_error("quiet_from" if begin is None else "quiet_until", "Enter both times, or neither.")
        elif begin is not None and begin == end:
            self.add_error("quiet_until", "Enter a time that differs from the start.")
        return cleaned
