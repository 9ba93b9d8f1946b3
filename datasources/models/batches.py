"""Files that a user downloads together."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from datasources.models.sources import Source


class DownloadBatch(models.Model):
    """The list of these files, at an address of its own (downloads/batches.py)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="download_batches")
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    # When the user has seen the cost and had the links created.
    begun_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"download batch {self.pk}"


class BatchFile(models.Model):
    """One file of a batch. Its link is any of its source that is alive: links belong to all users of a key."""

    batch = models.ForeignKey(DownloadBatch, on_delete=models.CASCADE, related_name="files")
    number = models.PositiveIntegerField()
    # Null if its key was deleted: the list still says which file that was.
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.TextField()
    # When the browser was last redirected to the file. Whether it arrived, no browser reports.
    started_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="one_number_per_file_of_a_batch")]

    def __str__(self) -> str:
        return f"file {self.number} of download batch {self.batch_id}"
