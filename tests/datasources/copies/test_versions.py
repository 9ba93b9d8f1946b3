"""Which copies readers see, and which are deleted."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from datasources.copies import versions
from datasources.models import TableCopy
from tests.support.copy_rows import State, ended, processed_again, ready, under_way
from tests.support.sources import seen_by


@pytest.fixture
def source(alice):
    return processed_again(seen_by(alice, UUID(int=7)))


def test_a_source_without_copies_has_none(source):
    found = versions.of(source)
    assert (found.current, found.previous, found.under_way, found.unfinished) == (None, None, None, None)
    assert (found.is_old, found.is_up_to_date, found.has_any) == (False, False, False)
    assert versions.current(source) is None


def test_the_newest_ready_copy_serves_readers(source):
    hour = timedelta(hours=1)
    ready(source, finished_at=timezone.now() - hour)
    newest = ready(source)
    ready(source, finished_at=timezone.now() - 2 * hour)
    assert versions.current(source) == versions.of(source).current == newest
    assert versions.of(source).is_up_to_date


def test_readers_keep_the_old_version_until_the_new_one_is_complete(source):
    old = ready(source)
    processed_again(source)
    assert versions.of(source).is_old
    new = under_way(source)
    found = versions.of(source)
    assert (found.current, found.under_way, found.is_old, found.is_up_to_date) == (old, new, True, False)
    TableCopy.objects.filter(pk=new.pk).update(state=State.READY, finished_at=timezone.now())
    found = versions.of(source)
    assert (found.current, found.previous, found.is_old) == (new, old, False)


def test_an_ended_copy_of_an_older_version_is_not_resumed(source):
    stopped = ended(source, rows_read=50)
    assert versions.of(source).unfinished == stopped
    processed_again(source)
    assert versions.of(source).unfinished is None


def test_the_newest_of_the_ended_copies_counts(source):
    ended(source, created_at=timezone.now() - timedelta(hours=1))
    failed = ended(source, State.FAILED)
    assert versions.of(source).unfinished == failed


def test_a_previous_version_is_of_another_time_of_processing(source):
    ready(source, finished_at=timezone.now() - timedelta(hours=1))
    ready(source)
    assert versions.of(source).previous is None


def test_the_current_and_the_previous_version_are_kept(source):
    oldest = ready(source)
    ended(source, rows_read=5)
    processed_again(source)
    previous = ready(source)
    processed_again(source)
    twice = ready(source)
    current = ready(source)
    goes_on = under_way(source)
    assert versions.tidy(source) == 3
    assert set(source.copies.all()) == {previous, current, goes_on}
    assert {oldest, twice}.isdisjoint(source.copies.all())


def test_nothing_goes_until_a_copy_is_ready(source):
    stopped = ended(source, rows_read=5)
    assert versions.tidy(source) == 0
    assert list(source.copies.all()) == [stopped]


def test_of_takes_one_query(source, django_assert_num_queries):
    ready(source)
    under_way(source)
    with django_assert_num_queries(1):
        versions.of(source)
