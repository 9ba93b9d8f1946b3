"""Finds the account of a single sign-on."""

import logging
from functools import lru_cache

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse

from accounts import mfa, sessions, setup, teams
from accounts.models import User
from accounts.sso.provider import NotBelieved
from core import outgoing

TAKEN_OVER = (
    "This e-mail address was not confirmed here, so the account's password, second factors and other sign-ins were "
    "removed. You can set a password on the Account page. "
)
LOOK_THROUGH = "Another person may have created the account. Review its contents."

# A sign-in is up to four exchanges, one after the other, and anyone may begin one.
LIMITS = outgoing.Limits(total_s=5.0)
AT_ONCE = 16

logger = logging.getLogger(__name__)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Finds an account by the provider's user id; the first time, by the address that the provider has verified."""

    def get_requests_session(self) -> outgoing.Session:
        """Through which allauth and our provider make every exchange; each closes it when done."""
        return _session()

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """The user who has verified the address here, else the one whose login it is; never one that only claims it."""
        for email in _confirmed(sociallogin):
            confirmed_here = EmailAddress.objects.filter(email=email, verified=True).select_related("user").first()
            if user := confirmed_here.user if confirmed_here else User.objects.filter(email=email).first():
                return user, email
        return None

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.account.pk:
            return
        if not (confirmed := _confirmed(sociallogin)):
            raise ImmediateHttpResponse(render(request, "socialaccount/unconfirmed.html", status=403))
        [email] = confirmed
        user = sociallogin.user if sociallogin.is_existing else None
        # Others' claims to the address are void.
        EmailAddress.objects.filter(email=email, verified=False).exclude(user=user).delete()
        if user and not EmailAddress.objects.filter(user=user, email=email, verified=True).exists():
            removed = _hand_over(user, email)
            messages.info(request, f"{TAKEN_OVER}{_in_words(removed)}{LOOK_THROUGH}")
            sociallogin.state["next"] = reverse("holdings")

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        if setup.is_needed():  # the provider can't ask for the code; the first account is made by the form
            return False
        if settings.OIDC_SIGNUP:
            return True
        invitation = teams.invitation_of(request.session)
        if invitation and invitation.email not in ("", *map(str.lower, _confirmed(sociallogin))):
            return settings.SIGNUP_OPEN  # an invitation lets nobody in but its address
        return super().is_open_for_signup(request, sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form=None) -> User:
        """Creates the account. The first user of an installation becomes an administrator."""
        sociallogin.user.is_staff = not User.objects.exists()
        return super().save_user(request, sociallogin, form)

    def on_authentication_error(self, request, provider, error=None, exception=None, extra_context=None) -> None:
        # Only our own words: others' may repeat what the provider sent, a token for one.
        reason = exception if isinstance(exception, NotBelieved) else type(exception).__name__ if exception else error
        logger.warning("Single sign-on failed: %s", reason)


@lru_cache(maxsize=1)
def _session() -> outgoing.Session:
    """One a process, for its limit of exchanges at once. Closing it lets its kept connections go, and no more."""
    return outgoing.Session(LIMITS, at_once=AT_ONCE)


def _confirmed(sociallogin: SocialLogin) -> list[str]:
    """The address, if the provider has verified it."""
    return [address.email for address in sociallogin.email_addresses if address.verified]


@transaction.atomic
def _hand_over(user: User, email: str) -> dict[str, int]:
    """Removes all credentials from an account whose address was never verified; returns the numbers of removed objects.

    Channels and share links stop too, so the former user receives no data of the new owner.
    """
    user.set_unusable_password()
    user.save(update_fields=["password"])
    removed = {"session": sessions.end(sessions.others(user, None))}
    removed["invitation"] = teams.delete_invitations_of(user)
    mfa.remove(user)
    SocialAccount.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    for _, others in sessions.account_taken_over.send(User, user=user):
        removed |= others
    return removed


def _in_words(removed: dict[str, int]) -> str:
    counts = [f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in removed.items() if count]
    return f"Also removed or paused: {', '.join(counts)}. " if counts else ""
