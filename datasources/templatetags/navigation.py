"""The places that every page leads to, in the order in which people need them."""

from dataclasses import dataclass

from django import template
from django.contrib.auth.models import AnonymousUser

from datasources.templatetags.claro import in_space, path_of

register = template.Library()

# URL name, icon, label.
FILES = (
    ("sources:list", "database", "Sources"),
    ("shares:list", "share", "Shared"),
    ("uploads:list", "upload", "Uploads"),
)
TEAM = (
    ("teams:list", "users", "Teams"),
    ("keys:list", "key", "Keys"),
    ("activity:list", "history", "Activity"),
    ("operations", "activity", "Operations"),
)
FOOT = (
    ("notices:list", "bell", "Notices"),
    ("bin:list", "trash", "Bin"),
)
PLACES = (*FILES, *TEAM, *FOOT)
FOR_STAFF = {"operations"}
# Pages about the user and not about a space.
OF_NO_SPACE = {"uploads:list", "notices:list", "teams:list", "operations"}
# Pages that no place's path begins with, or another's.
BELOW = {"sources:upload": "uploads:list", "downloads:list": "sources:list"}


@dataclass(frozen=True)
class Place:
    name: str
    icon: str
    label: str
    href: str
    is_here: bool


@register.simple_tag(takes_context=True)
def places(context: template.Context) -> dict[str, object]:
    """Those that the user may see: two `groups`, the `foot`, and the label of the one whose page is shown (`here`)."""
    request = context["request"]
    # A request may be refused before its user was looked up.
    user = getattr(request, "user", None) or AnonymousUser()
    hidden = set() if user.is_staff else {*FOR_STAFF}
    if user.is_anonymous:
        hidden.add("notices:list")
    current = _current(request.path)

    def shown(part: tuple[tuple[str, str, str], ...]) -> list[Place]:
        return [
            Place(name, icon, label, path_of(name) if name in OF_NO_SPACE else in_space(context, name), name == current)
            for name, icon, label in part
            if name not in hidden
        ]

    groups, foot = [shown(FILES), shown(TEAM)], shown(FOOT)
    here = next((place.label for part in (*groups, foot) for place in part if place.is_here), "")
    return {"groups": groups, "foot": foot, "here": here}


def _current(path: str) -> str:
    """The place that a page belongs to, or an empty text."""
    for name, above in BELOW.items():
        if path.startswith(path_of(name)):
            return above
    return next((name for name, *_ in PLACES if path.startswith(path_of(name))), "")
