"""Tags for the row table: the columns of its address that it is sorted by, and the position of a fault in a filter."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.forms import query_string
from core.text import visible
from datasources.copies import chips
from datasources.models import Source
from datasources.rows import cells
from datasources.rows.tables import LABEL_AT, short

register = template.Library()

# A drag over a histogram replaces a condition that has one of them.
RANGES = ("gt", "gte", "lt", "lte", "between", "from_to")


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


@register.simple_tag(takes_context=True)
def plot_path(context: template.Context, source: Source) -> str:
    """The address of a plot of the rows shown."""
    asked = context["request"].GET
    kept = {name: asked[name] for name in ("filter", "q", "check", "key", "team", "back") if asked.get(name)}
    return reverse("sources:plot", args=[source.datasource_id]) + (query_string(kept) if kept else "")


def _sorted(parameters: dict[str, Any], pairs: Sequence[tuple[str, str]]) -> str:
    return query_string(parameters, sort=[name for name, _ in pairs], order=[order for _, order in pairs])


@register.simple_tag(takes_context=True)
def filter_chips(context: template.Context) -> list[dict[str, Any]]:
    """The conditions of the filter in words, each with its place and the address without it.

    `joined` is the word between a condition and the one before it, `other` the address with the other word. A group
    within the filter `opens` with its first condition and `closes` with its last one.
    """
    parameters, table = dict(context["request"].GET.lists()), context.get("table")
    change = reverse("sources:filter", args=[context["source"].datasource_id])
    names = [column.name for column in table.every] if table else None
    typed = context["state"]["filter"].strip()
    group = chips.read(typed, names) if typed else chips.Group()
    # An expression without chips is shown as it was typed.
    is_whole = [chip.operator for chip in group.chips] == [chips.Operator.TEXT]
    found: list[dict[str, Any]] = []
    for at, chip in chips.listed(group):
        kind, place = _joined(group, at)
        is_any = kind is chips.Kind.ANY
        one: dict[str, Any] = {
            "at": at,
            "words": typed if is_whole else chips.words(chip),
            "is_text": chip.operator is chips.Operator.TEXT,
            "opens": at.endswith(".0"),
            "closes": _closes(group, at),
            "range": chip.column if chip.operator in RANGES and "." not in at else "",
            "href": query_string(parameters, filter=chips.text(chips.with_removed(group, at))),
        }
        if kind:
            one["joined"] = "or" if is_any else "and"
            one["other"] = change + query_string(parameters, row="", do="set", any=int(not is_any), at=place)
        found.append(one)
    return found


def _joined(group: chips.Group, at: str) -> tuple[chips.Kind | None, str]:
    """How a condition is joined to the one before it, and the place of the group of both; "" for the whole filter."""
    first, _, inner = at.partition(".")
    item = group.items[int(first)]
    if inner not in ("", "0") and isinstance(item, chips.Group):
        return item.kind, first
    return (None if first == "0" else group.kind), ""


def _closes(group: chips.Group, at: str) -> bool:
    """Whether the condition is the last one of a group within the filter."""
    first, _, inner = at.partition(".")
    item = group.items[int(first)]
    return isinstance(item, chips.Group) and int(inner) == len(item.items) - 1


@register.filter
def column_name(name: str) -> SafeString:
    """A column's name as HTML for elements of class `names`: what can't be seen is marked, a blank one is called so."""
    if cells.is_blank(name):
        return SafeString('<span class="no-name">no name</span>')
    return SafeString(f"<bdi>{cells.marked(short(visible(name), LABEL_AT))}</bdi>")


@register.simple_tag
def marked_at(text: str, position: int) -> SafeString:
    """A user's text with the character at `position` marked; a text that ends too early is marked at its end."""
    before, at, after = (
        visible(part) for part in (text[:position], text[position : position + 1], text[position + 1 :])
    )
    return format_html("{}<mark>{}</mark>{}", before, at if at.strip() else "\u2423", after)
