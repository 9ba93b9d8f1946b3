"""Invites people, so often an hour, and mails it where there is a mail server; else their links are there to copy.

A mail goes to an address that its sender chooses, so it holds as little of the sender's text as it can: the subject is
ours, and a team's name is left out where a mail program could make a link of it.
"""

import contextlib
import logging
import re
import smtplib
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urljoin

import redis
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts import teams
from accounts.models import Invitation, Team, User
from accounts.quotas import QuotaReached
from accounts.roles import Role
from core import live, throttle
from core.text import visible

SUBJECT = "Invitation to a team on Claro Dashboard"
# As long as the column.
LONGEST = 254
HOUR_S, DAY_S = 3600, 86_400
# A name before an address in angle brackets; of a list, from its separator on.
NAMED = re.compile(r"(^|[,;\n])[^,;<>\n@]*<([^<>\n]*)>")
# Of all senders together to one address.
MAILS_A_DAY = 3
NOT_SENT = "The mail server refused the mail. Copy the link and send it."

logger = logging.getLogger(__name__)


class TooManyInvitations(Exception):
    """In words for the person who invites."""


class AddressIsFull(TooManyInvitations):
    """The limit of one address; other addresses can still be invited."""


def addresses(text: str) -> list[str]:
    """The addresses in a text, each once. Commas, semicolons, spaces and lines separate them.

    As mail programs copy them, too: of `Carol Smith <carol@example.com>` the address is left.
    """
    plain = NAMED.sub(r"\1 \2 ", text.lower())
    return [*dict.fromkeys(word for word in re.split(r"[\s,;]+", plain) if word)]


def invite_each(
    team: Team, by: User, role: Role, expires_at: datetime, emails: Iterable[str]
) -> tuple[list[Invitation], dict[str, str]]:
    """Invites each address once; returns the invitations, and the addresses left out with the reason in a sentence.

    Each counts on its own in the limits. Once the sender's limit is reached, the rest is left out.
    """
    made, left_out, limit = [], {}, ""
    members = {email.lower() for email in team.memberships.values_list("user__email", flat=True)}
    waiting = {invitation.email for invitation in teams.open_invitations(team)}
    for email in emails:
        if problem := limit or _problem(email, members, waiting):
            left_out[email] = problem
            continue
        try:
            made.append(invite(team, by, role, expires_at, email))
        except AddressIsFull as error:
            left_out[email] = f"{email}: {error}"
        except (TooManyInvitations, QuotaReached) as error:
            left_out[email] = limit = str(error)
    return made, left_out


def invite(
    team: Team, by: User, role: Role, expires_at: datetime, email: str = "", *, is_single_use: bool = True
) -> Invitation:
    """Creates an invitation within the limits per sender and per address. Raises TooManyInvitations."""
    # Without Redis nothing is mailed either: it is the broker too.
    with contextlib.suppress(redis.RedisError):
        _take(by, email)
    return teams.invite(team, by, role, expires_at, email, is_single_use=is_single_use)


def mail(invitation_id: str, site: str) -> str:
    """Mails an open invitation once. The team's page shows the outcome."""
    invitation = Invitation.objects.select_related("team", "invited_by").get(pk=invitation_id)
    if not teams.is_open(invitation) or invitation.mailed_at:
        return "not needed"
    link = urljoin(site, reverse("invitation", args=[teams.token(invitation)]))
    name = invitation.team.name if _is_plain(invitation.team.name) else ""
    text = render_to_string("teams/mail.txt", {"invitation": invitation, "link": link, "name": name})
    try:
        send_mail(SUBJECT, text, None, [invitation.email])
    except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: what can't stand in a header
        logger.warning("Invitation %s could not be mailed: %s", invitation_id, type(error).__name__)
        not_mailed(invitation, NOT_SENT)
        return "not sent"
    _note(invitation, mailed_at=timezone.now(), mail_problem="")
    return "sent"


def not_mailed(invitation: Invitation, why: str) -> None:
    """Shows on the team's page why an invitation was not mailed."""
    _note(invitation, mail_problem=why)


def _take(by: User, email: str) -> None:
    """Raises TooManyInvitations and RedisError."""
    at_most = settings.INVITATIONS_AN_HOUR
    if wait_s := throttle.take("invitations of", str(by.pk), at_most, HOUR_S):
        raise TooManyInvitations(f"Limit reached: {at_most:,} invitations an hour. Try again in {_minutes(wait_s)}.")
    if email and throttle.take("invitations to", _mailbox(email), MAILS_A_DAY, DAY_S):
        raise AddressIsFull("Daily limit for this address reached. Invite without an address and send the link.")


def _problem(email: str, members: set[str], waiting: set[str]) -> str:
    """The reason why an address can't be invited, before it counts in any limit; empty if there is none."""
    try:
        forms.EmailField(max_length=LONGEST).clean(email)
    except ValidationError:
        return f"“{visible(email[:LONGEST])}” is not an e-mail address."
    if email in members:
        return f"{email} is already in the team."
    if email in waiting:
        return f"{email} already has an open invitation. Cancel it to send another."
    return ""


def _mailbox(email: str) -> str:
    """The address without what many mail servers ignore: `carol+1@…` and `carol+2@…` are read by one person."""
    name, _, host = email.lower().rpartition("@")
    return f"{name.partition('+')[0]}@{host}"


def _minutes(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def _is_plain(name: str) -> bool:
    """Whether no mail program makes a link of a word in it."""
    return not re.search(r"[:/\\@]|\w[.。．]\w", name)


def _note(invitation: Invitation, **changes: object) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(**changes)
    live.publish(invitation.team.memberships.values_list("user", flat=True), "teams-changed")
