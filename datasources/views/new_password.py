"""The form for a new password, for allauth's page (settings, ACCOUNT_FORMS)."""

from allauth.account.forms import ResetPasswordForm as AllauthForm
from django.http import HttpRequest

from datasources import tasks


class ResetPasswordForm(AllauthForm):
    """Queues the mail in a worker, for any address: the page does the same whether or not an account exists."""

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()

    def save(self, request: HttpRequest, **kwargs) -> str:
        email = self.cleaned_data["email"]
        tasks.mail_new_password.delay(email, request.build_absolute_uri("/"))
        return email
