"""What people fill in: each field comes out as what the rooms take."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Team, User
from accounts.roles import TABLE, Action, Role, may_give
from core.text import require_one_line, require_text
from datasources.models import ApiKey, Outlet, SavedView, ShareLink, Source
from datasources.models.notices import CHOICES

SECRET_LENGTH_MAX = 512  # docs/claro-api.md, basics


def clean_api_key(secret: str) -> str:
    """A key as docs/claro-api.md (basics) allows it: printable, without white space, up to 512 characters."""
    secret = secret.strip()
    if any(character.isspace() or not character.isprintable() for character in secret):
        raise forms.ValidationError("A key has no spaces or line breaks. Copy it again, whole and alone.")
    return secret


class NameField(forms.CharField):
    """A name: it stands in one line wherever it is shown, and goes into mails and logs."""

    default_validators = [require_one_line]

    def __init__(self, **kwargs):
        super().__init__(max_length=100, **kwargs)


class SecretField(forms.CharField):
    """An API key: never sent back to the browser."""

    widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "spellcheck": "false"})

    def __init__(self, **kwargs):
        super().__init__(label="API key", max_length=SECRET_LENGTH_MAX, strip=True, **kwargs)

    def clean(self, value):
        return clean_api_key(super().clean(value) or "")


class KeyForm(forms.Form):
    """Adding a key. `could_not_check` is set when Claro did not answer: only then may it be kept unchecked."""

    could_not_check = False

    label = NameField(help_text="A name that tells you which key this is.")
    secret = SecretField()
    keep_unchecked = forms.BooleanField(required=False, label="Keep the key unchecked for now")


class KeyEditForm(KeyForm):
    """Renaming a key, replacing its secret in place."""

    secret = SecretField(required=False, help_text="Leave empty to keep the present key.")
    calls_per_minute = forms.IntegerField(
        label="Calls a minute",
        required=False,
        min_value=1,
        max_value=100_000,
        help_text="What your plan allows. Claro mostly says it by itself, and then that counts.",
    )


class KeyShareForm(forms.Form):
    """With which teams a key is shared: those in which its owner may share keys, and those that have it."""

    teams = forms.ModelMultipleChoiceField(
        Team.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )

    def __init__(self, owner: User, key: ApiKey, *args, **kwargs):
        super().__init__(*args, **kwargs)
        least = TABLE[Action.KEYS][0]
        may_share = Q(memberships__user=owner, memberships__role__gte=least)
        self.fields["teams"].queryset = Team.objects.filter(may_share | Q(key_shares__key=key)).distinct()
        self.fields["teams"].initial = Team.objects.filter(key_shares__key=key)

    def choices(self) -> QuerySet[Team]:
        """The teams that can be chosen."""
        return self.fields["teams"].queryset


class TeamForm(forms.ModelForm):
    name = NameField()

    class Meta:
        model = Team
        fields = ("name",)


class RoleForm(forms.Form):
    """A role that somebody with `own_role` may give: only owners make owners."""

    role = forms.TypedChoiceField(coerce=lambda role: Role(int(role)), choices=Role.choices, initial=Role.MEMBER)

    def __init__(self, own_role: int, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [choice for choice in Role.choices if may_give(own_role, choice[0])]


class InviteForm(RoleForm):
    DAYS = ((1, "1 day"), (7, "1 week"), (30, "1 month"))

    email = forms.EmailField(
        label="E-mail address", required=False, help_text="Empty: a link for whoever you pass it on to."
    )
    days = forms.TypedChoiceField(label="Works for", coerce=int, choices=DAYS, initial=7)
    is_single_use = forms.BooleanField(label="For one person only", required=False, initial=True)


class TeamDeleteForm(forms.Form):
    confirm = forms.CharField(label="Name of the team")

    def __init__(self, team: Team, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._name = team.name

    def clean_confirm(self) -> str:
        typed = self.cleaned_data["confirm"]
        if _typeable(typed) != _typeable(self._name):
            raise forms.ValidationError("That is not the team's name. Nothing was deleted.")
        return typed


class WishForm(forms.Form):
    """What somebody is told about a key."""

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
        help_text="Of your webhook or of Slack's, kept encrypted. E-mail goes to the address you sign in with.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not settings.EMAIL_URL:
            self.fields["kind"].choices = [choice for choice in Outlet.Kind.choices if choice[0] != Outlet.Kind.MAIL]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("kind") not in (None, Outlet.Kind.MAIL) and not cleaned.get("url"):
            self.add_error("url", "Where to? Paste the address.")
        return cleaned


class ViewNameForm(forms.ModelForm):
    name = NameField()

    class Meta:
        model = SavedView
        fields = ("name",)


class SavedViewForm(ViewNameForm):
    """A new view: for oneself, or for one of `teams`."""

    team = forms.ModelChoiceField(Team.objects.none(), required=False, label="For whom", empty_label="Only for me")

    def __init__(self, teams: list[Team], *args, **kwargs):
        super().__init__(*args, **kwargs)
        if teams:
            self.fields["team"].queryset = Team.objects.filter(pk__in=[team.pk for team in teams])
        else:
            del self.fields["team"]


class DownloadForm(forms.Form):
    CHOICES = ((300, "5 minutes"), (3600, "1 hour"), (86_400, "24 hours"))

    expires_in = forms.TypedChoiceField(coerce=int, required=False, empty_value=3600, choices=CHOICES)
    renew = forms.BooleanField(required=False)


class ShareForm(forms.Form):
    """The settings of a share link, as they are to be from now on."""

    DAYS = {"day": 1, "week": 7, "month": 30}
    ENDS = (
        ("day", "In a day"),
        ("week", "In a week"),
        ("month", "In 30 days"),
        ("date", "On a date"),
        ("never", "Never"),
    )

    ends = forms.ChoiceField(label="Stops working", choices=ENDS, initial="month")
    ends_on = forms.DateField(
        label="After which day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The last day on which it works.",
    )
    most_uses = forms.IntegerField(
        label="Downloads at most", required=False, min_value=1, max_value=1_000_000, help_text="Empty: any number."
    )
    password = forms.CharField(
        required=False,
        min_length=8,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters. Leave empty if no password is needed. Send the password separately.",
    )
    note = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        validators=[require_text],
        help_text="Shown on the page, to whoever opens the link.",
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        day = given.get("ends_on")
        if given.get("ends") == "date" and "ends_on" not in self.errors:
            if not day:
                self.add_error("ends_on", "Choose a day.")
            elif self._end_of(day) <= timezone.now():
                self.add_error("ends_on", "That day is over.")
        return given

    def settings(self) -> dict[str, Any]:
        """As shares.make takes them."""
        given = self.cleaned_data
        return {"ends_at": self._ends_at(), **{name: given[name] for name in ("most_uses", "password", "note")}}

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
        """Midnight in the zone of whoever chose it."""
        return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


class ShareEditForm(ShareForm):
    """The same for a link that is there already."""

    remove_password = forms.BooleanField(required=False, label="Ask for no password any more")

    field_order = ("ends", "ends_on", "most_uses", "password", "remove_password", "note")

    def __init__(self, share: ShareLink, *args, **kwargs):
        on = share.ends_at and timezone.localtime(share.ends_at - timedelta(seconds=1)).date()
        present = {
            "ends": "date" if on else "never",
            "ends_on": on,
            "most_uses": share.most_uses,
            "note": share.note,
        }
        super().__init__(*args, initial=present, **kwargs)
        self._share = share
        if share.password:
            self.fields["password"].help_text = "Empty: the present one stays."
        else:
            del self.fields["remove_password"]

    def settings(self) -> dict[str, Any]:
        """What changes, as shares.change takes it. A day that was not touched keeps its hour."""
        changed = super().settings()
        if not {"ends", "ends_on"} & set(self.changed_data):
            del changed["ends_at"]
        if not changed["password"] and not self.cleaned_data.get("remove_password"):
            del changed["password"]
        elif self.cleaned_data.get("remove_password"):
            changed["password"] = ""
        return changed


class WhenForm(forms.Form):
    """Whether Claro is asked once the time in the bin is over, or now."""

    when = forms.ChoiceField(required=False, choices=[("later", "later"), ("now", "now")])

    @property
    def is_now(self) -> bool:
        return self.cleaned_data["when"] == "now"


class DeleteForm(WhenForm):
    """Deleting asks for the file's name; what can't be typed (control characters, exact spaces) isn't asked for."""

    confirm = forms.CharField(label="File name", strip=True, validators=[MaxLengthValidator(10_000)])

    def __init__(self, source: Source, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._name = source.name
        if not _typeable(self._name):
            self._name = str(source.datasource_id)
            self.fields["confirm"].help_text = f"This name can't be typed. Type {self._name} instead."

    def clean_confirm(self) -> str:
        typed = self.cleaned_data["confirm"]
        if _typeable(typed) != _typeable(self._name):
            raise forms.ValidationError("That is not the file's name. Nothing was deleted.")
        return typed


class DeleteSeveralForm(WhenForm):
    """Deleting several asks for their number."""

    confirm = forms.CharField(label="Number of data sources")

    def __init__(self, count: int, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._count = count

    def clean_confirm(self) -> str:
        typed = self.cleaned_data["confirm"]
        if re.sub(r"[\s,.'’]", "", typed) != str(self._count):
            raise forms.ValidationError("That is not their number. Nothing was deleted.")
        return typed


def _typeable(name: str) -> str:
    """What tells a name from others and comes from a keyboard; an é is one character here and two on a Mac's disk."""
    # The sign of replacement stands for what a keyboard has no key for (cells.visible, claro.types.storable).
    kept = (sign for sign in name if sign.isprintable() and not sign.isspace() and sign != "\N{REPLACEMENT CHARACTER}")
    return unicodedata.normalize("NFC", "".join(kept))
