"""Users' own marks on data sources. They belong to the source, whichever key shows it."""

import unicodedata
import uuid

from django.conf import settings
from django.db import models

from accounts.models import Team
from datasources.models.columns import OfSources

NAME_MAX = 50


class Favourite(models.Model):
    """A data source that a user marked with a star, for that user alone."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    datasource_id = models.UUIDField(db_index=True)

    objects = OfSources.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "datasource_id"], name="one_favourite_per_user")]

    def __str__(self) -> str:
        return f"{self.datasource_id}, a favourite of {self.user_id}"


class Tag(models.Model):
    """A word that users put on data sources: of one user alone, or of a team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=NAME_MAX)
    # The name as it is compared: case and the spelling of a letter make no other tag.
    folded = models.TextField(editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="tags")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="tags")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(owner__isnull=False, team=None) | models.Q(owner=None, team__isnull=False),
                name="a_tag_is_somebodys",
            ),
            models.UniqueConstraint(fields=["owner", "folded"], name="one_tag_of_a_name_per_user"),
            models.UniqueConstraint(fields=["team", "folded"], name="one_tag_of_a_name_per_team"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        self.folded = fold(self.name)
        super().save(*args, **kwargs)


def fold(name: str) -> str:
    """The name of a tag as it is compared."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


class Tagging(models.Model):
    """A tag on a data source."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings")
    datasource_id = models.UUIDField(db_index=True)

    objects = OfSources.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "datasource_id"], name="one_tagging_per_source")]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.datasource_id}"
