"""An account that single sign-on assigned to the owner of its address. A stranger may have prepared it.

Everything that sends data out of the account is removed at once. The rest is listed for its owner to review.
"""

from django.db.models import Prefetch, QuerySet
from django.dispatch import receiver
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from core import live
from datasources import access
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import ApiKey, KeyShare, Outlet, SavedView, ShareLink, Timing, Transfer


@receiver(sessions.account_taken_over)
def cut_off(user: User, **kwargs) -> dict[str, int]:
    """Deletes notice channels, pauses share links and withdraws offers; returns the numbers of the first two.

    Call it in the takeover's transaction.
    """
    Transfer.objects.filter(offered_by=user, state=Transfer.State.OPEN).update(
        state=Transfer.State.WITHDRAWN, ended_at=timezone.now()
    )
    channels, _ = Outlet.objects.filter(user=user).delete()
    Timing.objects.filter(user=user).delete()
    open_ones = ShareLink.objects.filter(made_by=user, paused_at=None, ended_at=None)
    people = {person for share in open_ones.select_related("key") for person in access.people_for(share.key)}
    paused = open_ones.update(paused_at=timezone.now())
    live.publish(people, "shares-changed")
    log.record(What.TAKEN_OVER, user)
    return {"notice channel": channels, "share link": paused}


def holdings(user: User) -> dict[str, QuerySet]:
    """The objects and memberships of the account, for the page that lists them. Six queries if all of it is read."""
    shares = KeyShare.objects.select_related("team")
    return {
        "memberships": access.memberships_of(user),
        "keys": ApiKey.objects.filter(owner=user).select_related("hook").prefetch_related(Prefetch("shares", shares)),
        "shares": ShareLink.objects.filter(made_by=user, ended_at=None).select_related("key"),
        "views": SavedView.objects.filter(owner=user),
        "outlets": Outlet.objects.filter(user=user).order_by("created_at"),
    }
