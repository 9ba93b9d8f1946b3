"""Saved views of lists and row tables."""

import uuid

from django.conf import settings
from django.db import models
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team


class SavedView(models.Model):
    """The parameters of a page under a name, of a user or a team (saved_views.py).

    The URL is rebuilt from the stored values, so it leads nowhere else.
    """

    class Page(models.TextChoices):
        """By the names of their paths."""

        SOURCES = "sources:list", "Sources"
        ROWS = "sources:rows", "Rows"
        PLOT = "sources:plot", "Plot"
        DOWNLOADS = "downloads:list", "Downloads"
        ACTIVITY = "activity:list", "Activity"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    # Whose it is alone; null: the team's.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="saved_views")
    # In whose space it is; null: in one's own.
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="saved_views")
    page = models.CharField(max_length=20, choices=Page)
    # Whose rows.
    datasource_id = models.UUIDField(null=True, blank=True, db_index=True)
    query = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Counts the updates, so that two users who update a view at once notice each other.
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name", "created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(owner__isnull=False) | models.Q(team__isnull=False), name="a_view_is_somebodys"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        return reverse(self.page, args=[self.datasource_id] if self.datasource_id else [])

    @property
    def parameters(self) -> dict[str, list[str]]:
        team = {"team": [str(self.team_id)]} if self.team_id else {}
        return {**team, **dict(QueryDict(self.query).lists())}

    @property
    def url(self) -> str:
        """The address with the state of the view."""
        return self._address(self.query)

    @property
    def href(self) -> str:
        """The same with the view's id, so that the page knows which view is open, also after changes."""
        return self._address(self.query, f"view={self.pk}")

    def _address(self, *parts: str) -> str:
        team = f"team={self.team_id}" if self.team_id else ""
        text = "&".join(part for part in (team, *parts) if part)
        return f"{self.path}?{text}" if text else self.path


class ViewPlace(models.Model):
    """The place of a view in one user's own order. A view without one follows those that have one, by name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="places")
    place = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "view"], name="one_place_per_user_and_view")]

    def __str__(self) -> str:
        return f"{self.view_id} at {self.place}"
