"""Notification settings, notices and channels."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from core.models import Leased, Sealed
from datasources.models.keys import ApiKey
from datasources.models.transfers import Transfer


class Topic(models.TextChoices):
    PROCESSED = "processed", "A file is processed"
    FAILED = "failed", "Processing failed"
    REFUSED = "refused", "Claro refuses the key"
    SHARES = "shares", "A share link is used up or about to end"
    GUESSED = "guessed", "Wrong passwords are tried at a share link"
    REMOVED = "removed", "Somebody removed the user from a team"
    OFFERED = "offered", "Somebody offers the user a key or a team"
    ACCEPTED = "accepted", "The receiver of an offer accepted it"
    DECLINED = "declined", "The receiver of an offer declined it"


# What users can choose. Attacks on something of theirs are always reported.
CHOICES = [
    (Topic.PROCESSED.value, "File processed"),
    (Topic.FAILED.value, "Processing failed"),
    (Topic.REFUSED.value, "Key refused by Claro"),
    (Topic.SHARES.value, "Share link reached its download limit or expires soon"),
]


class Wish(models.Model):
    """A user's notification setting for a key or one source; the default is notices.DEFAULTS."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="wishes")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="wishes")
    # Null: about whatever lies behind the key.
    datasource_id = models.UUIDField(null=True, blank=True)
    topics = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key", "datasource_id"], name="one_wish_about_a_source"),
            models.UniqueConstraint(
                fields=["user", "key"], condition=models.Q(datasource_id=None), name="one_wish_about_a_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} about {self.key}"


class Notice(models.Model):
    """A notice to a user. Repetitions shortly after are counted, not repeated."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    # Null: about a team that the user is no longer in, or an offer. The names are then those of the team or key, and of
    # the other person.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, related_name="+")
    topic = models.CharField(max_length=20, choices=Topic)
    # The first names, and how many there are in all.
    names = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=1)
    # Of the only thing that it is about.
    datasource_id = models.UUIDField(null=True, blank=True)
    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, null=True, related_name="+")
    began_at = models.DateTimeField()
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["user", "read_at"], name="notice_unread")]

    def __str__(self) -> str:
        return f"{self.topic} for {self.user_id}"

    @property
    def more(self) -> int:
        """How many there are beyond those that are named."""
        return max(self.count - len(self.names), 0)

    @property
    def path(self) -> str:
        """The page about it."""
        if self.transfer_id:
            return reverse("transfer", args=[self.transfer_id])
        if self.datasource_id:
            return f"{reverse('sources:details', args=[self.datasource_id])}?key={self.key_id}"
        if self.topic in (Topic.PROCESSED, Topic.FAILED):
            status = "completed" if self.topic == Topic.PROCESSED else "failed"
            return f"{reverse('sources:list')}?key={self.key_id}&status={status}"
        if self.topic in (Topic.SHARES, Topic.GUESSED):
            return reverse("shares:list")
        return reverse("keys:list") if self.topic == Topic.REFUSED else reverse("notices:list")


PROBLEM_LENGTH = 200


class Outlet(Sealed, Leased):
    """A user's notice channel: mail, a webhook or Slack.

    Due while there are unsent notices. The sealed text is the signing secret, a space and the URL: a Slack URL is a
    password.
    """

    class Kind(models.TextChoices):
        MAIL = "mail", "E-mail"
        WEBHOOK = "webhook", "Webhook"
        SLACK = "slack", "Slack"

    sealed_field = "url"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="outlets")
    kind = models.CharField(max_length=10, choices=Kind)
    # Empty for mail.
    url = models.TextField(blank=True)
    host = models.CharField(max_length=253, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Notices until then were sent.
    sent_until = models.DateTimeField(default=timezone.now)
    # Later than `sent_until`: the message under way has the notices until then. A retry sends the same ones.
    taken_until = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=PROBLEM_LENGTH, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_outlet_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"

    @property
    def taken(self) -> datetime:
        """Notices until then belong to a message that was sent or is under way."""
        return max(self.sent_until, self.taken_until or self.sent_until)

    def sealed_row(self) -> str:
        return f"outlet:{self.pk}:{self.user_id}"

    def secret_and_address(self) -> tuple[str, str]:
        """Raises vault.SecretUnreadable."""
        secret, _, address = self.unseal().partition(" ")
        return secret, address


class Timing(models.Model):
    """When the notices of a user leave the dashboard: quiet hours of all channels, and the rhythm of mail."""

    class Rhythm(models.TextChoices):
        AT_ONCE = "at once", "At once"
        DAILY = "daily", "Once a day"
        WEEKLY = "weekly", "Once a week, on Monday"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    # An IANA name: hours below are of this time zone.
    zone = models.CharField(max_length=64)
    # Both or neither; over midnight if the first is the later one.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    rhythm = models.CharField(max_length=10, choices=Rhythm, default=Rhythm.AT_ONCE)
    # Of a digest, 0 to 23.
    hour = models.PositiveSmallIntegerField(default=8)
    # Where the user reads the dashboard: links in mail begin with it.
    site = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"timing of {self.user_id}"


class OutletTest(Leased):
    """The last test message of a channel and its outcome."""

    queue = "interactive"

    outlet = models.OneToOneField(Outlet, on_delete=models.CASCADE, primary_key=True, related_name="test")
    asked_at = models.DateTimeField()
    # Empty while it is under way.
    ended_at = models.DateTimeField(null=True, blank=True)
    # Why it was not sent.
    problem = models.CharField(max_length=PROBLEM_LENGTH, blank=True)

    def __str__(self) -> str:
        return f"test of {self.outlet_id}"

    @property
    def is_under_way(self) -> bool:
        return self.ended_at is None
