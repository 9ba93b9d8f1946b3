"""Whole-table copies, and what was exported."""

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models import Leased, Sealed
from datasources.claro import ClaroError
from datasources.models.sources import Source

READY, FAILED = "ready", "failed"


class StoredFiles(models.QuerySet["StoredFile"]):
    def ready(self) -> Self:
        """Those that can be read, the newest first."""
        return self.filter(state=READY).order_by("-finished_at", "-created_at")


class StoredFile(Sealed, Leased):
    """A table in a file that a worker makes (copies/store.py, copies/schema.py).

    The stored file is ciphertext under a data key of its own, which is sealed here.
    """

    sealed_field = "data_key"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    # Of a ready one: its rows, the bytes of the stored file and of the opened one, and the name in the storage.
    rows = models.PositiveBigIntegerField(default=0)
    stored_bytes = models.PositiveBigIntegerField(default=0)
    open_bytes = models.PositiveBigIntegerField(default=0)
    file_name = models.CharField(max_length=200, blank=True)
    data_key = models.TextField(blank=True)
    # Why it failed, was stopped or began again (ClaroError.to_dict); null where all is well.
    problem = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_ready(self) -> bool:
        return self.state == READY

    @property
    def trouble(self) -> ClaroError | None:
        return ClaroError.from_dict(self.problem) if self.problem else None


class TableCopies(StoredFiles):
    def under_way(self) -> Self:
        """Those that are being read from Claro, or wait to be."""
        return self.filter(state=TableCopy.State.COPYING)


class TableCopy(StoredFile):
    """All rows of a source at one version (`processedAt`), read once from the API (docs/copies.md)."""

    class State(models.TextChoices):
        COPYING = "copying", "Being copied"
        STOPPED = "stopped", "Stopped"
        READY = READY, "Ready"
        FAILED = FAILED, "Failed"

    queue = "background"

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="copies")
    # The source's `processedAt` at the first call: a copy of another version is a copy of another table.
    version = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.COPYING)
    # Started by opening the rows: uses only calls that would go to waste, and stops at COPY_ROWS_AUTO rows.
    is_automatic = models.BooleanField(default=False)
    # How far the reading is: rows in the staging file, of as many as Claro says (null: it does not say).
    rows_read = models.PositiveBigIntegerField(default=0)
    rows_total = models.PositiveBigIntegerField(null=True, blank=True)
    # When the reading was started or resumed, and the rows that were there before: both give its real pace.
    began_at = models.DateTimeField(default=timezone.now)
    rows_before = models.PositiveBigIntegerField(default=0)
    # The machine that holds the staging file, and when it last added rows.
    machine = models.CharField(max_length=64, blank=True)
    progressed_at = models.DateTimeField(null=True, blank=True)

    objects = TableCopies.as_manager()

    class Meta:
        constraints = [
            # Two people who ask for a copy start one.
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(state="copying"), name="one_copy_under_way_per_source"
            )
        ]
        indexes = [models.Index(fields=["source", "state", "-finished_at"], name="copy_ready")]

    def __str__(self) -> str:
        return f"{self.state} copy {self.pk}"

    def sealed_row(self) -> str:
        return f"tablecopy:{self.pk}:{self.source_id}"

    @property
    def is_under_way(self) -> bool:
        return self.state == self.State.COPYING

    @property
    def goes_on_at(self) -> datetime | None:
        """When a copy that waits (for the limit, for Claro to answer) continues."""
        return self.due_at if self.is_under_way and self.due_at and self.due_at > timezone.now() else None


class Comparison(StoredFile):
    """The differences between two copies (copies/compare), for an hour, for all who reach both."""

    class State(models.TextChoices):
        COMPARING = "comparing", "Being compared"
        STOPPED = "stopped", "Stopped"
        READY = READY, "Ready"
        FAILED = FAILED, "Failed"

    queue = "background"

    before = models.ForeignKey(TableCopy, on_delete=models.CASCADE, related_name="+")
    now = models.ForeignKey(TableCopy, on_delete=models.CASCADE, related_name="+")
    # The names of the key columns; none: whole rows are compared.
    on = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State, default=State.COMPARING)
    # How far it is, from 0 to 1.
    progress = models.FloatField(default=0)
    # Counts, columns and drift (compare.summary.Summary), of a ready one.
    summary = models.JSONField(default=dict)

    objects = StoredFiles.as_manager()

    class Meta:
        indexes = [models.Index(fields=["before", "now", "-created_at"], name="comparison_of")]

    def __str__(self) -> str:
        return f"{self.state} comparison {self.pk}"

    def sealed_row(self) -> str:
        return f"comparison:{self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.state == self.State.COMPARING

    @property
    def version(self) -> datetime | None:
        """That of the later table."""
        return self.now.version


class Export(models.Model):
    """The receipt of exported rows. The file itself is streamed and not kept."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for the whole-table copy"
        WRITING = "writing", "Being written"
        FINISHED = "finished", "Finished"
        BROKEN = "broken", "Broken off"
        REFUSED = "refused", "Refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="exports")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="exports")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    version = models.DateTimeField(null=True, blank=True)
    format = models.CharField(max_length=20)
    # Filter, search, sort and columns as in the address of the table, and the options of the format.
    query = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    # The names of the columns in the file, and of those whose numbers are text in it (the format can't hold them).
    columns = models.JSONField(default=list)
    as_text = models.JSONField(default=list)
    rows_expected = models.PositiveBigIntegerField(null=True, blank=True)
    rows_written = models.PositiveBigIntegerField(default=0)
    bytes_written = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    # A sentence for people: why it was refused or broken off.
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # While it is being written: when the process that writes it last said so.
    heard_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created_at"], name="export_newest"),
            models.Index(fields=["state", "heard_at"], name="export_lost"),
        ]

    def __str__(self) -> str:
        return f"{self.state} export {self.pk}"

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING

    @property
    def is_being_written(self) -> bool:
        return self.state == self.State.WRITING
