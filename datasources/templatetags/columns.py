"""The columns of a row table as choices, rendered by functions: a template takes ten times as long."""

from html import escape

from django import template
from django.utils.safestring import SafeString

from datasources.rows.tables import Column, Table, short

register = template.Library()

LABEL_AT = 60


@register.simple_tag
def column_boxes(table: Table) -> SafeString:
    """For the chooser. Shown columns are checked."""
    shown = table.shown_names
    return SafeString("".join(_box(column, is_shown=column.name in shown) for column in table.listed))


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
    box = f'<input type="checkbox" class="form-check-input" name="column" value="{escape(column.name)}"'
    checked = " checked" if is_shown else ""
    many = f" ({column.namesakes} columns)" if column.namesakes > 1 else ""
    return f'<label class="form-check">{box}{checked}> <bdi>{_label(column)}</bdi>{many}</label>\n'


def _label(column: Column) -> str:
    return escape(short(column.label, LABEL_AT))
