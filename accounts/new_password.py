"""Mails password links from a worker, so that the response time does not reveal accounts."""

import logging
import smtplib
from io import BytesIO
from urllib.parse import urlsplit

from allauth.account.internal.flows.password_reset import request_password_reset
from allauth.account.internal.userkit import filter_users_by_email
from allauth.core import context
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

logger = logging.getLogger(__name__)


def mail(email: str, site: str) -> str:
    """Mails a link to each account of this address, if there is one."""
    request = _request_to(site)
    with context.request_context(request):
        users = filter_users_by_email(email, is_active=True, prefer_verified=True, for_login=True)
        if not users:
            return "nobody"
        try:
            request_password_reset(request, email, users, None)
        except (OSError, smtplib.SMTPException) as error:
            logger.warning("A link to a new password could not be mailed: %s", type(error).__name__)
            return "not sent"
    return "sent"


def _request_to(site: str) -> HttpRequest:
    """A request from which allauth builds the URLs in its mails."""
    parts = urlsplit(site)
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": BytesIO(),
            "HTTP_HOST": parts.netloc,
            "SERVER_NAME": parts.hostname,
            "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        }
    )
