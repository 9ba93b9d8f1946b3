"""Parts of a page that reload themselves; loaded into every template by the settings."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datasources.models import Source

register = template.Library()


@register.simple_tag(takes_context=True, name="live")
def live_part(
    context: template.Context,
    *events: str,
    source: Source | None = None,
    url: str = "",
    glance: object = False,
    keep: bool = False,
) -> SafeString:
    """Attributes of a part of the page that reloads itself after these events, and after a lost connection.

    `source` adds the event about it. `url` is where, else the address of the page; `glance` also now and then, for what
    depends on the clock. `keep`: the part stays as it is when it is gone or forbidden.
    """
    names = [f"source-{source.datasource_id}"] if source else []
    names += [*events, "reconnected", *(["glance"] if glance else [])]
    return format_html(
        'hx-get="{}" hx-swap="outerMorph" hx-sync="this:queue last"{} hx-status:5xx="swap:none" hx-trigger="{}"',
        url or context["request"].get_full_path(),
        SafeString(' hx-status:4xx="swap:none"') if keep else "",
        ", ".join(_trigger(name) for name in names if name),
    )


def _trigger(event: str) -> str:
    """`watch-checked 15s`: at most so often."""
    name, _, pause = event.partition(" ")
    return f"{name} from:body throttle:{pause}" if pause else f"{name} from:body"
