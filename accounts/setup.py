"""The first sign-up in production: it needs the setup code that the release prints.

The first user becomes an administrator. Without the code, any visitor could claim the installation between the start
and the first sign-up. A laptop has no code.
"""

import secrets

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.forms import SignupForm as PlainSignupForm
from accounts.models import SetupCode, User


def is_needed() -> bool:
    """Whether the next sign-up makes an administrator, and has to show the code."""
    return settings.PRODUCTION and not User.objects.exists()


def new_code() -> str:
    """A fresh code; an older one no longer works."""
    code = secrets.token_urlsafe(15)
    SetupCode.objects.all().delete()
    SetupCode.objects.create(digest=_digest(code))
    return code


def is_right(code: str) -> bool:
    stored = SetupCode.objects.first()
    return stored is not None and constant_time_compare(stored.digest, _digest(code))


def use_up() -> bool:
    """Whether there was a code; it no longer works."""
    deleted, _ = SetupCode.objects.all().delete()
    return deleted > 0


def _digest(code: str) -> str:
    """The hash of a code. The code has 120 random bits, so a slow hash would add nothing."""
    return salted_hmac("accounts.setup", code, algorithm="sha256").hexdigest()


class SignupForm(PlainSignupForm):
    """Asks for the setup code where it is needed. Attempts are limited as sign-ups are (ACCOUNT_RATE_LIMITS)."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if is_needed():
            help_text = "Printed at the release of the dashboard, and by: python manage.py release"
            self.fields["setup_code"] = forms.CharField(max_length=100, help_text=help_text)

    def clean_setup_code(self) -> str:
        code = self.cleaned_data["setup_code"].strip()
        if not is_right(code):
            raise forms.ValidationError("Wrong setup code. Print a new one with: python manage.py release")
        return code

    def save(self, request):
        with transaction.atomic():
            if "setup_code" in self.fields and not use_up():  # by another sign-up at the same moment
                raise PermissionDenied
            return super().save(request)
