"""Choices of the columns that a row table shows: remembered ones, and those that are too long for an address."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from datasources.models.sources import Source


class OfSources(models.QuerySet[models.Model]):
    def orphaned(self) -> Self:
        """Those whose data source no key sees any more."""
        present = Source.objects.present().filter(datasource_id=OuterRef("datasource_id"))
        return self.filter(~Exists(present))


class ColumnChoice(models.Model):
    """The columns that a user last chose for a data source, as parameters of an address (rows/choices.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    datasource_id = models.UUIDField(db_index=True)
    query = models.TextField()

    objects = OfSources.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "datasource_id"], name="one_choice_of_columns")]

    def __str__(self) -> str:
        return f"columns of {self.datasource_id} for {self.user_id}"


class ColumnReference(models.Model):
    """A choice of columns that is too long for an address, found by its digest. The same choice has the same one."""

    datasource_id = models.UUIDField()
    digest = models.CharField(max_length=20)
    query = models.TextField()
    # Who asked for it last, and when: a user keeps so many of a source.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OfSources.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["datasource_id", "digest"], name="one_reference_of_columns")]

    def __str__(self) -> str:
        return f"columns {self.digest} of {self.datasource_id}"
