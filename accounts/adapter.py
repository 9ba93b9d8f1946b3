"""How django-allauth signs people up here."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.urls import reverse

from accounts import teams
from accounts.models import User
from core.visitors import plain_address

# Ways to show again who one is.
WAYS = {
    "reauthenticate": "Use the password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}


class SecondStep(AuthenticateStage):
    """The second step of a sign-in, which the sign-in page leads back to only while there is something to ask for.

    Otherwise the two pages redirect to each other for ever (allauth 65) once the user's factors have been removed.
    """

    def is_resumable(self, request) -> bool:
        return is_mfa_enabled(self.login.user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "enter_current_password": "This is not your current password.",
    }

    def is_open_for_signup(self, request) -> bool:
        """Open by the setting; else for the first person, and for the invited."""
        return settings.SIGNUP_OPEN or not User.objects.exists() or teams.invitation_of(request.session) is not None

    def get_login_stages(self) -> list[str]:
        ours = {"allauth.mfa.stages.AuthenticateStage": "accounts.adapter.SecondStep"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def get_client_ip(self, request) -> str:
        return plain_address(super().get_client_ip(request))

    def get_login_redirect_url(self, request) -> str:
        """The user's invitation, also after a detour through e-mail confirmation; else the default."""
        if invitation := teams.invitation_of(request.session):
            return reverse("invitation", args=[teams.token(invitation)])
        return super().get_login_redirect_url(request)

    def get_reauthentication_methods(self, user) -> list[dict]:
        return [{**way, "description": WAYS[way["id"]]} for way in super().get_reauthentication_methods(user)]

    def get_password_change_redirect_url(self, request) -> str:
        return reverse("account")

    def save_user(self, request, user, form, commit=True):
        """Creates the account. The first user of an installation becomes an administrator."""
        user.is_staff = not User.objects.exists()
        user.name = form.cleaned_data.get("name", "")
        return super().save_user(request, user, form, commit)
