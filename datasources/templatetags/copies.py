"""Words about whole-table copies."""

import math
from datetime import datetime, timedelta

from django import template
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datasources.copies import chips
from datasources.templatetags.claro import duration

register = template.Library()


@register.filter
def about(seconds: float) -> str:
    """An estimate, rounded up: "about 35 s", "about 11 min", "about 2 h 47 min"."""
    if seconds <= 10:
        return "a few seconds"
    if seconds <= 55:
        return f"about {math.ceil(seconds / 5) * 5} s"
    return f"about {duration(timedelta(minutes=math.ceil(seconds / 60)))}"


@register.filter
def moment(at: datetime | None) -> SafeString:
    """The time of day, with the date before today."""
    if not at:
        return SafeString("–")
    local = timezone.localtime(at)
    words = format_date(local, "H:i" if local.date() == timezone.localdate() else "j M Y, H:i")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), format_date(local, "r"), words)


@register.filter
def filter_words(filter: str) -> str:
    """A filter in words, such as "price > 500 and brand is Acme"."""
    return chips.sentence(chips.read(filter))


@register.simple_tag(takes_context=True)
def copy_next(context: template.Context) -> SafeString:
    """The hidden field of a form on a page of rows: without scripts, its address is where the form leads back to."""
    return format_html('<input type="hidden" name="next" value="{}">', context["request"].get_full_path())
