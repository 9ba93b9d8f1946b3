"""The activity log."""

from django.conf import settings
from django.db import models

from accounts.models import Team


class Unchangeable(Exception):
    """An event cannot be changed or deleted."""


class AuditEvents(models.QuerySet):
    """Can be read and added to. Only activity/log.py forgets, what is too old."""

    def update(self, **values):
        raise Unchangeable

    def delete(self):
        raise Unchangeable


class AuditEvent(models.Model):
    """An event: user, action, time and address. Written by activity/log.py, never changed; its objects may be gone."""

    at = models.DateTimeField(db_index=True)
    what = models.CharField(max_length=40)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    # In words, as they were then: the person's address, or the share link that was used.
    who = models.CharField(max_length=254)
    about = models.CharField(max_length=300, blank=True)
    key_uuid = models.UUIDField(null=True, blank=True, db_index=True)
    key_label = models.CharField(max_length=100, blank=True)
    # Whose key or account it is about: they may read it, also when the key is gone.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    datasource_id = models.UUIDField(null=True, blank=True, db_index=True)
    # Those whose admins may read it: the teams concerned then.
    teams = models.ManyToManyField(Team, related_name="+")
    details = models.JSONField(default=dict, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    agent = models.CharField(max_length=200, blank=True)

    # Added for a page (views/activity.py): where its source is to be seen, and from what device it was done.
    href = ""
    device = ""

    objects = AuditEvents.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.what} by {self.who} at {self.at:%Y-%m-%d %H:%M:%S}"

    def save(self, *args, **kwargs) -> None:
        if not self._state.adding:
            raise Unchangeable
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise Unchangeable
