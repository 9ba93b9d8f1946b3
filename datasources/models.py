"""What is stored, and the questions one asks of it."""

import base64
import hmac
import uuid
from datetime import datetime, timedelta
from itertools import pairwise

from django.conf import settings
from django.db import models
from django.utils import timezone

from datasources import vault
from datasources.claro import COMPLETED, FAILED, ClaroError

# A link that ends sooner than this is renewed: the browser must still get to the file.
LINK_MARGIN = timedelta(minutes=1)


class Sealed(models.Model):
    """A row with one encrypted field. The row's name is bound into the ciphertext (vault.py)."""

    sealed_field: str

    class Meta:
        abstract = True

    def sealed_row(self) -> str:
        raise NotImplementedError

    def seal(self, text: str) -> None:
        setattr(self, self.sealed_field, vault.seal(text, self.sealed_row()))

    def unseal(self) -> str:
        """The secret in clear. Raises vault.SecretUnreadable."""
        return vault.unseal(getattr(self, self.sealed_field), self.sealed_row())


class Leased(models.Model):
    """Work that is due at a time, and that one worker at a time may do (leases.py)."""

    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class Canary(Sealed):
    """One known text, encrypted: tells at start whether the master key is the one this database was written with."""

    TEXT = "claro dashboard canary"
    sealed_field = "token"

    token = models.TextField()

    def __str__(self) -> str:
        return self.sealed_row()

    def sealed_row(self) -> str:
        return "canary"


class ApiKey(Sealed):
    """A Claro API key, kept encrypted; its owner works through it, and later the teams it is shared with."""

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
    created_at = models.DateTimeField(default=timezone.now, editable=False)

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


class Sync(Leased):
    """How far our copy of a key's list is: a full sweep that can be resumed page by page (mirror.py)."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="sync")
    started_at = models.DateTimeField(null=True, blank=True)
    next_page = models.PositiveIntegerField(default=1)
    seen = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Somebody waits for it: its calls don't queue behind everything else.
    is_awaited = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"sync of {self.key_id}"

    @property
    def is_running(self) -> bool:
        return self.started_at is not None

    @property
    def is_under_way(self) -> bool:
        """Due, being read, or waiting to go on; not where it stopped because only a person can help."""
        return self.due_at is not None and (self.is_running or self.due_at <= timezone.now())

    @property
    def goes_on_at(self) -> datetime | None:
        """When a sweep that waits (for the rate limit, for Claro to answer) goes on."""
        return self.due_at if self.is_running and self.due_at and self.due_at > timezone.now() else None


class Watch(Leased):
    """When a key's processing sources are looked at next; at rest (`due_at` null) while there are none (watch.py)."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="watch")
    # A look under way: since when, and its next page; many pages may take more calls than there are just now.
    started_at = models.DateTimeField(null=True, blank=True)
    next_page = models.PositiveIntegerField(default=1)
    checked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"watch of {self.key_id}"


class Source(models.Model):
    """Our copy of one of the API's data sources, as one key sees it."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="sources")
    datasource_id = models.UUIDField()
    file_name = models.TextField(blank=True)
    content_type = models.CharField(max_length=255, blank=True)
    size_bytes = models.BigIntegerField(null=True, blank=True)
    status = models.CharField(max_length=50)
    uploaded_at = models.DateTimeField(null=True, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "datasource_id"], name="one_source_per_key")]
        indexes = [
            models.Index(fields=["key", "gone_at", "-uploaded_at"], name="source_list"),
            models.Index(fields=["key", "gone_at", "status", "content_type"], name="source_counts"),
            models.Index(fields=["datasource_id"], name="source_datasource"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.file_name or str(self.datasource_id)

    @property
    def is_processing(self) -> bool:
        """Also true for a status we don't know: it is polled like `processing` (claro-api.md, data sources)."""
        return self.status not in (COMPLETED, FAILED)

    @property
    def has_failed(self) -> bool:
        return self.status == FAILED

    @property
    def took(self) -> timedelta | None:
        """How long processing took, where the API's two times make sense."""
        if self.uploaded_at and self.processed_at and self.processed_at >= self.uploaded_at:
            return self.processed_at - self.uploaded_at
        return None

    @property
    def failure(self) -> str:
        """What the API says about a failure; the field's name is [open] (claro-api.md, data sources)."""
        for name in ("error", "errorMessage", "failureReason", "message"):
            text = self.extra.get(name)
            if isinstance(text, dict):
                text = text.get("message")
            if isinstance(text, str) and text.strip():
                return text.strip()
        return ""

    def timeline(self) -> list["StatusChange"]:
        """Its states, oldest first, each with how long it lasted (`lasted`, null for the present one). One query."""
        changes = list(self.changes.order_by("at", "id"))
        for change, following in pairwise(changes):
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


class DownloadLink(Sealed, Leased):
    """A signed URL of a source's original file: a password for it, hence encrypted."""

    class State(models.TextChoices):
        PENDING = "pending", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    sealed_field = "url"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="links")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    url = models.TextField(blank=True)
    expires_in_s = models.PositiveIntegerField()
    expires_at = models.DateTimeField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            # Two clicks, or two people, wait for the same link.
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(state="pending"), name="one_pending_link_per_source"
            )
        ]
        indexes = [models.Index(fields=["source", "state", "-expires_at"], name="link_alive")]

    def __str__(self) -> str:
        return f"{self.state} link {self.pk}"

    def sealed_row(self) -> str:
        return f"downloadlink:{self.pk}:{self.source_id}"

    @property
    def is_pending(self) -> bool:
        return self.state == self.State.PENDING

    @property
    def is_alive(self) -> bool:
        """Ready, and long enough before its end to be used."""
        return self.state == self.State.READY and self.expires_at > timezone.now() + LINK_MARGIN

    @property
    def trouble(self) -> ClaroError | None:
        return ClaroError.from_dict(self.problem) if self.problem else None


class Hook(Sealed, Leased):
    """A webhook by which Claro tells us what a key's account has processed (hooks.py).

    What signs its deliveries and the token in its address both follow from the one secret that is kept.
    """

    class State(models.TextChoices):
        WANTED = "wanted", "Being set up"
        REGISTERED = "registered", "On"
        FAILED = "failed", "Could not be set up"
        REMOVING = "removing", "Being removed"

    sealed_field = "secret"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="hook")
    secret = models.TextField()
    token_hash = models.CharField(max_length=64, unique=True)
    # PUBLIC_URL as it was when this was made; it may change later.
    address = models.CharField(max_length=500)
    claro_id = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WANTED)
    problem = models.JSONField(null=True, blank=True)
    # A delivery that repeats another is not counted, nor written down at all.
    deliveries = models.PositiveIntegerField(default=0)
    last_delivery_at = models.DateTimeField(null=True, blank=True)
    # The last delivery that named a source.
    last_hint_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.state} hook of {self.key_id}"

    def sealed_row(self) -> str:
        return f"hook:{self.pk}:{self.key_id}"

    def derived(self, purpose: str) -> str:
        """256 bits that follow from the secret, and tell nothing of it nor of each other. Raises SecretUnreadable."""
        code = hmac.digest(self.unseal().encode(), purpose.encode(), "sha256")
        return base64.urlsafe_b64encode(code).decode().rstrip("=")

    @property
    def trouble(self) -> ClaroError | None:
        return ClaroError.from_dict(self.problem) if self.problem else None

    @property
    def error(self) -> str:
        """What was wrong with a delivery, unless a good one has come since."""
        is_over = self.last_delivery_at and self.last_error_at and self.last_delivery_at > self.last_error_at
        return "" if is_over else self.last_error

    @property
    def has_moved(self) -> bool:
        """Claro reports to an address under which the dashboard is not to be found any more."""
        return self.address != settings.PUBLIC_URL


class Hint(models.Model):
    """A source that Claro says is processed: to be read again at `due_at`, null once it was read (hints.py)."""

    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="hints")
    datasource_id = models.UUIDField()
    told_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hook", "datasource_id"], name="one_hint_per_source")]
        indexes = [models.Index(fields=["hook", "due_at"], name="hint_due")]

    def __str__(self) -> str:
        return f"hint at {self.datasource_id}"
