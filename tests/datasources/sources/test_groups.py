import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from accounts.middleware import reader_zone
from datasources import access, keys
from datasources.models import ApiKey, Source
from datasources.sources import groups
from datasources.sources.forms import SourceListForm
from datasources.sources.listing import listing

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
# Name, key, status, hours ago, size.
FILES = [
    ("a", "zebra", "completed", 1, 30),
    ("b", "Apple", "failed", 2, 20),
    ("c", "zebra", "processing", 11.5, 10),
    ("d", "Apple", "completed", 12.5, 40),
    ("e", "Apple", "paused", 37, 60),
    ("f", "zebra", "completed", None, 50),
]


@pytest.fixture
def shelf(alice):
    by_label = {
        label: keys.add(alice, label, f"claro_live_{label}", ApiKey.State.VALID) for label in ("zebra", "Apple")
    }
    for name, label, status, hours, size in FILES:
        Source.objects.create(
            key=by_label[label],
            datasource_id=uuid.uuid4(),
            file_name=name,
            status=status,
            size_bytes=size,
            uploaded_at=hours and NOW - timedelta(hours=hours),
            first_seen_at=NOW,
            last_seen_at=NOW,
        )


def grouped(alice, **query) -> list[tuple[str, str]]:
    """Each group of a page: its heading, and the names of its files."""
    state = SourceListForm(query).state()
    found = listing(access.list_keys(alice), state, alice)
    parts = groups.of_page(found.sources, state["group"])
    return [(group.heading, "".join(source.file_name for source in group.sources)) for group in parts]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [("", "abcdef")]),
        ({"group": "key"}, [("Apple", "bde"), ("zebra", "acf")]),
        ({"group": "key", "sort": "size", "order": "asc"}, [("Apple", "bde"), ("zebra", "caf")]),
        ({"group": "status"}, [("Processing", "c"), ("paused", "e"), ("Failed", "b"), ("Completed", "adf")]),
        (
            {"group": "status", "sort": "size"},
            [("Processing", "c"), ("paused", "e"), ("Failed", "b"), ("Completed", "fda")],
        ),
        (
            {"group": "day"},
            [("Today", "abc"), ("Yesterday", "d"), ("Wednesday, 25 November 2026", "e"), ("Without a date", "f")],
        ),
        (
            {"group": "day", "order": "asc", "q": "", "status": "completed"},
            [("Yesterday", "d"), ("Today", "a"), ("Without a date", "f")],
        ),
        ({"group": "day", "sort": "size", "order": "asc", "limit": 4}, [("Today", "cba"), ("Yesterday", "d")]),
        ({"group": "key", "limit": 2, "page": 2}, [("Apple", "e"), ("zebra", "a")]),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_groups_are_whole_and_sorted_within(alice, shelf, query, expected):
    assert grouped(alice, **query) == expected


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize("sort", ["uploaded", "size"])
def test_days_are_those_of_the_reader(alice, shelf, sort):
    with timezone.override(ZoneInfo("Asia/Tokyo")):  # where it is 21:00, and 9 h later than in UTC
        found = {heading: set(names) for heading, names in grouped(alice, group="day", sort=sort)}
    assert found == {"Today": set("abcd"), "Yesterday": {"e"}, "Without a date": {"f"}}


@pytest.mark.parametrize("name", ["Factory", "posixrules", "localtime", "right/Europe/Berlin", "UTC", "Etc/GMT+5"])
def test_every_zone_of_a_cookie_can_be_used(alice, shelf, name):
    with timezone.override(reader_zone(name)):
        assert len("".join(names for _, names in grouped(alice, group="day", sort="size"))) == len(FILES)
