"""The filters of the log in words, such as "Downloads" and "last week", and the periods to choose from."""

from datetime import date, timedelta
from typing import Any

from django.template.defaultfilters import date as format_date
from django.utils import timezone

from datasources.activity.words import GROUPS, labels


def chips(state: dict[str, Any], key_label: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each filter of `state` (ActivityForm.state) in words, with the names of the parameters that it consists of."""
    found = [
        (f"“{state['q']}”" if state["q"] else "", ("q",)),
        (f"by {state['who']}" if state["who"] else "", ("who",)),
        (_kind(state["what"]), ("what",)),
        (f"key {key_label}" if state["key"] else "", ("key",)),
        ("about one file" if state["source"] else "", ("source",)),
        (period(state["since"], state["until"]), ("since", "until")),
    ]
    return [(words, names) for words, names in found if words]


def periods(today: date) -> dict[str, tuple[date, date]]:
    """The days that have a name, first and last; `today` is the reader's."""
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    yesterday, month_end = today - timedelta(days=1), first - timedelta(days=1)
    return {
        "today": (today, today),
        "yesterday": (yesterday, yesterday),
        "last 7 days": (today - timedelta(days=6), today),
        "last week": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "last 30 days": (today - timedelta(days=29), today),
        "last month": (month_end.replace(day=1), month_end),
    }


def period(since: date | str, until: date | str) -> str:
    """The period in words; empty for no limits. A period without an end lasts until today."""
    today = timezone.localdate()
    named = {days: name for name, days in periods(today).items()}
    if since and (name := named.get((since, until or today))):
        return name
    if since and since == until:
        return f"on {_day(since)}"
    if since and until:
        return f"{_day(since)} to {_day(until)}"
    return f"since {_day(since)}" if since else f"until {_day(until)}" if until else ""


def _kind(what: str) -> str:
    return GROUPS[what].name if what in GROUPS else labels().get(what, "")


def _day(day: date) -> str:
    return format_date(day, "j F Y")
