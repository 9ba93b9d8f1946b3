"""The rules for passwords as one validator, so that forms state them in one sentence."""

from django.contrib.auth import password_validation as rules
from django.core.exceptions import ValidationError

MIN_LENGTH = 10


class PasswordValidator:
    """Django's four rules together (AUTH_PASSWORD_VALIDATORS)."""

    def __init__(self) -> None:
        self._rules = [
            rules.UserAttributeSimilarityValidator(),
            rules.MinimumLengthValidator(MIN_LENGTH),
            rules.CommonPasswordValidator(),
            rules.NumericPasswordValidator(),
        ]

    def validate(self, password: str, user=None) -> None:
        """Raises ValidationError with every rule that is broken."""
        errors = []
        for rule in self._rules:
            try:
                rule.validate(password, user)
            except ValidationError as error:
                errors.append(error)
        if errors:
            raise ValidationError(errors)

    def get_help_text(self) -> str:
        return f"At least {MIN_LENGTH} characters, not a common password"
