"""Tags for the row table: the columns of its address that it is sorted by, and the position of a fault in a filter."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.forms import query_string
from core.text import visible

register = template.Library()


@register.simple_tag(takes_context=True)
def sorts(context: template.Context) -> list[dict[str, str]]:
    """The columns that the rows are sorted by, each with the address without it."""
    pairs = context["state"]["sorts"]
    parameters = dict(context["request"].GET.lists())
    found = []
    for name, order in pairs:
        others = [pair for pair in pairs if pair[0] != name]
        href = query_string(parameters, sort=[one for one, _ in others], order=[one for _, one in others])
        found.append({"name": name, "order": order, "href": href})
    return found


@register.simple_tag
def marked_at(text: str, position: int) -> SafeString:
    """A user's text with the character at `position` marked; a text that ends too early is marked at its end."""
    before, at, after = (
        visible(part) for part in (text[:position], text[position : position + 1], text[position + 1 :])
    )
    return format_html("{}<mark>{}</mark>{}", before, at if at.strip() else "\u2423", after)
