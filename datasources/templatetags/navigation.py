"""The places that every page leads to."""

from dataclasses import dataclass

from django import template
from django.contrib.auth.models import AnonymousUser

from datasources.templatetags.claro import in_space, path_of

register = template.Library()

# URL name, icon, label; in the order in which they are shown.
PLACES = (
    ("sources:list", "database", "Sources"),
    ("downloads:list", "download", "Downloads"),
    ("shares:list", "share", "Shared"),
    ("notices:list", "bell", "Notices"),
    ("bin:list", "trash", "Bin"),
    ("keys:list", "key", "Keys"),
    ("teams:list", "users", "Teams"),
    ("activity:list", "history", "Activity"),
    ("operations", "activity", "Operations"),
)
FOR_STAFF = {"operations"}
# Pages about the user and not about a space.
OF_NO_SPACE = {"notices:list", "teams:list", "operations"}


@dataclass(frozen=True)
class Place:
    name: str
    icon: str
    label: str
    href: str
    is_here: bool


@register.simple_tag(takes_context=True)
def places(context: template.Context) -> list[Place]:
    """Those that the user may see; `is_here` on the pages below one."""
    request = context["request"]
    # A request may be refused before its user was looked up.
    user = getattr(request, "user", None) or AnonymousUser()
    found = []
    for name, icon, label in PLACES:
        if (name in FOR_STAFF and not user.is_staff) or (name == "notices:list" and user.is_anonymous):
            continue
        path = path_of(name)
        href = path if name in OF_NO_SPACE else in_space(context, name)
        found.append(Place(name, icon, label, href, request.path.startswith(path)))
    return found
