"""A person's second factors and passkeys, for the Account page and for who runs the dashboard."""

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator

from accounts.models import User


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
    """Takes all of them away from somebody who has lost them; says how many there were."""
    return Authenticator.objects.filter(user=user).delete()[0]
