"""Forms of teams, and those of allauth's pages as they are used here (settings, ACCOUNT_FORMS)."""

from allauth.account.forms import SignupForm as AllauthForm
from django import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.models import Team
from accounts.people import PersonNameField
from accounts.roles import Role, may_give
from core.forms import NameField
from core.text import typeable


class SignupForm(AllauthForm):
    """Signing up takes as long for an address that has an account: that of others is nobody's business."""

    field_order = ("email", "name", "password1", "password2")

    name = PersonNameField(label="Name (optional)")

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

    role = forms.TypedChoiceField(coerce=lambda role: Role(int(role)), choices=Role.choices, initial=Role.MEMBER)

    def __init__(self, own_role: int, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [choice for choice in Role.choices if may_give(own_role, choice[0])]


class InviteForm(RoleForm):
    DAYS = ((1, "1 day"), (7, "1 week"), (30, "1 month"))

    email = forms.EmailField(
        label="E-mail address", required=False, help_text="Leave empty to create a link that anyone can use."
    )
    days = forms.TypedChoiceField(label="Expires in", coerce=int, choices=DAYS, initial=7)
    is_single_use = forms.BooleanField(label="Single use", required=False, initial=True)


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
