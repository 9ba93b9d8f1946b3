"""Links to the original files."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models import Leased, Sealed
from datasources.claro import ClaroError
from datasources.models.sources import Source

# A link that ends sooner than this is renewed: the browser must still get to the file.
LINK_MARGIN = timedelta(minutes=1)


def living(links: str = "", soon: object = None) -> models.Q:
    """The condition that a link is alive (see DownloadLink.is_alive); `links` leads to it from another model.

    `soon` is LINK_MARGIN from now.
    """
    ready = {f"{links}state": DownloadLink.State.READY, f"{links}expires_at__gt": soon or timezone.now() + LINK_MARGIN}
    return models.Q(**ready)


class DownloadLinks(models.QuerySet["DownloadLink"]):
    def alive(self) -> Self:
        return self.filter(living())


class DownloadLink(Sealed, Leased):
    """A signed URL of a source's original file: a password for it, hence encrypted."""

    class State(models.TextChoices):
        PENDING = "pending", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    sealed_field = "url"
    queue = "interactive"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="links")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    url = models.TextField(blank=True)
    expires_in_s = models.PositiveIntegerField()
    # Renewed before somebody needs it, from calls that nobody else wants.
    is_ahead = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DownloadLinks.as_manager()

    class Meta:
        constraints = [
            # Two clicks, or two people, wait for the same link.
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(state="pending"), name="one_pending_link_per_source"
            )
        ]
        indexes = [models.Index(fields=["source", "state", "-expires_at"], name="link_alive")]

    def __str__(self) -> str:
        return f"{self.state} link {self.pk}"

    @staticmethod
    def row_of(link_id: uuid.UUID, source_id: int) -> str:
        """The name to which the URL of a link is bound."""
        return f"downloadlink:{link_id}:{source_id}"

    def sealed_row(self) -> str:
        return self.row_of(self.pk, self.source_id)

    @property
    def is_pending(self) -> bool:
        return self.state == self.State.PENDING

    @property
    def is_alive(self) -> bool:
        """Ready, and long enough before its end to be used."""
        return self.state == self.State.READY and self.expires_at > timezone.now() + LINK_MARGIN

    @property
    def goes_on_at(self) -> datetime | None:
        """The time at which a waiting link continues automatically; None if it needs a user."""
        is_put_off = self.is_pending and self.due_at and self.due_at > timezone.now()
        return self.due_at if is_put_off and not getattr(self.trouble, "needs_a_person", False) else None

    @property
    def trouble(self) -> ClaroError | None:
        return ClaroError.from_dict(self.problem) if self.problem else None
