"""The master key and what is encrypted with it: is it the right one, and putting a new one in its place.

A wrong or lost master key must never be silent: the canary is opened at every start and by a system check.
"""

import logging
from dataclasses import dataclass, field

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from accounts import mfa
from core import vault
from datasources.models import (
    ApiKey,
    Canary,
    Comparison,
    DownloadLink,
    Hook,
    Outlet,
    Sealed,
    ShareLink,
    TableCopy,
    Upload,
)

SEALED: tuple[type[Sealed], ...] = (
    Canary,
    ApiKey,
    Comparison,
    DownloadLink,
    Hook,
    Outlet,
    ShareLink,
    TableCopy,
    Upload,
)

logger = logging.getLogger(__name__)


def leave_canary() -> None:
    """Leaves the known text with the first secret that is stored."""
    if not Canary.objects.exists():
        canary = Canary()
        canary.seal(Canary.TEXT)
        canary.save()


def holds_secrets() -> bool:
    """Whether the database holds anything encrypted; false for one that isn't set up yet."""
    try:
        return any(rows.exists() for rows in (Canary.objects, ApiKey.objects, mfa.stored()))
    except DatabaseError:
        return False


def trouble() -> str:
    """The problem with the master key, as a sentence for the administrator; empty if there is none."""
    try:
        ring_ids = ", ".join(key.id for key in vault.ring())
    except ImproperlyConfigured as error:
        return str(error)
    if canary := Canary.objects.first():
        try:
            canary.unseal()
        except vault.SecretUnreadable:
            used = canary.token.split(".")[1]
            lost = unreadable(ApiKey).count()
            return (
                f"CLARO_SECRET_KEYS does not decrypt this database. It was encrypted with master key {used}, but "
                f"{ring_ids} is configured. {lost:,} API keys can't be read. Restore the old master key (second in the "
                "list is fine), or paste the API keys again and run `python manage.py rotate_secrets --forget`."
            )
    return ""


def check_at_start() -> None:
    """Logs a problem loudly; the site still runs, and its pages list the keys to enter again."""
    try:
        if text := trouble():
            logger.critical(text)
    except DatabaseError as error:
        logger.warning("The master key could not be checked, the database does not answer: %s", error)


def unreadable(model: type[Sealed]) -> QuerySet[Sealed]:
    """Rows whose secret was encrypted with a key that isn't in the ring."""
    rows = model.objects.exclude(**{model.sealed_field: ""})
    opened = Q()
    for key in vault.ring():
        opened |= Q(**{f"{model.sealed_field}__startswith": key.prefix})
    return rows.exclude(opened)


@dataclass
class Rotation:
    """The result of a rotation, in rows per model name; every row is in exactly one of the counts."""

    rotated: dict[str, int] = field(default_factory=dict)
    current: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, words: list[str]) -> None:
        """Notes what became of each row of this name."""
        for word in ("rotated", "current", "unreadable"):
            getattr(self, word)[name] = words.count(word)


def rotate(*, forget: bool = False) -> Rotation:
    """Encrypts every secret with the first key of the ring, row by row, while the site runs.

    Each row is read back and opened before the next one. `forget` gives up the canary of a lost master key; the rows
    that it encrypted stay, and stay unreadable, until they are pasted again.
    """
    done = Rotation()
    if forget and trouble():
        with transaction.atomic():  # without a master key to leave a new canary with, the old one stays
            Canary.objects.all().delete()
            leave_canary()
    for model in SEALED:
        ids = model.objects.exclude(**{model.sealed_field: ""}).values_list("pk", flat=True)
        done.count(model.__name__, [_rotate_row(model, pk) for pk in list(ids)])
    ids = mfa.stored().values_list("pk", flat=True)
    done.count("Authenticator", [mfa.encrypt_anew(pk) for pk in list(ids)])
    return done


def _rotate_row(model: type[Sealed], pk: object) -> str:
    row = model.objects.filter(pk=pk).first()
    if row is None:
        return "gone"  # deleted meanwhile
    try:
        text = row.unseal()
    except vault.SecretUnreadable:
        return "unreadable"
    old = getattr(row, row.sealed_field)
    changed: dict[str, object] = {}
    if not vault.is_current(old):
        row.seal(text)
        changed[row.sealed_field] = getattr(row, row.sealed_field)
    if isinstance(row, ApiKey | ShareLink) and (fingerprint := _current_fingerprint(row, text)) != row.fingerprint:
        changed["fingerprint"] = fingerprint
    if changed:
        with transaction.atomic():
            # Only if nobody has replaced the secret meanwhile; what they wrote is current.
            model.objects.filter(pk=pk, **{row.sealed_field: old}).update(**changed)
            if written := model.objects.filter(pk=pk).first():
                written.unseal()
    return "rotated" if row.sealed_field in changed else "current"


def _current_fingerprint(row: ApiKey | ShareLink, secret: str) -> str:
    """The fingerprint by the first key of the ring; the old one where this person has pasted the same key again."""
    fingerprint = vault.fingerprints(secret)[0]
    if isinstance(row, ShareLink):
        return fingerprint
    others = ApiKey.objects.filter(owner=row.owner_id, fingerprint=fingerprint).exclude(pk=row.pk)
    return row.fingerprint if others.exists() else fingerprint
