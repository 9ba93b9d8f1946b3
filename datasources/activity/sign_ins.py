"""Writes down how people sign in, and what they change about it (log.py)."""

import hashlib

import redis
from allauth.account.signals import (
    email_changed,
    password_changed,
    password_reset,
    password_set,
    user_logged_in,
    user_signed_up,
)
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.core.cache import cache
from django.db.models import QuerySet
from django.dispatch import receiver

from accounts.models import Team, User
from accounts.people import name_changed
from accounts.sessions import signed_out_elsewhere
from core.visitors import network_of
from datasources.activity import log
from datasources.activity.words import What

# Who guesses passwords fills no log: one line for each account and network in this time.
FAILURES_EVERY_S = 300
SOMEBODY = "Unknown visitor"
# So many devices stand in a line by their names.
NAMED = 3
FACTORS = {
    Authenticator.Type.TOTP: "an authenticator app",
    Authenticator.Type.WEBAUTHN: "a passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}


@receiver(user_signed_up)
def note_sign_up(user: User, **kwargs) -> None:
    _note(What.SIGNED_UP, user)


@receiver(user_logged_in)
def note_sign_in(user: User, **kwargs) -> None:
    _note(What.SIGNED_IN, user)


@receiver(user_logged_out)
def note_sign_out(user: User | None, **kwargs) -> None:
    if user:
        _note(What.SIGNED_OUT, user)


@receiver(signed_out_elsewhere)
def note_sign_out_elsewhere(user: User, devices: list[str], **kwargs) -> None:
    more = len(devices) - NAMED
    named = ", ".join(devices[:NAMED])
    _note(What.SIGNED_OUT_ELSEWHERE, user, devices=f"{named} and {more} more" if more > 0 else named)


@receiver(user_login_failed)
def note_failed_sign_in(credentials: dict, **kwargs) -> None:
    """For an account that there is; nobody could read about the others."""
    user = User.objects.filter(email=User.objects.normalize_email(credentials.get("email"))).first()
    if user:
        _note_failure(What.SIGN_IN_FAILED, user)


@receiver(authentication_failed)
def note_failed_second_step(user: User, **kwargs) -> None:
    _note_failure(What.SECOND_STEP_FAILED, user)


@receiver([password_changed, password_set, password_reset])
def note_new_password(user: User, **kwargs) -> None:
    _note(What.PASSWORD_CHANGED, user)


@receiver(email_changed)
def note_new_address(user: User, from_email_address, to_email_address, **kwargs) -> None:
    before = from_email_address.email if from_email_address else ""
    _note(What.EMAIL_CHANGED, user, about=to_email_address.email, before=before)


@receiver(name_changed)
def note_new_name(user: User, before: str, **kwargs) -> None:
    _note(What.NAME_CHANGED, user, about=user.name or "no name", before=before or "no name")


@receiver(authenticator_added)
def note_new_factor(user: User, authenticator: Authenticator, **kwargs) -> None:
    _note(What.FACTOR_ADDED, user, factor=FACTORS[authenticator.type])


@receiver(authenticator_reset)
def note_factor_made_anew(user: User, authenticator: Authenticator, **kwargs) -> None:
    _note(What.FACTOR_MADE_ANEW, user, factor=FACTORS[authenticator.type])


@receiver(authenticator_removed)
def note_removed_factor(user: User, authenticator: Authenticator, **kwargs) -> None:
    _note(What.FACTOR_REMOVED, user, factor=FACTORS[authenticator.type])


def _note_failure(what: What, user: User) -> None:
    """Logs a failed sign-in for the account's user to read."""
    if _is_first(f"{what} {user.pk} {network_of(log.origin.get().address)}"):
        log.record(what, None, who=SOMEBODY, about=user.email, owner=user, teams=_teams_of(user))


def _note(what: What, user: User, **more: str) -> None:
    log.record(what, user, teams=_teams_of(user), **more)


def _teams_of(user: User) -> QuerySet[Team]:
    return Team.objects.filter(memberships__user=user)


def _is_first(who: str) -> bool:
    """Whether this is the first one in a while; without Redis, each is."""
    try:
        return cache.add(f"failed:{hashlib.sha256(who.encode()).hexdigest()}", 1, FAILURES_EVERY_S)
    except redis.RedisError:
        return True
