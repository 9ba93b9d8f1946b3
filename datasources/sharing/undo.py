"""Revoking and replacing a share link: both take effect at once, and the same user can undo them for a moment.

The page offers the undo for ten seconds. They stop while the offer has the focus or the pointer
(static/css/shares.css), so the server accepts it for longer.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from core import vault
from datasources import access
from datasources.models import ShareLink
from datasources.sharing import shares

OFFERED_FOR = timedelta(seconds=10)
ACCEPTED_FOR = timedelta(minutes=5)
_OVER = {"undo_by": None, "undo_until": None, "former_token": ""}


def end(share: ShareLink, by: User) -> None:
    """Revokes the link."""
    with transaction.atomic():
        shares.end(share)
        _allow(share, by)


def rotate(share: ShareLink, by: User) -> None:
    """Replaces the link."""
    with transaction.atomic():
        former_token = share.token
        shares.rotate(share)
        _allow(share, by, former_token)


def offers(user: User) -> QuerySet[ShareLink]:
    """The share links that this user revoked or replaced a moment ago. One query."""
    until = timezone.now() + ACCEPTED_FOR - OFFERED_FOR
    found = access.shares_for(user).filter(undo_by=user, undo_until__gt=until)
    return found.prefetch_related("files__source").order_by("-undo_until")


def undo(share: ShareLink, by: User) -> bool:
    """Restores what this user revoked or replaced last; False if it is too late. Raises QuotaReached."""
    due = ShareLink.objects.select_for_update(of=("self",)).select_related("key", "made_by")
    with transaction.atomic():
        found = due.filter(pk=share.pk, undo_by=by, undo_until__gt=timezone.now()).first()
        if found is None:
            return False
        if not found.former_token:
            shares.revive(found, **_OVER)
            return True
        try:
            token = vault.unseal(found.former_token, found.sealed_row())
        except vault.SecretUnreadable:
            return False
        shares.rotate(found, token)
        shares.change(found, **_OVER)
    return True


def tidy() -> None:
    """Forgets the old tokens when their time is up."""
    ShareLink.objects.filter(undo_until__lt=timezone.now()).update(**_OVER)


def _allow(share: ShareLink, by: User, former_token: str = "") -> None:
    shares.change(share, undo_by=by, undo_until=timezone.now() + ACCEPTED_FOR, former_token=former_token)
