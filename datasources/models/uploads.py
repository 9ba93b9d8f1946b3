"""Files on their way to Claro."""

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models import Leased, Sealed
from datasources.claro import ClaroError
from datasources.models.keys import ApiKey
from datasources.models.sources import Source


class Uploads(models.QuerySet["Upload"]):
    def unfinished(self) -> Self:
        """Those whose file is stored here."""
        return self.exclude(state=Upload.State.DONE)


class Upload(Sealed, Leased):
    """A file that arrived in full, to be sent to Claro (uploads/).

    Its ciphertext is in the storage until Claro has it, under a data key of its own, which is sealed here.
    """

    class State(models.TextChoices):
        # A question waits for the user's answer (`questions`).
        ASKS = "asks", "Needs your answer"
        QUEUED = "queued", "Waiting"
        SENDING = "sending", "Being sent"
        DONE = "done", "Uploaded"
        FAILED = "failed", "Not uploaded"

    queue = "background"
    sealed_field = "data_key"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="uploads")
    # The source of the same key in whose place it is uploaded.
    corrects = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    # How it will be read (uploads/checks, Report.to_dict), and what the user is asked first, as sentences.
    report = models.JSONField(default=dict)
    questions = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    bytes_sent = models.PositiveBigIntegerField(default=0)
    # From just before a call until its outcome is known: Claro may have the file, so its list is searched before a
    # retry. When the first call and the last one began, how often it was sent and, since then, searched for.
    may_be_at_claro = models.BooleanField(default=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    called_at = models.DateTimeField(null=True, blank=True)
    sends = models.PositiveIntegerField(default=0)
    searches = models.PositiveIntegerField(default=0)
    # The name in the storage; empty once Claro has the file.
    file_name = models.CharField(max_length=200, blank=True)
    data_key = models.TextField(blank=True)
    # Why it is not sent yet, or failed (ClaroError.to_dict).
    problem = models.JSONField(null=True, blank=True)
    # Claro's source. Its id stays known when the source is gone.
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="uploads")
    datasource_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = Uploads.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created_at"], name="upload_newest"),
            models.Index(fields=["key", "sha256"], name="upload_same"),
        ]

    def __str__(self) -> str:
        return f"{self.state} upload {self.pk}"

    def sealed_row(self) -> str:
        return f"upload:{self.pk}:{self.key_id}"

    @property
    def trouble(self) -> ClaroError | None:
        return ClaroError.from_dict(self.problem) if self.problem else None

    @property
    def bytes_per_second(self) -> int:
        """The pace of the call that sends it, on average; 0 while it is unknown."""
        seconds = (timezone.now() - self.called_at).total_seconds() if self.called_at else 0
        return int(self.bytes_sent / seconds) if seconds > 1 else 0

    @property
    def seconds_left(self) -> float:
        """At that pace."""
        return (self.size_bytes - self.bytes_sent) / self.bytes_per_second

    @property
    def waits_until(self) -> datetime | None:
        """When the worker continues; None if it is due now, or waits for a user or the key."""
        return self.due_at if self.due_at and self.due_at > timezone.now() else None

    @property
    def may_be_cancelled(self) -> bool:
        """Whether no worker sends it, or searches for it; a failed one may be at Claro nevertheless."""
        return self.state == self.State.FAILED or (self.state != self.State.DONE and not self.may_be_at_claro)


class SentContent(models.Model):
    """The content of a source that was uploaded here. Another upload of the same content is noticed by it."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="sent_content")
    sha256 = models.CharField(max_length=64, db_index=True)

    def __str__(self) -> str:
        return f"content of source {self.source_id}"


class Correction(models.Model):
    """A source that was uploaded in place of another one of the same key (uploads/corrections.py)."""

    old = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="corrections")
    new = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="correction")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    # Whether the page of the new source shows the history of the old one too.
    has_history = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.new_id} in place of {self.old_id}"
