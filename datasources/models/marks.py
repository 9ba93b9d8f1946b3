"""Users' own marks on data sources. They belong to the source, whichever key shows it."""

from django.conf import settings
from django.db import models

from datasources.models.columns import OfSources


class Favourite(models.Model):
    """A data source that a user marked with a star, for that user alone."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    datasource_id = models.UUIDField(db_index=True)

    objects = OfSources.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "datasource_id"], name="one_favourite_per_user")]

    def __str__(self) -> str:
        return f"{self.datasource_id}, a favourite of {self.user_id}"
