"""The columns of a row table as choices, rendered by functions: a template takes ten times as long."""

from collections.abc import Sequence
from html import escape

from django import template
from django.utils.safestring import SafeString

from datasources.rows import column_changes
from datasources.rows.choices import Choice
from datasources.rows.tables import Column, Table, short

register = template.Library()

LABEL_AT = 60


@register.simple_tag
def chooser_facts(names: Sequence[str]) -> SafeString:
    """The hidden field by which the server knows that places still mean the same columns."""
    return SafeString(f'<input type="hidden" name="of" value="{column_changes.digest(names)}">')


@register.simple_tag
def column_boxes(names: Sequence[str], choice: Choice, find: str = "") -> SafeString:
    """For the chooser. Shown columns are checked; as the last part, how many are not listed."""
    shown = set(choice.shown(names))
    listed = column_changes.listed(names, choice, find)
    among = f'<input type="hidden" name="among" value="{" ".join(str(column.place) for column in listed)}">'
    boxes = "".join(_box(column, is_shown=column.name in shown) for column in listed)
    left = len(set(names)) - len(listed)
    more = f'<p class="small text-secondary" data-more>{left:,} more. Search for their names.</p>' if left else ""
    none = "" if listed else '<p class="text-secondary">No column has this in its name.</p>'
    return SafeString(f'{among}<ul class="columns">{boxes}</ul>{more}{none}')


@register.simple_tag
def column_picks(table: Table) -> SafeString:
    """Buttons of the columns that can be filtered by, for a form with the rest of an address."""
    return SafeString("".join(_pick("c", one) for one in table.listed if not one.refusal))


@register.simple_tag
def sort_picks(table: Table, sorted_names: set[str]) -> SafeString:
    """Buttons of the columns that the rows can be sorted by, without those that they are sorted by."""
    free = (one for one in table.listed if not one.refusal and one.name not in sorted_names)
    return SafeString("".join(_pick("sort", one) for one in free))


def _pick(name: str, column: Column) -> str:
    return f'<li><button name="{name}" value="{escape(column.name)}">{_label(column)}</button></li>'


def _box(column: Column, *, is_shown: bool) -> str:
    checked = " checked" if is_shown else ""
    many = f" ({column.namesakes} columns)" if column.namesakes > 1 else ""
    box = f'<input type="checkbox" class="form-check-input" name="on" value="{column.place}"{checked}>'
    label = _label(column)
    only = f'<button class="only" name="do" value="only {column.place}" aria-label="Only {label}">Only</button>'
    grip = '<button type="button" class="grip js-only" tabindex="-1" aria-hidden="true"></button>' if is_shown else ""
    return f'<li id="column-{column.place}">{grip}<label>{box} <bdi>{label}</bdi>{many}</label>{only}</li>'


def _label(column: Column) -> str:
    return escape(short(column.label, LABEL_AT))
