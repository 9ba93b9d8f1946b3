"""Forms of allauth's pages as they are used here (settings, ACCOUNT_FORMS)."""

from allauth.account.forms import SignupForm as AllauthForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest


class SignupForm(AllauthForm):
    """Signing up takes as long for an address that has an account: that of others is nobody's business."""

    def try_save(self, request: HttpRequest):
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # most of the time that a new account takes
        return super().try_save(request)
