"""API keys, and how far the work on each of them is."""

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Team
from core import vault
from core.models import Leased, Sealed
from datasources.claro import PROCESSING, ClaroError


class Canary(Sealed):
    """One known text, encrypted: shows at start whether the master key matches the database."""

    TEXT = "claro dashboard canary"
    sealed_field = "token"

    token = models.TextField()

    def __str__(self) -> str:
        return self.sealed_row()

    def sealed_row(self) -> str:
        return "canary"


class ApiKeys(models.QuerySet["ApiKey"]):
    def seeing(self, datasource_id: object) -> Self:
        """Those behind which this data source is."""
        return self.filter(sources__datasource_id=datasource_id, sources__gone_at=None)


class ApiKey(Sealed):
    """A Claro API key, kept encrypted; its owner works through it, and the teams it is shared with."""

    class State(models.TextChoices):
        UNCHECKED = "unchecked", "Not checked"
        VALID = "valid", "Valid"
        INVALID = "invalid", "Refused"

    sealed_field = "secret"

    # Known before the row is saved, because it is bound into the ciphertext.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    label = models.CharField(max_length=100)
    secret = models.TextField()
    fingerprint = models.CharField(max_length=32, db_index=True)
    hint = models.CharField(max_length=4)
    state = models.CharField(max_length=10, choices=State, default=State.UNCHECKED)
    calls_per_minute = models.PositiveIntegerField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    # Why the last call got no usable answer (ClaroError.to_dict), and since when; null when all is well.
    problem = models.JSONField(null=True, blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    # The owner's switches: whole tables may be copied to the dashboard; rows may be exported.
    keeps_copies = models.BooleanField(default=True)
    allows_export = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # Its row in mirror/newest.py, on pages that show the list; None elsewhere.
    newest: "Newest | None" = None
    # Its open offer, on the Keys page.
    offer: "models.Model | None" = None

    objects = ApiKeys.as_manager()

    class Meta:
        ordering = ["label", "created_at"]
        constraints = [models.UniqueConstraint(fields=["owner", "fingerprint"], name="one_key_per_owner")]

    def __str__(self) -> str:
        return f"{self.label} (…{self.hint})"

    def sealed_row(self) -> str:
        return f"apikey:{self.pk}:{self.owner_id}"

    def set_secret(self, secret: str) -> None:
        """Takes a new secret; what hangs on the key stays. The same secret elsewhere has the same fingerprint."""
        candidates = vault.fingerprints(secret)
        known = ApiKey.objects.filter(fingerprint__in=candidates).values_list("fingerprint", flat=True).first()
        self.fingerprint = known or candidates[0]
        self.hint = secret[-4:] if len(secret) >= 12 else ""
        self.seal(secret)

    @property
    def is_readable(self) -> bool:
        try:
            self.unseal()
        except vault.SecretUnreadable:
            return False
        return True

    @property
    def trouble(self) -> ClaroError | None:
        return ClaroError.from_dict(self.problem) if self.problem else None


class Refusal(Leased):
    """The probes of a key that Claro refused (refusals.py); without a due time while the key is accepted.

    `attempts` counts the refused calls since, without the first one.
    """

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="refusal")
    accepted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"refusal of {self.key_id}"


class KeyShare(models.Model):
    """A key shared with a team. Its users work with the data; only its owner changes the key or sees its settings."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="shares")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="key_shares")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "team"], name="one_share_per_team")]

    def __str__(self) -> str:
        return f"{self.key} for {self.team}"


class Sync(Leased):
    """The progress of a key's full sync, which resumes page by page (mirror/sync.py)."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="sync")
    started_at = models.DateTimeField(null=True, blank=True)
    next_page = models.PositiveIntegerField(default=1)
    seen = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Items of the list that could not be read and are missing from our copy: in the running sync, else in the last one.
    unreadable = models.PositiveIntegerField(default=0)
    # Somebody waits for it: its calls don't queue behind everything else.
    is_awaited = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"sync of {self.key_id}"

    @property
    def is_running(self) -> bool:
        return self.started_at is not None

    @property
    def is_under_way(self) -> bool:
        """True if due, in progress, or waiting to continue; false if it needs a user."""
        return self.due_at is not None and (self.is_running or self.due_at <= timezone.now())

    @property
    def goes_on_at(self) -> datetime | None:
        """The time at which a waiting sync (rate limit, no answer from Claro) continues."""
        return self.due_at if self.is_running and self.due_at and self.due_at > timezone.now() else None


class Newest(Leased):
    """When the newest page of a key's list is read next, for all copies of the key; at rest unless a user looks."""

    fingerprint = models.CharField(max_length=32, unique=True)
    read_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"newest page {self.pk}"


class Watch(Leased):
    """When a key's processing sources are looked at next; at rest (`due_at` null) while there are none (watch.py)."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="watch")
    # A look under way: since when, and the list and page it reads next; it may take more calls than there are just now.
    started_at = models.DateTimeField(null=True, blank=True)
    reads = models.CharField(max_length=20, default=PROCESSING, blank=True)
    next_page = models.PositiveIntegerField(default=1)
    # How many still process, where the look goes by their number; null where it meets each one.
    still = models.PositiveIntegerField(null=True, blank=True)
    # What the look has taken so far, or the last one took.
    calls = models.PositiveIntegerField(default=1)
    checked_at = models.DateTimeField(null=True, blank=True)
    # When the number told last that all which our copy holds as processing are; few of them need to have been met then.
    counted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"watch of {self.key_id}"
