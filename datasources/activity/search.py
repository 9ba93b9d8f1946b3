"""The activity log as requested: filtered, paged, in words, as CSV."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from core.text import no_formula, visible
from datasources.activity import repeats
from datasources.activity.words import GROUPS, label, parts
from datasources.models import AuditEvent

# Lines of a page, and how many events are read for each at most: repeats are one line.
PER_PAGE, EVENTS_PER_LINE = 50, 4
# Lines of the export that are read at once.
CHUNK = 500
COLUMNS = ("time (UTC)", "who", "what", "in words", "about", "source", "key", "address", "program")


@dataclass(frozen=True)
class Page:
    """Events, the newest first, and between which of them the pages beside this one lie; None where there is none."""

    events: list[AuditEvent]
    newer: int | None
    older: int | None

    @cached_property
    def lines(self) -> list[repeats.Line]:
        return repeats.fold(self.events)


def narrowed(events: QuerySet[AuditEvent], state: dict[str, Any]) -> QuerySet[AuditEvent]:
    """Those that `state` (ActivityForm.state) asks for."""
    if group := GROUPS.get(state["what"]):
        events = events.filter(what__in=group.words)
    elif state["what"]:
        events = events.filter(what=state["what"])
    if state["who"]:
        events = events.filter(_has(state["who"], "who", "actor__name"))
    for name, field in (("key", "key_uuid"), ("source", "datasource_id")):
        if state[name]:
            events = events.filter(**{field: state[name]})
    if state["since"]:
        events = events.filter(at__gte=_midnight(state["since"]))
    if state["until"]:
        events = events.filter(at__lt=_midnight(state["until"] + timedelta(days=1)))
    for word in state["q"].split():
        events = events.filter(_has(word, "who", "actor__name", "about", "key_label", "address"))
    return events


def _has(text: str, *fields: str) -> Q:
    return Q(*((f"{field}__icontains", text) for field in fields), _connector=Q.OR)


def page(events: QuerySet[AuditEvent], before: int | str = "", after: int | str = "") -> Page:
    """The page before or after an event, else the newest. One query, by event id.

    New events shift nothing between pages.
    """
    if after:
        shown, are_more = _of_a_page(events.filter(pk__gt=after).order_by("pk"))
        if are_more:
            return Page(shown[::-1], newer=shown[-1].pk, older=shown[0].pk)
    shown, are_more = _of_a_page((events.filter(pk__lt=before) if before else events).order_by("-pk"))
    older = shown[-1].pk if are_more else None
    return Page(shown, newer=shown[0].pk if before and shown else None, older=older)


def _of_a_page(events: QuerySet[AuditEvent]) -> tuple[list[AuditEvent], bool]:
    """The first of these events, as many as make a page of lines, and whether there are more."""
    most = PER_PAGE * EVENTS_PER_LINE
    found = list(events[: most + 1])
    shown = [event for line in repeats.fold(found[:most])[:PER_PAGE] for event in line.events]
    return shown, len(found) > len(shown)


def csv_lines(events: QuerySet[AuditEvent]) -> Iterator[str]:
    """The log as CSV, read in chunks: a user who loses access receives no more of it."""
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + _lines([COLUMNS])  # by which Excel knows that it is UTF-8
    last = None
    while chunk := list((events.filter(pk__lt=last) if last else events).order_by("-pk")[:CHUNK]):
        yield _lines(map(_cells, chunk))
        last = chunk[-1].pk


def cell(value: object) -> str:
    """A text that every spreadsheet takes for a text."""
    return no_formula(visible(str(value)))


def _cells(event: AuditEvent) -> list[str]:
    sentence = "".join(text for _, text in parts(event))
    at = event.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    about = (event.about, event.datasource_id or "", event.key_label, event.address or "", event.agent)
    return [cell(value) for value in (at, event.who, label(event), sentence, *about)]


def _lines(rows) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def _midnight(day) -> datetime:
    """When the day begins where the reader is."""
    return timezone.make_aware(datetime.combine(day, time.min))
