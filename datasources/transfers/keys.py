"""The new owner of a key, and what follows them.

stays as it is     teams that share the key, its files, copies, bin, webhook, budget and switches
becomes theirs     the former owner's share links through the key, and the uploads that they could not finish
stays where it is  the former owner's saved views, notification settings, receipts and download links
"""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.quotas import QuotaReached, require_room
from accounts.roles import Action, may
from core import live
from core.text import visible
from core.vault import SecretUnreadable
from datasources import access, keys, notices
from datasources.deleting import bin
from datasources.models import ApiKey, ShareLink, Transfer, Upload
from datasources.models.notices import Topic
from datasources.transfers import LISTS, CannotAccept, OfferEnded, State, close, edition

AGAIN = "The key was changed since you opened this page. Read it again, then accept."
UNREADABLE = "The key can't be read. Its owner must paste it again on the Keys page."


@dataclass(frozen=True)
class Gives:
    """The numbers and names on the page of an offer."""

    sources: int
    teams: list[str]
    shares: int
    uploads: int
    in_the_bin: int


def gives(key: ApiKey) -> Gives:
    """Five queries."""
    return Gives(
        sources=key.sources.present().count(),
        teams=[visible(name) for name in key.shares.order_by("team__name").values_list("team__name", flat=True)],
        shares=_shares(key).filter(ended_at=None).count(),
        uploads=_uploads(key).count(),
        in_the_bin=bin.inside([key.pk]).count(),
    )


def accept(offer: Transfer, receiver: User, seen: str) -> ApiKey:
    """Makes the receiver the owner of the key. `seen` is the edition of the page on which they accepted.

    Raises OfferEnded, CannotAccept.
    """
    try:
        with transaction.atomic():
            return _accept(offer, receiver, seen)
    except IntegrityError:  # they added the same key at the same time
        raise CannotAccept("You already have this key. Delete yours first.") from None
    except QuotaReached as error:
        raise CannotAccept(str(error)) from None
    except SecretUnreadable:
        raise CannotAccept(UNREADABLE) from None


def _accept(offer: Transfer, receiver: User, seen: str) -> ApiKey:
    # The user, then the key, then the offer, as everything does that changes several of them.
    require_room(receiver, "keys", ApiKey.objects.filter(owner=receiver))
    key = ApiKey.objects.select_for_update().filter(pk=offer.key_id).first()
    offers = Transfer.objects.open().select_for_update(of=("self",)).filter(pk=offer.pk, receiver=receiver)
    found = offers.select_related("offered_by").first()
    if not key or not found:
        raise OfferEnded
    found.key = key
    if edition(found) != seen:
        raise CannotAccept(AGAIN)
    secret, former = key.unseal(), found.offered_by
    if same := keys.same_secret(receiver, secret):
        raise CannotAccept(f"You already have this key, as {same.label}. Delete yours first.")
    before = access.people_for(key)
    close(found, State.ACCEPTED, receiver, about=former.email)
    key.owner = receiver
    key.seal(secret)
    key.save(update_fields=["owner", "secret"])
    _move(key, former)
    notices.tell_of_offer(former, Topic.ACCEPTED, found, receiver.email)
    live.publish({*before, *access.people_for(key)}, *LISTS)
    return key


def _move(key: ApiKey, former: User) -> None:
    """Moves the objects that would end with the access of the former owner. Raises QuotaReached."""
    shares = _shares(key, former)
    in_force = ShareLink.objects.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now()), ended_at=None)
    _require_room(key.owner, "share_links", in_force.filter(made_by=key.owner), in_force & shares)
    # Recipients never read a name that its person did not choose to show.
    shares.update(made_by=key.owner, names_sender=False, undo_by=None, undo_until=None, former_token="")
    role = access.keys_for(former).filter(pk=key.pk).values_list("role", flat=True).first()
    if not may(role, Action.UPLOAD):
        uploads = _uploads(key, former)
        _require_room(key.owner, "uploads", Upload.objects.unfinished().filter(user=key.owner), uploads)
        uploads.update(user=key.owner)


def _require_room(user: User, name: str, rows: QuerySet, new: QuerySet) -> None:
    if count := new.count():
        require_room(user, name, rows, count)


def _shares(key: ApiKey, owner: User | None = None) -> QuerySet[ShareLink]:
    return ShareLink.objects.filter(key=key, made_by=owner or key.owner)


def _uploads(key: ApiKey, owner: User | None = None) -> QuerySet[Upload]:
    return Upload.objects.unfinished().filter(key=key, user=owner or key.owner)
