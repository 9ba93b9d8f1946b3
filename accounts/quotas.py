"""How much one user or team may have. Generous (settings, QUOTAS): people don't meet it, a script gone wild does."""

from django.conf import settings
from django.db.models import Model, QuerySet

# The field in QUOTAS, and what its number counts in words.
WORDS = {
    "keys": "API keys",
    "teams": "teams you own",
    "memberships": "team memberships",
    "invitations": "open invitations",
    "saved_views": "saved views",
    "tags": "tags",
    "share_links": "active share links",
    "download_links": "pending download links",
    "uploads": "files being uploaded",
}


class QuotaReached(Exception):
    """In words for the person who wanted more."""


def require_room(whose: Model, name: str, rows: QuerySet, more: int = 1) -> None:
    """Raises QuotaReached if `rows` of this user or team leave no room for `more`.

    Call it in the transaction that adds them: it locks `whose`, so that those who add at once count one another.
    """
    # Not the whole row: whatever refers to the user is written meanwhile.
    whose._meta.default_manager.select_for_update(no_key=True).filter(pk=whose.pk).first()
    at_most = settings.QUOTAS[name]
    if rows.count() + more > at_most:
        raise QuotaReached(f"Limit reached: {at_most:,} {WORDS[name]}. Remove some, then try again.")
