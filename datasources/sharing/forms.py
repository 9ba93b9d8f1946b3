from datetime import date, datetime, time, timedelta
from typing import Any, Self

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import format_html

from accounts.models import User
from accounts.people import with_address
from core.text import require_text
from datasources.models import ShareLink
from datasources.sharing import passwords


class ShareForm(forms.Form):
    """The settings of a share link, as they are to be from now on."""

    DAYS = {"day": 1, "week": 7, "month": 30}
    ENDS = (
        ("day", "In 1 day"),
        ("week", "In 7 days"),
        ("month", "In 30 days"),
        ("date", "On a date"),
        ("never", "Never"),
    )

    ends = forms.ChoiceField(label="Expires", choices=ENDS, initial="month")
    ends_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The link works until the end of this day.",
    )
    most_uses = forms.IntegerField(
        label="Download limit",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="For all recipients together. Leave empty for no limit.",
    )
    limits_each = forms.TypedChoiceField(
        label="The limit counts",
        choices=(("", "All files in all"), ("each", "Each file on its own")),
        coerce=bool,
        required=False,
        empty_value=False,
    )
    password = forms.CharField(
        required=False,
        min_length=8,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters. Leave empty if no password is needed. It is shown once, after you save.",
    )
    note = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        validators=[require_text],
        help_text="Shown on the page to everyone who opens the link.",
    )
    names_sender = forms.BooleanField(required=False, label="Name me as the sender")

    is_generated = False
    # Sent with the next form, which is not taken without a password then: it was not kept (`full_clean`).
    has_lost_password = False

    def __init__(self, user: User, files: int, *args, missing: int = 0, **kwargs):
        """`missing`: how many more files were asked for that are not there. Then no link is made without a word."""
        super().__init__(*args, **kwargs)
        self._missing = missing
        if files == 1:
            del self.fields["limits_each"]
        self.fields["names_sender"].help_text = format_html("The page shows {}.", with_address(user))

    @classmethod
    def with_new_password(cls, *args, typed: QueryDict, has_focus: bool) -> Self:
        """The form as it was typed, unchecked, with a generated password that can be read."""
        initial = {name: typed.get(name, "") for name in cls.base_fields}
        form = cls(*args, initial=initial | {"password": passwords.new()})
        form.data = typed  # for the hidden values that the form was rendered with
        form.fields["password"].widget = forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": has_focus}
        )
        form.is_generated = True
        return form

    def full_clean(self) -> None:
        """Asks for the password again after an error anywhere, as a password is not sent back."""
        super().full_clean()
        if self.is_bound and self.errors and self.data.get("password") and "password" not in self.errors:
            self.add_error("password", "Enter the password again. It was not kept.")
            self.has_lost_password = True

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.data.get("lost_password") and not given.get("password") and "password" not in self.errors:
            self.add_error("password", "You entered a password before. Enter it again, or save once more without it.")
        if self._missing:
            self.add_error(None, "Nothing was shared yet. Create the link again to share what is left.")
        day = given.get("ends_on")
        if given.get("ends") == "date" and "ends_on" not in self.errors:
            if not day:
                self.add_error("ends_on", "Choose a date.")
            elif self._end_of(day) <= timezone.now():
                self.add_error("ends_on", "This date is in the past. Choose a later one.")
        return given

    def settings(self) -> dict[str, Any]:
        """As shares.make takes them."""
        given = self.cleaned_data
        names = ("most_uses", "limits_each", "password", "note", "names_sender")
        return {"ends_at": self._ends_at(), **{name: given[name] for name in names if name in given}}

    def _ends_at(self) -> datetime | None:
        match self.cleaned_data["ends"]:
            case "never":
                return None
            case "date":
                return self._end_of(self.cleaned_data["ends_on"])
            case word:
                return timezone.now() + timedelta(days=self.DAYS[word])

    @staticmethod
    def _end_of(day: date) -> datetime:
        """Midnight in the user's time zone."""
        return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


class ShareEditForm(ShareForm):
    """The same for a link that is there already."""

    remove_password = forms.BooleanField(required=False, label="Remove the password")

    field_order = ("ends", "ends_on", "most_uses", "limits_each", "password", "remove_password", "note")

    def __init__(self, user: User, share: ShareLink, *args, initial: dict[str, Any] | None = None, **kwargs):
        on = share.ends_at and timezone.localtime(share.ends_at - timedelta(seconds=1)).date()
        present = {
            "ends": "date" if on else "never",
            "ends_on": on,
            "most_uses": share.most_uses,
            "limits_each": "each" if share.limits_each else "",
            "note": share.note,
            "names_sender": share.names_sender,
        }
        super().__init__(user, share.files.count(), *args, initial=initial or present, **kwargs)
        self._share = share
        if share.password:
            self.fields["password"].help_text = "Leave empty to keep the current password."
        else:
            del self.fields["remove_password"]
        if user.pk != share.made_by_id:  # it is the maker's own address
            del self.fields["names_sender"]
        for name in self.fields.keys() & present.keys():
            self.fields[name].show_hidden_initial = True

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if given.get("remove_password") and given.get("password"):
            self.add_error("remove_password", "Remove the password, or set another one.")
        return given

    def settings(self) -> dict[str, Any]:
        """The changes for shares.change, of fields changed since it was rendered. An unchanged day keeps its hour."""
        changed = super().settings()
        for name in changed.keys() & {"most_uses", "limits_each", "note", "names_sender"} - set(self.changed_data):
            del changed[name]
        if not {"ends", "ends_on"} & set(self.changed_data):
            del changed["ends_at"]
        if not changed["password"] and not self.cleaned_data.get("remove_password"):
            del changed["password"]
        elif self.cleaned_data.get("remove_password"):
            changed["password"] = ""
        return changed
