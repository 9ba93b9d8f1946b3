"""Mails invitations, where there is a mail server; where there is none, their links are there to copy."""

import logging
import smtplib
from urllib.parse import urljoin

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts import teams
from accounts.models import Invitation
from datasources import live

logger = logging.getLogger(__name__)


def mail(invitation_id: str, site: str) -> str:
    """Sends an invitation that is still open, once; the team's page says whether that worked."""
    invitation = Invitation.objects.select_related("team", "invited_by").get(pk=invitation_id)
    if not invitation.is_open or invitation.mailed_at:
        return "not needed"
    link = urljoin(site, reverse("invitation", args=[teams.token(invitation)]))
    text = render_to_string("teams/mail.txt", {"invitation": invitation, "link": link})
    try:
        send_mail(f"{invitation.team} on Claro Dashboard", text, None, [invitation.email])
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("Invitation %s could not be mailed: %s", invitation_id, type(error).__name__)
        _note(invitation, mail_problem="The mail server did not take it. Copy the link and pass it on.")
        return "not sent"
    _note(invitation, mailed_at=timezone.now(), mail_problem="")
    return "sent"


def _note(invitation: Invitation, **changes: object) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(**changes)
    live.publish(invitation.team.memberships.values_list("user", flat=True), "teams-changed")
