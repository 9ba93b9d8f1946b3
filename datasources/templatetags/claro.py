"""How times, sizes, counts and hostile names are written; loaded into every template by the settings."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from urllib.parse import urlencode
from uuid import UUID

from django import template
from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts import roles
from accounts.people import name_of
from accounts.templatetags import people
from core.forms import query_string
from core.text import visible as without_traps
from datasources import saved_views
from datasources.activity import words
from datasources.activity.repeats import Line
from datasources.claro import numbers
from datasources.claro.bodies import storable
from datasources.models import AuditEvent, Source

register = template.Library()
register.filters.update(people.register.filters)

# content type: icon, short name
KINDS = {
    "text/csv": ("file-type-csv", "CSV"),
    "text/tab-separated-values": ("file-type-csv", "TSV"),
    "application/json": ("braces", "JSON"),
    "application/x-ndjson": ("file-code", "JSONL"),
    "application/jsonl": ("file-code", "JSONL"),
    "application/pdf": ("file-type-pdf", "PDF"),
    "text/plain": ("file-text", "Text"),
}
UNITS = ("bytes", "kB", "MB", "GB", "TB")
ANY = UUID(int=0)
# Shorter than this is not counted in seconds.
MOMENTS = timedelta(seconds=10)


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, classes: str = "") -> SafeString:
    """An icon of static/vendor/tabler-icons/icons.css; decorative, beside its label."""
    return format_html('<span class="icon icon-{}{}" aria-hidden="true"></span>', name, classes and f" {classes}")


@register.filter
def ago(at: datetime | None) -> SafeString:
    """How long ago, the exact time on hover; static/js/times.js keeps it right. Same words there."""
    return _time(at, "data-ago", _ago(timezone.now() - at)) if at else SafeString("–")


def moment_of(at: datetime) -> SafeString:
    """The local date and time."""
    return _time(at, "", format_date(_local(at), "j M Y, H:i"))


def short_ago(at: datetime, now: datetime) -> str:
    """The same in few bytes, for lists: static/js/times.js adds the exact time."""
    return _short(at, "data-ago", _ago(now - at))


def short_lasting(since: datetime) -> str:
    """As `lasting`, in few bytes."""
    return _short(since, "data-lasting", _lasting(timezone.now() - since))


@register.filter
def lasting(since: datetime) -> SafeString:
    """For how long until now, the beginning on hover; kept right like `ago`. A time to come has lasted for 1 s."""
    return _time(since, "data-lasting", _lasting(timezone.now() - since))


@register.filter
def until(at: datetime | None) -> SafeString:
    """How long still, the exact time on hover."""
    if not at:
        return SafeString("–")
    left = at - timezone.now()
    return _time(at, "data-until", _left(left) if left > timedelta(0) else "0 s")


@register.filter
def countdown(at: datetime | None) -> SafeString:
    """The time until an automatic event, and "a moment" after that; also where it came while the page was made."""
    if not at:
        return SafeString("a moment")
    left = at - timezone.now()
    words = _left(left) if left > timedelta(0) else "a moment"
    return _time(at, SafeString('data-until="a moment"'), words)


@register.filter
def last_day(at: datetime) -> SafeString:
    """The last day before a time, the exact time on hover. Less than two days ahead, with the hour."""
    if at - timezone.now() < timedelta(days=2):
        return _time(at, "", format_date(_local(at), "j F, H:i T"))
    return _time(at, "", format_date(_local(at - timedelta(seconds=1)), "j F"))


@register.filter
def clock(at: datetime) -> SafeString:
    """The time of day, for something soon."""
    return _time(at, "data-clock", format_date(_local(at), "H:i:s"))


@register.filter
def duration(span: timedelta | None) -> str:
    """In the two largest units."""
    if span is None:
        return ""
    seconds = round(span.total_seconds())
    if seconds < 1:
        return "under 1 s"
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    place = next(place for place, (_, size) in enumerate(units) if seconds >= size)
    parts = []
    for name, size in units[place : place + 2]:
        n, seconds = divmod(seconds, size)
        if n:
            parts.append(f"{n} {name}")
    return " ".join(parts)


@register.filter
def size(number: int | None) -> SafeString:
    """Bytes in a readable unit, all of them on hover."""
    if number is None:
        return SafeString("–")
    return format_html('<span title="{} bytes">{}</span>', count(number), short_size(number))


def short_size(number: int) -> str:
    # 999.5 is written as 1000, hence as 1 of the next unit.
    power = next((power for power in range(len(UNITS)) if abs(number) < 999.5 * 1000**power), len(UNITS) - 1)
    value, unit = number / 1000**power, UNITS[power]
    shown = f"{number}" if unit == "bytes" else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
    return f"{shown} {unit}"


@register.filter
def count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


@register.filter
def visible(text: str) -> str:
    """Text of the API without characters that reorder or hide the surrounding text."""
    return without_traps(str(text))


@register.filter
def with_code(text: str) -> SafeString:
    """The dashboard's own text with backticks rendered as code."""
    parts = [escape(without_traps(part)) for part in text.split("`")]
    return mark_safe("".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)))  # noqa: S308


@register.filter
def kind_icon(content_type: str) -> str:
    return KINDS.get(content_type, ("file", ""))[0]


@register.filter
def kind(content_type: str) -> str:
    """The content type in a word, as it is where we don't know it."""
    return KINDS.get(content_type, ("", without_traps(content_type) or "unknown"))[1]


@register.filter
def pretty_json(value: object) -> str:
    return without_traps(numbers.shown(storable(value), indent=2))


@register.filter
def is_nested(value: object) -> bool:
    return isinstance(value, dict | list)


@register.filter
def delay_ms(at: datetime) -> int:
    """Milliseconds until then, at least half a second, at most a minute."""
    return min(max(round((at - timezone.now()).total_seconds() * 1000) + 250, 500), 60_000)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: object) -> str:
    """The address with some of its parameters changed, empty ones left out; a change leads to the first page."""
    return query_string(dict(context["request"].GET.lists()), **changes)


@register.simple_tag(takes_context=True)
def carry(context: template.Context, but_for: str) -> SafeString:
    """The page's parameters as hidden fields of a form, except those named (separated by spaces) and `row`."""
    fields = ((name, value) for name, values in context["request"].GET.lists() for value in values)
    new = ["row", *but_for.split()]
    return format_html_join(
        "", '<input type="hidden" name="{}" value="{}">', (field for field in fields if field[0] not in new)
    )


@register.simple_tag(takes_context=True)
def sort_header(
    context: template.Context,
    label: str,
    name: str,
    *,
    classes: str = "",
    priority: int | None = None,
) -> SafeString:
    """A column's header; its link sorts ascending, then descending."""
    state = context["state"]
    direction = {"asc": "ascending", "desc": "descending"}[state["order"]] if state["sort"] == name else ""
    order, words = ("desc", "descending") if direction == "ascending" else ("asc", "ascending")
    href = escape(query(context, sort=name, order=order))
    attributes = {"aria-sort": direction, "class": classes, "data-priority": priority}
    given = "".join(f' {key}="{value}"' for key, value in attributes.items() if value)
    arrow = icon({"": "arrows-sort", "ascending": "arrow-up", "descending": "arrow-down"}[direction])
    link = f'<a class="sort-link" id="sort-{name}" href="{href}" title="Sort {words}">'
    return SafeString(f'<th scope="col"{given}>{link}<bdi>{escape(label)}</bdi>{arrow}</a></th>')


@register.simple_tag
def sentence(event: AuditEvent) -> SafeString:
    """An event as a sentence, with user and object names marked; an existing source is a link."""
    looks = {"about": '<a href="{1}"><bdi>{0}</bdi></a>'} if event.href else {}
    return _marked(event, words.parts(event), looks)


@register.simple_tag
def sentence_of(line: Line) -> SafeString:
    """The same about several events; without a link, because it is pressed to unfold them."""
    return _marked(line.first, line.parts, {})


def _marked(event: AuditEvent, parts: Iterable[tuple[str, str]], looks: dict[str, str]) -> SafeString:
    who = "<strong><bdi>{}</bdi></strong>"
    if event.actor and event.actor.name:  # its name of today; the address is that of then
        who = '<strong><bdi title="{0}">{2}</bdi></strong>'
    looks, name = {"": "{}", "who": who, **looks}, name_of(event.actor)
    return SafeString(
        "".join(format_html(looks.get(part, "<bdi>{}</bdi>"), text, event.href, name) for part, text in parts)
    )


@register.filter
def event_icon(event: AuditEvent) -> str:
    return words.icon(event)


@register.filter
def sentence_case(label: str) -> str:
    """Sentence case for the labels of allauth's forms, such as "New Password"."""
    return re.sub(r"(?<= )[A-Z](?=[a-z])", lambda found: found[0].lower(), str(label))


@register.filter
def split(text: str) -> list[str]:
    return text.split()


@register.simple_tag
def get_item(mapping: dict, name: str) -> object:
    return mapping.get(name, "")


@register.simple_tag(takes_context=True)
def in_space(context: template.Context, name: str) -> str:
    """The path of a page, in the space where the reader is."""
    space = context.get("space")
    return f"{path_of(name)}?team={space.name}" if space and space.name else path_of(name)


@cache
def path_of(name: str) -> str:
    """The path of a page without arguments: each page asks for about twenty, and resolving takes 10 µs."""
    return reverse(name)


@register.filter
def may(role: int | None, action: str) -> bool:
    """True if this role has the permission (accounts/roles.py)."""
    return roles.may(role, roles.Action(action))


@register.inclusion_tag("views/_save.html", takes_context=True)
def save_view(context: template.Context, name: str, *args: object, again: bool = False) -> dict[str, object]:
    """A link that saves this page as a view, if its URL has more than the parameters of a list page.

    For an open view its name, whether the page differs from it, and what can be done with it. `again` is for a place
    where the page has it a second time: the button alone.
    """
    asked, path = context["request"].GET, reverse(name, args=args)
    shown = urlencode({"path": path, "query": asked.urlencode()})
    found: dict[str, object] = {"href": f"{reverse('views:add')}?{shown}", "again": again}
    view = saved_views.of_address(context.get("saved_views", ()), path, asked)
    if view:
        table = context.get("table")
        gone = saved_views.missing(view, [column.name for column in table.every]) if table else []
        is_changed = saved_views.is_changed(view, asked)
        return found | {"view": view, "is_changed": is_changed, "shown": shown, "missing": gone}
    has_state = any(value for name, value in asked.items() if name not in saved_views.PLACES)
    return found if has_state else {}


@register.simple_tag(takes_context=True)
def source_url(context: template.Context, name: str, source: Source) -> str:
    """A page of the source, through its key where several reach it; with the back link."""
    asked = context["request"].GET
    path = _path_of_any(name).replace(str(ANY), str(source.datasource_id))
    parameters = {"team": asked["team"]} if asked.get("team") else {}
    if len(context.get("keys", ())) > 1 or "key" in asked:
        parameters["key"] = str(source.key_id)
    if back := context.get("back_query") or asked.get("back"):
        parameters["back"] = back
    return f"{path}?{urlencode(parameters)}" if parameters else path


@lru_cache(maxsize=16)
def _path_of_any(name: str) -> str:
    """The path of a source's page with ANY in place of its id: resolving is the slowest part of a list row."""
    return reverse(name, args=[ANY])


def _time(at: datetime, attribute: str, words: str) -> SafeString:
    local = _local(at)
    exact = local.strftime(f"%a {local.day} %b %Y, %H:%M:%S %Z")  # twenty times as fast as Django's date format
    # Nothing in here comes from outside; a list has some hundred of them, and escaping takes longer than all the rest.
    return SafeString(f'<time datetime="{at.isoformat()}" title="{exact}" {attribute}>{words}</time>')


def _short(at: datetime, attribute: str, words: str) -> str:
    return f"<time datetime={at.astimezone(UTC).isoformat()[:19]}Z {attribute}>{words}</time>"


def _local(at: datetime) -> datetime:
    """In the reader's time zone; as it is where that zone lacks the date: the first and the last day of all."""
    try:
        return timezone.localtime(at)
    except OverflowError:
        return at


def _left(span: timedelta) -> str:
    """`duration`, but one unit alone from ten of it (three days) on: 15 min, not 14 min 58 s. Hours up to two days."""
    seconds = round(span.total_seconds())
    units = (("d", 86_400, 2, 3), ("h", 3600, 1, 10), ("min", 60, 1, 10), ("s", 1, 0, 10))
    name, size, rounded = next((name, size, many) for name, size, least, many in units if seconds >= least * size)
    return f"{round(seconds / size)} {name}" if seconds >= rounded * size else duration(span)


def _ago(span: timedelta) -> str:
    return "just now" if span < MOMENTS else f"{_span(span)} ago"


def _lasting(span: timedelta) -> str:
    return _span(max(span, timedelta(seconds=1)))


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 59.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 23.5 * 3600:
        return f"{seconds / 3600:.0f} h"
    days = round(seconds / 86_400)
    if days < 60:
        return f"{days} day{'s' if days > 1 else ''}"
    if days < 700:
        return f"{days / 30.4:.0f} months"
    return f"{days / 365.25:.0f} years"
