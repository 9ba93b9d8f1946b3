"""Forms of teams, and those of allauth's pages as they are used here (settings, ACCOUNT_FORMS)."""

from allauth.account.forms import SignupForm as AllauthForm
from allauth.core import context
from django import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts import invitations, teams
from accounts.models import Team
from accounts.people import PersonNameField
from accounts.roles import Role, may_give
from core.forms import NameField
from core.text import typeable


class SignupForm(AllauthForm):
    """Signing up takes as long for an address that has an account: that of others is nobody's business.

    A visitor who came by an invitation signs up with its address and no other.
    """

    field_order = ("email", "name", "password1", "password2")
    name = PersonNameField(label="Name (optional)")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        invitation = teams.invitation_of(context.request.session) if context.request else None
        self._invited = invitation.email if invitation else ""
        if self._invited:
            field = self.fields["email"]
            field.initial, field.help_text = self._invited, "The address of your invitation."
            field.widget.attrs["readonly"] = True

    def clean_email(self) -> str:
        if self._invited and self.cleaned_data["email"].lower() != self._invited:
            raise forms.ValidationError(f"Your invitation is for {self._invited}. Sign up with this address.")
        return super().clean_email()

    def try_save(self, request: HttpRequest):
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # most of the time that a new account takes
        return super().try_save(request)


class PersonNameForm(forms.Form):
    name = PersonNameField(help_text="Optional. Teams see it in place of your e-mail address.")


class TeamForm(forms.ModelForm):
    name = NameField()

    class Meta:
        model = Team
        fields = ("name",)


class RoleForm(forms.Form):
    """A role that a user with `own_role` may assign: only owners make owners."""

    role = forms.TypedChoiceField(coerce=lambda role: Role(int(role)), choices=Role.choices, initial=Role.VIEWER)

    def __init__(self, own_role: int, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [choice for choice in Role.choices if may_give(own_role, choice[0])]


class AddressesField(forms.CharField):
    """The words of a text; whether each is an address is known when it is invited."""

    def clean(self, value: object) -> list[str]:
        text = super().clean(value)
        found = invitations.addresses(text)
        if text and not found:  # empty means a link for anybody
            raise forms.ValidationError("Enter an address, or leave the field empty.")
        return found


class InviteForm(RoleForm):
    """`email` are any number of addresses. Those that could not be invited stay in the field (`leave`)."""

    DAYS = ((1, "1 day"), (7, "1 week"), (30, "1 month"))

    email = AddressesField(
        label="E-mail addresses",
        required=False,
        max_length=5000,
        widget=forms.Textarea({"rows": 2, "autocomplete": "off", "spellcheck": "false", "data-typed": True}),
        help_text="Separated by commas, spaces or lines. Leave empty to create a link that anyone can use.",
    )
    days = forms.TypedChoiceField(label="Expires in", coerce=int, choices=DAYS, initial=7)
    is_single_use = forms.BooleanField(label="Link for one person", required=False, initial=True)

    def __init__(self, own_role: int, *args, **kwargs):
        super().__init__(own_role, *args, **kwargs)
        self.fields["role"].choices = [
            (value, f"{label}: {Role(value).summary}") for value, label in self.fields["role"].choices
        ]

    def leave(self, left_out: dict[str, str]) -> None:
        """Leaves only these addresses in the field, and each sentence once below it."""
        self.data = {**self.data.dict(), "email": ", ".join(left_out)}
        for sentence in dict.fromkeys(left_out.values()):
            self.add_error("email", sentence)


class TeamDeleteForm(forms.Form):
    confirm = forms.CharField(label="Team name")

    def __init__(self, team: Team, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._name = team.name

    def clean_confirm(self) -> str:
        typed = self.cleaned_data["confirm"]
        if typeable(typed) != typeable(self._name):
            raise forms.ValidationError("The name doesn't match. Nothing was deleted.")
        return typed
