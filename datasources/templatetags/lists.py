"""The line above the list of sources, and the tags of files."""

from html import escape
from itertools import groupby

from django import template
from django.utils.safestring import SafeString

from core.forms import query_string
from core.text import visible
from datasources.models import Tag
from datasources.sources.listing import FILTERED
from datasources.sources.summary import Part

register = template.Library()


@register.simple_tag(takes_context=True)
def summary_links(context: template.Context) -> SafeString:
    """The parts of `list_summary` as links that filter the list by it alone; the shown one leads back."""
    return SafeString(" · ".join(_link(context, part) for part in context["list_summary"]))


def _link(context: template.Context, part: Part) -> str:
    state, given = context["state"], dict(context["request"].GET.lists())
    # A status that is shown has its chip below the line.
    is_shown = part.name == "since" and state["since"] == part.value
    others = dict.fromkeys(FILTERED, "")
    href = escape(query_string(given, **(others if is_shown else {**others, part.name: part.value})))
    current = ' aria-current="true"' if is_shown else ""
    title = f' title="{escape(part.title)}"' if part.title else ""
    return f'<a href="{href}"{current}{title}>{escape(part.words)}</a>'


@register.simple_tag
def tag_name(tag: Tag, href: str = "") -> SafeString:
    """A tag as a chip; with `href` a link to the files that have it."""
    name, whose = escape(visible(tag.name)), escape(visible(tag.team.name)) if tag.team else "Only for you"
    element, target = ("a", f' href="{escape(href)}"') if href else ("span", "")
    return SafeString(f'<{element} class=tag{target} title="{whose}"><bdi>{name}</bdi></{element}>')


@register.simple_tag(takes_context=True)
def tag_choices(context: template.Context) -> SafeString:
    """The user's tags (`all_tags`) as options of a `select`, by team; also the shown one if it is none of these."""
    shown, parts = context["state"]["tag"], []
    if shown and all(tag.pk != shown for tag in context["all_tags"]):
        parts.append(f'<option value="{shown}" selected>Another tag</option>')
    for team, tags in groupby(context["all_tags"], key=lambda tag: tag.team):
        options = "".join(
            f'<option value="{tag.pk}"{" selected" if tag.pk == shown else ""}>{escape(visible(tag.name))}</option>'
            for tag in tags
        )
        parts.append(f'<optgroup label="{escape(visible(team.name)) if team else "Only for you"}">{options}</optgroup>')
    return SafeString("".join(parts))
