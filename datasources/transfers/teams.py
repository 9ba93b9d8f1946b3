"""The new owner of a team. Its keys, share links and views belong to the team or to their makers, and stay."""

from django.db import transaction

from accounts import teams
from accounts.models import Invitation, User
from accounts.quotas import QuotaReached
from core import live
from datasources import notices
from datasources.models import Transfer
from datasources.models.notices import Topic
from datasources.transfers import LISTS, CannotAccept, OfferEnded, State, close, edition

AGAIN = "The team was renamed since you opened this page. Read it again, then accept."


def accept(offer: Transfer, receiver: User, seen: str) -> list[Invitation]:
    """Makes the receiver an owner, and the former owner an admin; returns the invitations that this revokes.

    `seen` is the edition of the page on which they accepted. Raises OfferEnded, CannotAccept.
    """
    try:
        with transaction.atomic():
            return _accept(offer, receiver, seen)
    except QuotaReached as error:
        raise CannotAccept(str(error)) from None


def _accept(offer: Transfer, receiver: User, seen: str) -> list[Invitation]:
    teams.lock(offer.team_id)
    found = Transfer.objects.open().select_related("team", "offered_by").filter(pk=offer.pk, receiver=receiver).first()
    if not found:
        raise OfferEnded
    if edition(found) != seen:
        raise CannotAccept(AGAIN)
    former = found.offered_by
    if not close(found, State.ACCEPTED, receiver, about=former.email):
        raise OfferEnded
    revoked = teams.transfer(found.team, former, receiver)
    notices.tell_of_offer(former, Topic.ACCEPTED, found, receiver.email)
    live.publish(found.team.memberships.values_list("user", flat=True), *LISTS)
    return revoked
