"""The bin, and recent viewers of its sources."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models import Leased
from datasources.claro import ClaroError
from datasources.models.sources import Source


class Deletion(Leased):
    """A data source in the bin: at `due_at` Claro is asked to delete it. The row goes when it is deleted, or kept."""

    class State(models.TextChoices):
        WAITING = "waiting", "In the bin"
        # Claro has been asked, or is just about to be: no way back while somebody holds the work.
        ASKED = "asked", "Being deleted"
        FAILED = "failed", "Not deleted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The data source itself, whichever keys see it: it is in the bin for all of them.
    datasource_id = models.UUIDField(unique=True)
    # As the key sees it through which it is deleted.
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="deletions")
    # What was deleted together comes back together.
    batch = models.UUIDField(db_index=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # Why it is not deleted yet (ClaroError.to_dict).
    problem = models.JSONField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.state} deletion of {self.datasource_id}"

    @property
    def has_failed(self) -> bool:
        return self.state == self.State.FAILED

    @property
    def waits_until(self) -> datetime | None:
        """The time of the next call to Claro; None if it is due now, or waits for a user."""
        return self.due_at if self.due_at and self.due_at > timezone.now() else None

    @property
    def trouble(self) -> ClaroError | None:
        return ClaroError.from_dict(self.problem) if self.problem else None


class Opened(models.Model):
    """A user's last view or download of a source (deleting/viewers.py)."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="opened")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "user"], name="opened_once")]

    def __str__(self) -> str:
        return f"{self.source_id} opened by {self.user_id} at {self.at:%Y-%m-%d %H:%M}"
