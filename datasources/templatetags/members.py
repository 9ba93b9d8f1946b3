"""Words about the people of a team."""

from django import template
from django.utils import timezone

from accounts.models import Membership, User
from accounts.roles import Role

register = template.Library()

A_MONTH = 30


@register.filter
def role_summary(membership: Membership) -> str:
    return Role(membership.role).summary


@register.filter
def last_active(user: User) -> str:
    """The day of a user's last activity in the reader's time zone, and no more: colleagues need no exact time."""
    at = user.active_at or user.last_login
    if at is None:
        return "not active yet"
    days = (timezone.localdate() - timezone.localdate(at)).days
    if days > A_MONTH:
        return "active over a month ago"
    return {0: "active today", 1: "active yesterday"}.get(max(days, 0), f"active {days} days ago")
