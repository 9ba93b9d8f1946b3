from django import forms

from accounts.models import Membership, Team, User
from accounts.people import with_address
from accounts.roles import Role


class ReceiverForm(forms.Form):
    """The person who gets a key. The page does not reveal whether the address has an account."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text="The address with which the new owner signs in here.",
    )

    def __init__(self, owner: User, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._owner = owner

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        if email == self._owner.email:
            raise forms.ValidationError("This is your own address.")
        return email


class MemberChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, membership: Membership) -> str:
        return with_address(membership.user)


class MemberForm(forms.Form):
    """The member who gets a team."""

    member = MemberChoiceField(Membership.objects.none(), label="New owner", empty_label=None)

    def __init__(self, team: Team, *args, **kwargs):
        super().__init__(*args, **kwargs)
        members = team.memberships.filter(role__lt=Role.OWNER, user__is_active=True).select_related("user")
        self.fields["member"].queryset = members
