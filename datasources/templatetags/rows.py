"""Tags for the row table: the columns of its address that it is sorted by, and the position of a fault in a filter."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.forms import query_string
from core.text import visible
from datasources.copies import chips

register = template.Library()


@register.simple_tag(takes_context=True)
def sorts(context: template.Context) -> list[dict[str, str]]:
    """The columns that the rows are sorted by, each with the address without it, and with its order turned round."""
    pairs = context["state"]["sorts"]
    parameters = dict(context["request"].GET.lists())
    found = []
    for name, order in pairs:
        other = "asc" if order == "desc" else "desc"
        turned = [(one, other if one == name else its) for one, its in pairs]
        others = [pair for pair in pairs if pair[0] != name]
        href, turned_href = (_sorted(parameters, sorts) for sorts in (others, turned))
        found.append({"name": name, "order": order, "href": href, "turned": turned_href})
    return found


def _sorted(parameters: dict[str, Any], pairs: Sequence[tuple[str, str]]) -> str:
    return query_string(parameters, sort=[name for name, _ in pairs], order=[order for _, order in pairs])


@register.simple_tag(takes_context=True)
def conditions(context: template.Context) -> list[dict[str, str]]:
    """The conditions of the filter in words, each with its place and the address without it."""
    parameters, text = dict(context["request"].GET.lists()), context["state"]["filter"]
    table = context.get("table")
    group = chips.read(text, [column.name for column in table.every] if table else None)
    found, last = [], ""
    for at, chip in chips.listed(group):
        first, _, inner = at.partition(".")
        is_any = group.kind is chips.Kind.ANY if not inner or first != last else group.items[int(first)].kind == "any"
        last, href = first, query_string(parameters, filter=chips.text(chips.with_removed(group, at)), row="")
        word = "or" if is_any else "and" if inner else ""
        is_typed = chip.operator is chips.Operator.TEXT
        found.append({"text": chips.words(chip), "at": at, "href": href, "word": word, "is_typed": is_typed})
    if found:
        found[0]["word"] = ""
    return found


@register.simple_tag
def marked_at(text: str, position: int) -> SafeString:
    """A user's text with the character at `position` marked; a text that ends too early is marked at its end."""
    before, at, after = (
        visible(part) for part in (text[:position], text[position : position + 1], text[position + 1 :])
    )
    return format_html("{}<mark>{}</mark>{}", before, at if at.strip() else "\u2423", after)
