from django import forms
from django.db.models import Q, QuerySet

from accounts.models import Team, User
from accounts.roles import TABLE, Action
from core.forms import NameField, QueryForm, changes
from datasources.models import ApiKey


class KeyChoiceForm(QueryForm):
    """Through which key a source is seen, where several see it."""

    key = forms.UUIDField(required=False)


SECRET_LENGTH_MAX = 512  # docs/claro-api.md, basics


def clean_api_key(secret: str) -> str:
    """A key as docs/claro-api.md (basics) allows it: printable, without white space, up to 512 characters."""
    secret = secret.strip()
    if any(character.isspace() or not character.isprintable() for character in secret):
        raise forms.ValidationError("A key has no spaces or line breaks. Copy the whole key again.")
    return secret


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

    label = NameField(help_text="A name to recognize this key by.")
    secret = SecretField()
    keep_unchecked = forms.BooleanField(required=False, label="Save without a check")


class KeyEditForm(KeyForm):
    """Renaming a key, replacing its secret in place. A key of another account lacks `files_missing` of its files."""

    files_missing = 0

    label = NameField(help_text="A name to recognize this key by.", show_hidden_initial=True)
    secret = SecretField(required=False, help_text="Leave empty to keep the current key.")
    calls_per_minute = forms.IntegerField(
        label="Calls per minute",
        required=False,
        min_value=1,
        max_value=100_000,
        show_hidden_initial=True,
        help_text="The limit of your plan. A limit reported by Claro takes precedence.",
    )
    other_account = forms.BooleanField(required=False, label="Replace it by the key of another account")


class KeyShareForm(forms.Form):
    """With which teams a key is shared: those in which its owner may share keys, and those that have it."""

    teams = forms.ModelMultipleChoiceField(
        Team.objects.none(),
        required=False,
        show_hidden_initial=True,
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

    def changed_teams(self) -> tuple[QuerySet[Team], QuerySet[Team]]:
        """Those that were ticked, and those that lost their tick, since the form was rendered."""
        ticked, unticked = changes(self, "teams")
        return self.choices().filter(pk__in=ticked), self.choices().filter(pk__in=unticked)


class TeamKeyForm(forms.Form):
    """One of the user's own keys that the team does not have."""

    key = forms.ModelChoiceField(ApiKey.objects.none(), label="Your key", empty_label=None)

    def __init__(self, owner: User, team: Team, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["key"].queryset = ApiKey.objects.filter(owner=owner).exclude(shares__team=team).order_by("label")
