"""Our copy of the API's data sources."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Self

from django.db import models
from django.utils import timezone

from core.folding import searched
from core.models import Leased
from datasources.claro import COMPLETED, COUNT_MAX, FAILED, numbers
from datasources.models.keys import ApiKey

PRESENT = models.Q(gone_at=None)
# An index holds at most 2.7 kB a row on PostgreSQL; no file system has names that are longer than 255 bytes.
SEARCHED = 250


class FoldedName(models.TextField):
    """The name as it is searched: without case and accents, the first SEARCHED characters; set as the row is made."""

    @staticmethod
    def of(name: str) -> str:
        return searched(name)[:SEARCHED]

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        model_instance.folded_name = self.of(model_instance.file_name)
        return super().pre_save(model_instance, add)


class NewestFirst(models.Index):
    """An index by `uploaded_at` with nulls last, as lists are sorted. SQLite puts them there anyway."""

    def create_sql(self, model, schema_editor, using="", **options):
        statement = super().create_sql(model, schema_editor, using, **options)
        if schema_editor.connection.vendor == "postgresql":
            columns = statement.parts["columns"]
            pairs = zip(columns.columns, columns.col_suffixes, strict=True)
            columns.col_suffixes = [f"{way} NULLS LAST" if name == "uploaded_at" else way for name, way in pairs]
        return statement


class Sources(models.QuerySet["Source"]):
    def present(self) -> Self:
        """Those that Claro has, as far as we know."""
        return self.filter(gone_at=None)

    def processing(self) -> Self:
        """Present ones; a status that we don't know counts (see Source.is_processing)."""
        return self.present().exclude(status__in=[COMPLETED, FAILED])

    def finished(self) -> Self:
        return self.present().filter(status__in=[COMPLETED, FAILED])


class Source(models.Model):
    """Our copy of one of the API's data sources, as one key sees it."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="sources")
    datasource_id = models.UUIDField()
    file_name = models.TextField(blank=True)
    folded_name = FoldedName(db_default="", editable=False)
    content_type = models.CharField(max_length=255, blank=True)
    size_bytes = models.BigIntegerField(null=True, blank=True)
    status = models.CharField(max_length=50)
    uploaded_at = models.DateTimeField(null=True, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    # The number of rows, if an answer or a copy of the table had it; of any status.
    row_count = models.BigIntegerField(null=True, blank=True)
    # Further fields of the list's answer, and of the answer about this source alone with the time of that call.
    extra = models.JSONField(default=dict, blank=True)
    details = models.JSONField(default=dict, blank=True)
    details_at = models.DateTimeField(null=True, blank=True)
    # When an answer last changed one of the fields that we know.
    changed_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    # When it was seen to be processed once more, after it had finished; its upload tells nothing of that.
    restarted_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    objects = Sources.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "datasource_id"], name="one_source_per_key")]
        indexes = [
            # Both hold all that a search reads: the newest first that match, and how many there are of each kind.
            NewestFirst(
                fields=["key", "-uploaded_at", "-id", "datasource_id", "folded_name"],
                name="source_newest",
                condition=PRESENT,
            ),
            models.Index(
                fields=["key", "status", "content_type", "datasource_id", "folded_name"],
                name="source_kinds",
                condition=PRESENT,
            ),
            models.Index(fields=["datasource_id"], name="source_datasource"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.file_name or str(self.datasource_id)

    @property
    def is_processing(self) -> bool:
        """Also true for a status we don't know: it is polled like `processing` (docs/claro-api.md, data sources)."""
        return self.status not in (COMPLETED, FAILED)

    @property
    def has_failed(self) -> bool:
        return self.status == FAILED

    @property
    def took(self) -> timedelta | None:
        """How long processing took, where the API's two times make sense and are those of one and the same run."""
        if self.restarted_at or not self.uploaded_at or not self.processed_at:
            return None
        return self.processed_at - self.uploaded_at if self.processed_at >= self.uploaded_at else None

    @property
    def facts(self) -> dict[str, object]:
        """Further fields of both answers, numbers with their digits; for each field the newer answer wins."""
        if self.details_at and self.details_at >= self.last_seen_at:
            fields = {**self.extra, **self.details}
        else:
            fields = {**self.details, **self.extra}
        return {name: numbers.restored(value) for name, value in fields.items()}

    @property
    def stated_rows(self) -> int | None:
        """The number of rows by the API's answers; None where they have none that is possible."""
        value = self.facts.get("rowCount")
        return value if type(value) is int and 0 <= value <= COUNT_MAX else None

    def note_rows(self, total: int) -> None:
        """Stores the number of rows of a table that was read, if none is known. One query, or none."""
        if self.row_count is None and total <= COUNT_MAX:
            Source.objects.filter(pk=self.pk, row_count=None).update(row_count=total)

    @property
    def failure(self) -> str:
        """The API's reason for a failure; the field's name is undocumented (docs/claro-api.md, data sources)."""
        facts = self.facts
        for name in ("error", "errorMessage", "failureReason", "message"):
            text = facts.get(name)
            if isinstance(text, dict):
                text = text.get("message")
            if isinstance(text, str) and text.strip():
                return text.strip()
        return ""

    def timeline(self) -> list["StatusChange"]:
        """Its states in the order in which we learnt of them, which no wrong clock upsets. One query.

        Each with how long it lasted (`lasted`), null for the present one and where the times make no sense.
        """
        changes = list(self.changes.order_by("seen_at", "id"))
        for change, following in pairwise(changes):
            if following.at >= change.at:
                change.lasted = following.at - change.at
        return changes


class StatusChange(models.Model):
    """A step of a source's timeline."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="changes")
    status = models.CharField(max_length=50)
    # When it happened by the API's own times where it tells, else when we saw it.
    at = models.DateTimeField()
    seen_at = models.DateTimeField()

    lasted: timedelta | None = None

    def __str__(self) -> str:
        return f"{self.status} at {self.at:%Y-%m-%d %H:%M:%S}"


class Reading(Leased):
    """The call for a source's details, made once for all readers and for all copies of the same key (readings.py)."""

    queue = "interactive"

    fingerprint = models.CharField(max_length=32)
    datasource_id = models.UUIDField()
    # When the last call was made, whatever it brought.
    tried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fingerprint", "datasource_id"], name="one_reading_per_source")]

    def __str__(self) -> str:
        return f"reading of {self.datasource_id}"

    @property
    def waits_until(self) -> datetime | None:
        """When a call that waits (for the limit, for Claro to answer) is made."""
        return self.due_at if self.due_at and self.due_at > timezone.now() else None
