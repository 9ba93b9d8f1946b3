"""For the pages of sign-in and account."""

import base64
import json

from django import template
from django.core.serializers.json import DjangoJSONEncoder

register = template.Library()


@register.filter
def as_json(value: object) -> str:
    """JSON for an attribute, where a script finds it: the policy allows none in the page."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.filter
def as_text_file(lines: list[str]) -> str:
    """An address that is a file of these lines, to download what no address of ours gives out twice."""
    return "data:text/plain;base64," + base64.b64encode("".join(f"{line}\n" for line in lines).encode()).decode()


@register.filter
def in_fours(text: str) -> str:
    """A long code as people type it."""
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))
