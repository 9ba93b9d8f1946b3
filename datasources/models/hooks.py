"""Webhooks, and what they hint at."""

import base64
import hmac
import uuid

from django.conf import settings
from django.db import models

from core.models import Leased, Sealed
from datasources.claro import ClaroError
from datasources.models.keys import ApiKey


class Hook(Sealed, Leased):
    """A webhook by which Claro reports processed sources of a key's account (mirror/webhooks.py).

    The signing secret and the token of its URL are both derived from the one stored secret.
    """

    class State(models.TextChoices):
        WANTED = "wanted", "Being set up"
        REGISTERED = "registered", "On"
        FAILED = "failed", "Could not be set up"
        REMOVING = "removing", "Being removed"

    sealed_field = "secret"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="hook")
    secret = models.TextField()
    token_hash = models.CharField(max_length=64, unique=True)
    # PUBLIC_URL as it was when this was made; it may change later.
    address = models.CharField(max_length=500)
    claro_id = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WANTED)
    problem = models.JSONField(null=True, blank=True)
    # A delivery that repeats another is not counted, nor written down at all.
    deliveries = models.PositiveIntegerField(default=0)
    last_delivery_at = models.DateTimeField(null=True, blank=True)
    # The last delivery that named a source.
    last_hint_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.state} hook of {self.key_id}"

    def sealed_row(self) -> str:
        return f"hook:{self.pk}:{self.key_id}"

    def derived(self, purpose: str) -> str:
        """256 bits derived from the secret, independent of it and of each other. Raises SecretUnreadable."""
        code = hmac.digest(self.unseal().encode(), purpose.encode(), "sha256")
        return base64.urlsafe_b64encode(code).decode().rstrip("=")

    @property
    def trouble(self) -> ClaroError | None:
        return ClaroError.from_dict(self.problem) if self.problem else None

    @property
    def error(self) -> str:
        """The error of the last bad delivery, unless a good one has followed."""
        is_over = self.last_delivery_at and self.last_error_at and self.last_delivery_at > self.last_error_at
        return "" if is_over else self.last_error

    @property
    def has_moved(self) -> bool:
        """Claro reports to an address under which the dashboard is not to be found any more."""
        return self.address != settings.PUBLIC_URL


class Hint(models.Model):
    """A source that Claro reported: to be read again at `due_at`, null once it was read (mirror/deliveries.py)."""

    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="hints")
    datasource_id = models.UUIDField()
    told_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hook", "datasource_id"], name="one_hint_per_source")]
        indexes = [models.Index(fields=["hook", "due_at"], name="hint_due")]

    def __str__(self) -> str:
        return f"hint at {self.datasource_id}"
