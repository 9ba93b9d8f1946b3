"""The form for a new password, for allauth's page (settings, ACCOUNT_FORMS)."""

from allauth.account.forms import ResetPasswordForm as AllauthForm
from django.http import HttpRequest

from datasources import tasks


class ResetPasswordForm(AllauthForm):
    """Hands the address to a worker, whoever's it is: the page does the same for every address."""

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()

    def save(self, request: HttpRequest, **kwargs) -> str:
        email = self.cleaned_data["email"]
        tasks.mail_new_password.delay(email, request.build_absolute_uri("/"))
        return email
