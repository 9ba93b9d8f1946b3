"""People in pages (accounts/people.py). Every template has these, through datasources/templatetags/claro.py."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import people
from accounts.models import User
from core.text import visible

register = template.Library()

# As plain text, for attributes and mails.
register.filter(people.name_of)
register.filter(people.with_address)


@register.filter
def person(user: User | None) -> SafeString | str:
    """The user's name, with the address on hover; the address where there is no name."""
    if user and user.name:
        return format_html('<bdi title="{}">{}</bdi>', user.email, visible(user.name))
    return format_html("<bdi>{}</bdi>", user.email) if user else ""


@register.filter
def person_with_address(user: User | None) -> SafeString | str:
    """The name and the address, where a choice depends on who it is."""
    if user and user.name:
        return format_html(
            '<bdi>{}</bdi> <span class="person-address">(<bdi>{}</bdi>)</span>', visible(user.name), user.email
        )
    return person(user)


@register.filter
def initials(user: User) -> SafeString:
    """The round mark beside a name, hidden from screen readers, which read the name."""
    return format_html('<span class="initials" aria-hidden="true">{}</span>', people.initials(user))
