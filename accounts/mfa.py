"""Encrypts second factors: the secret of an authenticator app, the seed of recovery codes.

allauth passes both to its adapter without their user. Unlike keys, they are therefore not bound to a row. The data of a
passkey is public.
"""

from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from allauth.mfa.webauthn import forms as webauthn
from django.core.cache import cache
from django.core.validators import MaxLengthValidator
from django.db import transaction
from django.db.models import QuerySet

from accounts import sign_in
from accounts.models import User
from accounts.sessions import device
from core import vault
from core.text import require_one_line

ROW = "second factor"
FIELDS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}
# A code is good for 30 seconds and one step before and after (MFA_TOTP_TOLERANCE); allauth remembers it for one.
CODE_LASTS_S = 90


class MFAAdapter(DefaultMFAAdapter):
    """allauth's adapter for second factors, with encryption."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "Wrong code or passkey. Try again.",
    }

    def encrypt(self, text: str) -> str:
        return vault.seal(text, ROW)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises vault.SecretUnreadable, which the middleware puts into words."""
        return vault.unseal(encrypted_text, ROW)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Claro Dashboard"}

    def generate_authenticator_name(self, user, type) -> str:
        """The default name of a new passkey: the browser in use, which usually stores it."""
        return device(context.request.headers.get("User-Agent", ""))


class ActivateTOTPForm(totp.ActivateTOTPForm):
    """Sets up an authenticator app. Until that is done its secret waits in the session, encrypted like the rest."""

    def __init__(self, *args, **kwargs):
        session = context.request.session
        if sealed := session.pop(SECRET_SESSION_KEY, ""):
            session[SECRET_SESSION_KEY] = vault.unseal(sealed, ROW)
        super().__init__(*args, **kwargs)
        session[SECRET_SESSION_KEY] = vault.seal(self.secret, ROW)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class _EachCodeOnce:
    """Takes a code of the app once for as long as it would be good; guesses are slowed down."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def clean_code(self) -> str:
        guess = sign_in.guess(context.request, "code", self.user.email, self.user)
        sign_in.count(guess)
        code = super().clean_code()
        guess.was_right()
        used = f"code:{self.user.pk}:{normalize_user_code(code)}"
        if self.authenticator.type == Authenticator.Type.TOTP and not cache.add(used, 1, CODE_LASTS_S):
            raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(_EachCodeOnce, base.AuthenticateForm):
    """The second step of a sign-in."""


class ReauthenticateForm(_EachCodeOnce, base.ReauthenticateForm):
    """Re-authenticates the signed-in user."""


class _NamedInOneLine:
    """Limits the name of a passkey to one line, because lists and mails show it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].validators += [require_one_line, MaxLengthValidator(100)]


class EditPasskeyForm(_NamedInOneLine, webauthn.EditWebAuthnForm):
    """A passkey gets another name."""


class AddPasskeyForm(_NamedInOneLine, webauthn.AddWebAuthnForm):
    """Every passkey can sign in alone, so each must know its person: there is no lesser kind to choose."""

    passwordless = None

    def clean(self) -> dict:
        self.cleaned_data["passwordless"] = True
        return super().clean()


def stored() -> QuerySet[Authenticator]:
    """The second factors that have something encrypted."""
    return Authenticator.objects.filter(type__in=FIELDS)


@transaction.atomic
def encrypt_anew(pk: int) -> str:
    """Re-encrypts one with the first key of the ring; returns the outcome. A code used during that time stays used."""
    row = stored().select_for_update().filter(pk=pk).first()
    if row is None:
        return "gone"
    name = FIELDS[row.type]
    try:
        text = vault.unseal(row.data[name], ROW)
    except vault.SecretUnreadable:
        return "unreadable"
    if vault.is_current(row.data[name]):
        return "current"
    row.data[name] = vault.seal(text, ROW)
    row.save(update_fields=["data"])
    vault.unseal(stored().get(pk=pk).data[name], ROW)
    return "rotated"


def of(user: User) -> dict[str, object]:
    """`app`, `passkeys`, `recovery_codes` as rows, and how many of the codes are `codes_left`. One query, no secret."""
    rows = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    kinds = {row.type: row for row in rows}
    codes = kinds.get(Authenticator.Type.RECOVERY_CODES)
    return {
        "app": kinds.get(Authenticator.Type.TOTP),
        "passkeys": [row for row in rows if row.type == Authenticator.Type.WEBAUTHN],
        "recovery_codes": codes,
        "codes_left": app_settings.RECOVERY_CODE_COUNT - codes.data["used_mask"].bit_count() if codes else 0,
    }


def remove(user: User) -> int:
    """Removes all second factors of a user who has lost them; returns their number."""
    return Authenticator.objects.filter(user=user).delete()[0]
