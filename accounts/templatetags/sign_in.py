"""For the pages of sign-in and account."""

import base64
import json

from allauth.account.adapter import get_adapter
from django import template
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

register = template.Library()


@register.simple_tag(takes_context=True)
def ways_in(context: template.Context) -> dict[str, object]:
    """The enabled ways to sign in: `sso` is the name of the single sign-on, if there is one."""
    return {
        "sso": settings.OIDC_SERVER_URL and settings.OIDC_NAME,
        "passwords": not settings.OIDC_ONLY,
        "sign_up": not settings.OIDC_ONLY and get_adapter().is_open_for_signup(context["request"]),
        "mail": bool(settings.EMAIL_URL),
        # Without a mail server: whether mails can be read in the terminal.
        "terminal": not settings.EMAIL_URL and not settings.PRODUCTION,
    }


@register.filter
def as_json(value: object) -> str:
    """JSON for an attribute, where a script finds it: the policy allows none in the page."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.filter
def as_text_file(lines: list[str]) -> str:
    """A data URL of a text file with these lines, for a download that no page of the dashboard repeats."""
    return "data:text/plain;base64," + base64.b64encode("".join(f"{line}\n" for line in lines).encode()).decode()


@register.filter
def in_fours(text: str) -> str:
    """A long code as people type it."""
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))
