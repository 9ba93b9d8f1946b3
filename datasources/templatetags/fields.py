"""Fields of forms: their widgets, and the values with which they were rendered."""

from django import template
from django.forms import BoundField, CheckboxInput, Select
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's widget with the look's classes."""
    widget = field.field.widget
    name = "form-check-input" if isinstance(widget, CheckboxInput) else "form-control"
    name = "form-select" if isinstance(widget, Select) else name
    return field.as_widget(attrs={"class": f"{name} is-invalid" if field.errors else name}) + shown(field)


@register.filter
def shown(field: BoundField) -> SafeString:
    """The value with which the form was rendered, hidden, where the field wants to know what was changed since."""
    # No id: a page may have several forms of a kind.
    return field.as_hidden({"id": False}, only_initial=True) if field.field.show_hidden_initial else SafeString()


@register.filter
def is_checkbox(field: BoundField) -> bool:
    return isinstance(field.field.widget, CheckboxInput)
