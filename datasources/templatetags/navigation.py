"""The places that every page leads to, in the order in which people need them."""

from dataclasses import dataclass
from functools import lru_cache

from django import template
from django.contrib.auth.models import AnonymousUser
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datasources.templatetags.claro import icon, in_space, path_of

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
    """`link` is its link without the end: that of the notices has a number in it besides."""

    name: str
    label: str
    link: SafeString
    is_here: bool


@register.simple_tag(takes_context=True)
def places(context: template.Context) -> dict[str, object]:
    """Those that the user may see: `main` (two groups), `foot`, and the label of the one that is shown (`here`)."""
    request = context["request"]
    # A request may be refused before its user was looked up.
    user = getattr(request, "user", None) or AnonymousUser()
    hidden = set() if user.is_staff else {*FOR_STAFF}
    if user.is_anonymous:
        hidden.add("notices:list")
    current = _current(request.path)

    def shown(part: tuple[tuple[str, str, str], ...], *, starts: bool = False) -> list[Place]:
        found = [one for one in part if one[0] not in hidden]
        hrefs = [path_of(name) if name in OF_NO_SPACE else in_space(context, name) for name, *_ in found]
        return [
            Place(name, label, _link(name, icon, label, href, name == current, starts and at == 0), name == current)
            for at, ((name, icon, label), href) in enumerate(zip(found, hrefs, strict=True))
        ]

    main, foot = shown(FILES, starts=True) + shown(TEAM, starts=True), shown(FOOT)
    here = next((place.label for place in (*main, *foot) if place.is_here), "")
    return {"main": main, "foot": foot, "here": here}


@lru_cache(maxsize=1024)  # every page has them all
def _link(name: str, icon_name: str, label: str, href: str, is_here: bool, starts: bool) -> SafeString:
    return format_html(
        '<a class="nav-item-link{}" href="{}"{}{}>{}\n  <span class="label">{}</span>',
        " group-start" if starts else "",
        href,
        SafeString(' aria-current="page"' if is_here else ""),
        SafeString(' id="bell"' if name == "notices:list" else ""),
        icon(icon_name),
        label,
    )


def _current(path: str) -> str:
    """The place that a page belongs to, or an empty text."""
    for name, above in BELOW.items():
        if path.startswith(path_of(name)):
            return above
    return next((name for name, *_ in PLACES if path.startswith(path_of(name))), "")
