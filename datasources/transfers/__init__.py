"""Transfers a key or a team to another person, who must accept: offers, and how they end.

A key's owner enters an address. The answer is the same whether it has an account, so nobody can probe for accounts.
A team's owner chooses a member. keys.py and teams.py do what an accepted offer changes.
"""

import contextlib
import hashlib
from datetime import timedelta

import redis
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Team, User
from core import live, throttle
from datasources import notices
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import ApiKey, Transfer
from datasources.models.notices import Topic

State = Transfer.State
EXPIRES_AFTER = timedelta(days=7)
FORGET_AFTER = timedelta(days=30)
HOUR_S, DAY_S = 3600, 86_400
OFFERS_AN_HOUR = 20
# Of all people together to one address.
OFFERS_A_DAY = 3
# Pages that show offers, and all that changes with an owner.
PAGES = ("keys-changed", "teams-changed")
LISTS = (*PAGES, "sources-changed", "downloads-changed", "shares-changed", "uploads-changed", "bin-changed")

_KEY = {
    State.OPEN: What.KEY_OFFERED,
    State.ACCEPTED: What.KEY_TAKEN_OVER,
    State.DECLINED: What.KEY_OFFER_DECLINED,
    State.WITHDRAWN: What.KEY_OFFER_WITHDRAWN,
    State.EXPIRED: What.KEY_OFFER_EXPIRED,
}
_TEAM = {
    State.OPEN: What.TEAM_OFFERED,
    State.ACCEPTED: What.TEAM_TAKEN_OVER,
    State.DECLINED: What.TEAM_OFFER_DECLINED,
    State.WITHDRAWN: What.TEAM_OFFER_WITHDRAWN,
    State.EXPIRED: What.TEAM_OFFER_EXPIRED,
}


class NotOffered(Exception):
    """In words for the person who offers."""


class OfferEnded(Exception):
    """Answered, withdrawn, expired, or the person who made the offer no longer owns the key or the team."""


class CannotAccept(Exception):
    """In words for the receiver; the offer stays open."""


def offer_key(key: ApiKey, by: User, email: str) -> Transfer:
    """Offers a key to the person with this address. Raises NotOffered, for the same reasons without an account."""
    receiver = User.objects.filter(email=email, is_active=True).first()
    return _offer(by, email, receiver, key=key)


def offer_team(team: Team, by: User, receiver: User) -> Transfer:
    """Offers a team to a member. Raises NotOffered."""
    return _offer(by, receiver.email, receiver, team=team)


def open_offer(*, key: ApiKey | None = None, team: Team | None = None) -> Transfer | None:
    """The open offer of a key or of a team. One query."""
    return Transfer.objects.open().filter(key=key, team=team).select_related("key", "team").first()


def edition(offer: Transfer) -> str:
    """Changes with what is offered: a receiver accepts what their page showed."""
    if offer.key is None:
        return _digest(offer.team.name)
    teams = sorted(str(pk) for pk in offer.key.shares.values_list("team", flat=True))
    return _digest(offer.key.label, offer.key.fingerprint, *teams)


def withdraw(offer: Transfer, by: User) -> bool:
    """Ends an open offer; False if it has ended already."""
    with transaction.atomic():
        return close(offer, State.WITHDRAWN, by, about=offer.email)


def decline(offer: Transfer, by: User) -> bool:
    """The same by its receiver. The person who made the offer is notified."""
    with transaction.atomic():
        done = offer.is_open and close(offer, State.DECLINED, by, about=offer.offered_by.email)
        if done:
            notices.tell_of_offer(offer.offered_by, Topic.DECLINED, offer, by.email)
    return done


def close(offer: Transfer, state: Transfer.State, by: User | None, about: str) -> bool:
    """Ends an offer in this state and records it; exactly one of several that try it at once gets True.

    Call it in a transaction, before the owner changes: the former owner may read the event.
    """
    still_open = Transfer.objects.filter(pk=offer.pk, state=State.OPEN)
    if not still_open.update(state=state, ended_at=timezone.now()):
        return False
    _record(offer, state, by, about)
    return True


def tidy() -> None:
    """Ends expired offers, and forgets those that ended long ago."""
    _end_void(Transfer.objects.all())
    Transfer.objects.filter(ended_at__lt=timezone.now() - FORGET_AFTER).delete()


def _offer(by: User, email: str, receiver: User | None, **what: ApiKey | Team) -> Transfer:
    _take(by, email)
    with transaction.atomic():
        _end_void(Transfer.objects.filter(**what))
        try:
            with transaction.atomic():
                expires_at = timezone.now() + EXPIRES_AFTER
                offer = Transfer.objects.create(
                    offered_by=by, email=email, receiver=receiver, expires_at=expires_at, **what
                )
        except IntegrityError:
            raise NotOffered("There is an open offer already. Withdraw it first.") from None
        _record(offer, State.OPEN, by, email)
        if receiver:
            notices.tell_of_offer(receiver, Topic.OFFERED, offer, by.email)
    return offer


def _take(by: User, email: str) -> None:
    """Counts an offer in the limits. Raises NotOffered."""
    # Without Redis there is no limit: nothing is mailed either.
    with contextlib.suppress(redis.RedisError):
        if throttle.take("offers", str(by.pk), OFFERS_AN_HOUR, HOUR_S):
            raise NotOffered(f"You made {OFFERS_AN_HOUR} offers within an hour. Try again later.")
        if throttle.take("offers to", email, OFFERS_A_DAY, DAY_S):
            raise NotOffered(f"This address got {OFFERS_A_DAY} offers within a day. Try again tomorrow.")


def _end_void(offers: QuerySet[Transfer]) -> None:
    """Ends those that nobody can accept any more."""
    void = offers.filter(state=State.OPEN).exclude(pk__in=Transfer.objects.open().values("pk"))
    for offer in void.select_related("key", "team"):
        with transaction.atomic():
            close(offer, State.EXPIRED, None, about=offer.email)


def _record(offer: Transfer, state: Transfer.State, by: User | None, about: str) -> None:
    if offer.key:
        log.record(_KEY[state], by, key=offer.key, about=about)
    else:
        log.record(_TEAM[state], by, about=about, teams=[offer.team])
    people = {offer.offered_by_id, *([offer.receiver_id] if offer.receiver_id else [])}
    live.publish(people, *PAGES)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
