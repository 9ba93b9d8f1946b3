"""Tags of the details page: the line below the name of a file, and further fields of the API for people."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from datasources.models import Source
from datasources.sources import contents
from datasources.templatetags import claro

register = template.Library()

# Fields within fields down to here are lists, further ones JSON; of long lists the first entries.
LEVELS, ENTRIES = 4, 100
_WORDS = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+|[A-Z][a-z0-9]*)*", re.ASCII)
_BREAKS = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@register.simple_tag
def summary(known: contents.Contents, source: Source) -> str:
    """ "12,000 rows · 10 columns · 1.6 MB", as far as it is known."""
    counts = ((known.rows, "row"), (known.columns, "column"))
    parts = [f"{number:,} {word}{'' if number == 1 else 's'}" for number, word in counts if number is not None]
    if source.size_bytes is not None:
        parts.append(claro.short_size(source.size_bytes))
    return " · ".join(parts)


@register.filter
def in_words(facts: dict[str, object]) -> list[tuple[str, object]]:
    """The fields that the page shows nowhere else."""
    elsewhere = {name for name in ("rowCount", "columnCount") if type(facts.get(name)) is int}
    if contents.columns_in(facts.get("columns")):
        elsewhere.add("columns")
    return [(name, value) for name, value in facts.items() if name not in elsewhere]


@register.filter
def in_plain_words(name: str) -> str:
    """ "Row count" for `rowCount` and `row_count`; a name of another form as it is."""
    if not _WORDS.fullmatch(name):
        return claro.visible(name)
    return " ".join(_BREAKS.split(name)).lower().capitalize()


@register.simple_tag
def fact(value: object) -> SafeString:
    """A value of the API for people: lists and objects folded, times local, numbers with their own digits."""
    return _shown(value, 0)


def _shown(value: object, level: int) -> SafeString:
    if value is None:
        return SafeString('<span class="text-secondary">–</span>')
    if isinstance(value, bool):
        return SafeString("Yes" if value else "No")
    if not claro.is_nested(value):
        return _text(str(value))
    if not value:
        return SafeString('<span class="text-secondary">None</span>')
    if level >= LEVELS:
        return format_html('<pre tabindex="0">{}</pre>', claro.pretty_json(value))
    return _fields(value, level) if isinstance(value, dict) else _entries(value, level)


def _text(text: str) -> SafeString:
    if _MOMENT.fullmatch(text):
        try:
            return claro.moment_of(datetime.fromisoformat(text).astimezone(UTC))
        except (ValueError, OverflowError):
            pass
    return format_html("<bdi>{}</bdi>", claro.visible(text))


def _fields(value: dict[str, object], level: int) -> SafeString:
    lines = (
        (claro.visible(name), in_plain_words(name), _shown(inner, level + 1))
        for name, inner in list(value.items())[:ENTRIES]
    )
    inner = format_html_join("", '<dt title="{}"><bdi>{}</bdi></dt><dd>{}</dd>', lines)
    return _folded(len(value), "field", format_html('<dl class="facts">{}{}</dl>', inner, _more(value)))


def _entries(value: Sequence[object], level: int) -> SafeString:
    """Short lists of texts and numbers are one line."""
    if not any(map(claro.is_nested, value)) and sum(len(str(one)) for one in value) <= 200:
        return format_html_join(", ", "{}", ((_shown(one, level + 1),) for one in value))
    inner = format_html_join("", "<li>{}</li>", ((_shown(one, level + 1),) for one in value[:ENTRIES]))
    return _folded(len(value), "item", format_html("<ol>{}{}</ol>", inner, _more(value)))


def _more(value: dict | Sequence) -> SafeString:
    left, tags = len(value) - ENTRIES, ("<dt>…</dt><dd>{} more</dd>" if isinstance(value, dict) else "<li>{} more</li>")
    return format_html(tags, f"{left:,}") if left > 0 else SafeString("")


def _folded(count: int, word: str, inner: SafeString) -> SafeString:
    ending = "" if count == 1 else "s"
    return format_html("<details><summary>{} {}{}</summary>{}</details>", f"{count:,}", word, ending, inner)
