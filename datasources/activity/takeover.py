"""An account that single sign-on handed to the owner of its address: a stranger may have prepared it.

What carries anything out of the account is cut at once; the rest is listed for its owner, who knows what is theirs.
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
from datasources.models import ApiKey, KeyShare, Outlet, SavedView, ShareLink


@receiver(sessions.account_taken_over)
def cut_off(user: User, **kwargs) -> dict[str, int]:
    """Deletes ways out for notices, pauses share links; says how many. Call it in the transaction of the hand-over."""
    channels, _ = Outlet.objects.filter(user=user).delete()
    open_ones = ShareLink.objects.filter(made_by=user, paused_at=None, ended_at=None)
    people = {person for share in open_ones.select_related("key") for person in access.people_for(share.key)}
    paused = open_ones.update(paused_at=timezone.now())
    live.publish(people, "shares-changed")
    log.record(What.TAKEN_OVER, user)
    return {"notice channel": channels, "share link": paused}


def holdings(user: User) -> dict[str, QuerySet]:
    """What the account has and is in, for the page that lists it. Six queries when all of it is read."""
    shares = KeyShare.objects.select_related("team")
    return {
        "memberships": access.memberships_of(user),
        "keys": ApiKey.objects.filter(owner=user).select_related("hook").prefetch_related(Prefetch("shares", shares)),
        "shares": ShareLink.objects.filter(made_by=user, ended_at=None).select_related("key"),
        "views": SavedView.objects.filter(owner=user),
        "outlets": Outlet.objects.filter(user=user).order_by("created_at"),
    }
