import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.http import QueryDict
from django.utils import timezone

from accounts.roles import Action
from datasources import access, keys
from datasources.deleting import bin
from datasources.models import ApiKey, Source
from datasources.sources import selection, summary
from datasources.sources.forms import SourceListForm
from datasources.sources.listing import listing

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def main(alice):
    return keys.add(alice, "main", "claro_live_main", ApiKey.State.VALID)


def add(key: ApiKey, name: str, **fields) -> Source:
    more = {"datasource_id": uuid.uuid4(), "status": "completed", "first_seen_at": NOW, "last_seen_at": NOW}
    return Source.objects.create(key=key, file_name=name, **{**more, **fields})


def parts(*keys: ApiKey) -> list[str]:
    owner = keys[0].owner
    found = listing(access.list_keys(owner), SourceListForm({}).state(), owner)
    return [part.words for part in summary.of_keys([key.pk for key in keys], found.totals)]


def parts_of(key: ApiKey) -> list[str]:
    return [part.words for part in summary.of_keys([key.pk], {})]


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("UTC", "2026-11-27T00:00Z", "2026-11-26T00:00Z"),
        ("UTC", "2026-11-27T23:59Z", "2026-11-26T00:00Z"),
        ("Europe/Berlin", "2026-11-27T22:59Z", "2026-11-25T23:00Z"),
        ("Europe/Berlin", "2026-11-27T23:00Z", "2026-11-26T23:00Z"),
        ("America/Los_Angeles", "2026-11-27T07:59Z", "2026-11-25T08:00Z"),
        # The clock is put forward, put back, and put forward at midnight itself.
        ("Europe/Berlin", "2026-03-30T10:00Z", "2026-03-28T23:00Z"),
        ("Europe/Berlin", "2026-03-31T10:00Z", "2026-03-29T22:00Z"),
        ("Europe/Berlin", "2026-10-26T10:00Z", "2026-10-24T22:00Z"),
        ("Africa/Cairo", "2026-04-25T10:00Z", "2026-04-23T22:00Z"),
        ("Pacific/Kiritimati", "2026-01-01T09:59Z", "2025-12-30T10:00Z"),
    ],
)
def test_since_yesterday_begins_at_midnight_of_the_reader_s_previous_day(zone, now, expected):
    with timezone.override(ZoneInfo(zone)), time_machine.travel(datetime.fromisoformat(now), tick=False):
        assert summary.since("yesterday").astimezone(UTC) == datetime.fromisoformat(expected)
    assert summary.since("") is None


@time_machine.travel(NOW, tick=False)
def test_the_line_counts_and_its_parts_find_as_many(alice, main):
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    add(main, "a", uploaded_at=midnight, row_count=1_000_000)
    add(main, "b", uploaded_at=midnight - timedelta(seconds=1), row_count=19_500)
    add(main, "c", uploaded_at=NOW, status="processing", row_count=5)
    add(main, "d", uploaded_at=None, status="failed")
    add(main, "e", uploaded_at=midnight - timedelta(days=1))
    assert parts(main) == ["2 new since yesterday", "1 processing", "1 failed", "1.02 million rows"]

    def names(**query) -> list[str]:
        found = listing(access.list_keys(alice), SourceListForm(query).state(), alice)
        assert found.matching == len(found.sources)
        return sorted(source.file_name for source in found.sources)

    assert names(since="yesterday") == ["a", "c"]
    assert names(since="yesterday", status="completed") == ["a"]
    assert names(since="yesterday", q="C") == ["c"]
    assert listing(access.list_keys(alice), SourceListForm({"since": "yesterday"}).state(), alice).total == 5
    state = SourceListForm(QueryDict("since=yesterday")).state()
    chosen = selection.choose(alice, access.EVERYTHING, state, None, Action.BROWSE)
    assert sorted(source.file_name for source in chosen.sources) == ["a", "c"]


@time_machine.travel(NOW, tick=False)
def test_parts_of_nothing_are_left_out_and_the_bin_does_not_count(alice, main):
    assert parts(main) == []
    one = add(main, "a", uploaded_at=NOW, row_count=1)
    assert parts(main) == ["1 new since yesterday", "1 row"]
    add(main, "gone", uploaded_at=NOW, row_count=7, gone_at=NOW)
    bin.put([one], alice)
    assert parts(main) == []


def test_the_total_of_rows_is_stored_and_follows_each_change(main, django_assert_num_queries):
    source = add(main, "a", row_count=5)
    with django_assert_num_queries(3):  # whether the bin is in use, what is new, and the total
        assert parts_of(main) == ["5 rows"]
    add(main, "b", row_count=2)
    assert parts_of(main) == ["7 rows"]
    source.note_rows(9)
    Source.objects.filter(pk=source.pk).update(row_count=0)
    assert parts_of(main) == ["2 rows"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (999_999, "999,999"),
        (1_000_000, "1 million"),
        (1_019_500, "1.02 million"),
        (12_340_000, "12.3 million"),
        (999_600_000, "1 billion"),
        (1_230_000_000, "1.23 billion"),
        (45_600_000_000_000, "45,600 billion"),
    ],
)
def test_large_numbers_are_rounded_to_three_digits(number, words):
    assert summary.rounded(number) == words
