"""The line above the list of sources."""

from html import escape

from django import template
from django.utils.safestring import SafeString

from core.forms import query_string
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
