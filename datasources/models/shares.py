"""Share links: pages with files that any visitor with the URL may download, without an account."""

import hashlib
import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from core.models import Sealed
from datasources.models.keys import ApiKey
from datasources.models.sources import Source


class ShareLink(Sealed):
    """A user's share link through a key. A keyed hash finds its token, which is also sealed to be copied again."""

    sealed_field = "token"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="share_links")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="share_links")
    sources = models.ManyToManyField(Source, through="SharedFile", related_name="share_links")
    token = models.TextField()
    fingerprint = models.CharField(max_length=32, unique=True)
    note = models.CharField(max_length=500, blank=True)
    # Whether its page names the person who made it.
    names_sender = models.BooleanField(default=False)
    # As Django's hashers write it; empty: none is asked for.
    password = models.CharField(max_length=128, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    most_uses = models.PositiveIntegerField(null=True, blank=True)
    # Whether the limit is one for each file, or one for all of them.
    limits_each = models.BooleanField(default=False)
    uses = models.PositiveIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Who may undo its last revocation or replacement, and until when; after a replacement, the sealed old token.
    undo_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    undo_until = models.DateTimeField(null=True, blank=True)
    former_token = models.TextField(blank=True)
    # When people were told that it is used up or about to end.
    warned_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # Where access.py has looked: what the reader is to its key, and whether its maker may still share through it.
    role: int | None = None
    maker_may: bool = True

    class Meta:
        ordering = ["-created_at", "pk"]

    def __str__(self) -> str:
        return f"share link {self.pk}"

    def sealed_row(self) -> str:
        return f"sharelink:{self.pk}:{self.key_id}"

    @property
    def edition(self) -> str:
        """A name of its present token that reveals nothing of it: another one after a replacement."""
        return hashlib.sha256(self.fingerprint.encode()).hexdigest()[:8]

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def is_over(self) -> bool:
        """True if revoked or expired. New settings can only revive an expired one."""
        is_late = self.ends_at is not None and self.ends_at <= timezone.now()
        return self.ended_at is not None or is_late or self.is_used_up

    @property
    def is_used_up(self) -> bool:
        """With a limit for each file: all files are. One query at most."""
        if self.most_uses is None:
            return False
        if self.limits_each:
            return all(file.uses >= self.most_uses for file in self.files.all())
        return self.uses >= self.most_uses

    @property
    def uses_left(self) -> int:
        """The remaining downloads of a link with one limit for all files."""
        return max((self.most_uses or 0) - self.uses, 0)

    @property
    def why_not(self) -> str:
        """The reason why it does not work, for its team; empty if it works. Queries its files unless prefetched."""
        if self.ended_at:
            return "revoked"
        if self.is_used_up:
            return "limit reached"
        if self.is_over:
            return "expired"
        if not self.maker_may:
            return "its creator can no longer share this key"
        if self.key.state == ApiKey.State.INVALID:
            return "Claro refuses the key"
        if all(file.source.gone_at for file in self.files.all()):
            return "deleted at Claro"
        return "paused" if self.is_paused else ""


def is_used_up() -> Q:
    """The condition on share links whose download limit is reached."""
    left = SharedFile.objects.filter(share=OuterRef("pk"), uses__lt=OuterRef("most_uses"))
    for_all, for_each = Q(limits_each=False, uses__gte=F("most_uses")), Q(limits_each=True) & ~Exists(left)
    return Q(most_uses__isnull=False) & (for_all | for_each)


class SharedFiles(models.QuerySet["SharedFile"]):
    def present(self) -> Self:
        """Those that Claro has, as far as we know."""
        return self.filter(source__gone_at=None)


class SharedFile(models.Model):
    """A source on a share link's page; its number there stays what it is."""

    share = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="files")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="shared_files")
    number = models.PositiveIntegerField()
    uses = models.PositiveIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True, blank=True, db_index=True)

    # Set by the link's page: whether this visitor may download it.
    is_open: bool = True

    objects = SharedFiles.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["share", "source"], name="one_file_per_share"),
            models.UniqueConstraint(fields=["share", "number"], name="one_number_per_file"),
        ]

    def __str__(self) -> str:
        return f"file {self.number} of share link {self.share_id}"

    @property
    def uses_left(self) -> int:
        """Its remaining downloads where the link has a limit for each file."""
        return max((self.share.most_uses or 0) - self.uses, 0)

    @property
    def is_used_up(self) -> bool:
        """True if the limit for each file is reached. That of all files together is the link's."""
        return self.share.limits_each and self.share.most_uses is not None and not self.uses_left
