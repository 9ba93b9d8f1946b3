"""Abstract models."""

from typing import ClassVar

from django.db import models

from core import vault


class Sealed(models.Model):
    """A row with one encrypted field. The row's name is bound into the ciphertext (vault.py)."""

    sealed_field: str

    class Meta:
        abstract = True

    def sealed_row(self) -> str:
        raise NotImplementedError

    def seal(self, text: str) -> None:
        setattr(self, self.sealed_field, vault.seal(text, self.sealed_row()))

    def unseal(self) -> str:
        """The secret in clear. Raises vault.SecretUnreadable."""
        return vault.unseal(getattr(self, self.sealed_field), self.sealed_row())


class Leased(models.Model):
    """Work that is due at a time, and that one worker at a time may do (leases.py)."""

    # The Celery queue whose workers do it.
    queue: ClassVar[str] = "background"

    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True
