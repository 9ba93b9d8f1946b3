"""Writes down how people sign in, and what they change about it (audit.py)."""

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
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.core.cache import cache
from django.dispatch import receiver

from accounts.models import Team, User
from datasources import audit
from datasources.audit import What

# Who guesses passwords fills no log: one line for each account and address in this time.
FAILURES_EVERY_S = 300
SOMEBODY = "Somebody"


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


@receiver(user_login_failed)
def note_failed_sign_in(credentials: dict, **kwargs) -> None:
    """For an account that there is; nobody could read about the others."""
    user = User.objects.filter(email=User.objects.normalize_email(credentials.get("email"))).first()
    if user and _is_first(f"{user.pk} {audit.origin.get().address}"):
        teams = Team.objects.filter(memberships__user=user)
        audit.record(What.SIGN_IN_FAILED, None, who=SOMEBODY, about=user.email, owner=user, teams=teams)


@receiver([password_changed, password_set, password_reset])
def note_new_password(user: User, **kwargs) -> None:
    _note(What.PASSWORD_CHANGED, user)


@receiver(email_changed)
def note_new_address(user: User, from_email_address, to_email_address, **kwargs) -> None:
    before = from_email_address.email if from_email_address else ""
    _note(What.EMAIL_CHANGED, user, about=to_email_address.email, before=before)


def _note(what: What, user: User, **more: str) -> None:
    audit.record(what, user, teams=Team.objects.filter(memberships__user=user), **more)


def _is_first(who: str) -> bool:
    """Whether this is the first one in a while; without Redis, each is."""
    try:
        return cache.add(f"failed:{hashlib.sha256(who.encode()).hexdigest()}", 1, FAILURES_EVERY_S)
    except redis.RedisError:
        return True
