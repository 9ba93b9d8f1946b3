"""What stands still: due for a while, and nobody there who would take it up."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core import heartbeats
from datasources import keys, stalled
from datasources.models import ApiKey, DownloadLink, Hook, Sync, Watch
from tests.support.heartbeats import all_alive, heard_before, none_alive
from tests.support.redis import round_trips

# What is late, and who is silent, depends on the second.
pytestmark = pytest.mark.usefixtures("still")

LATE, JUST_DUE = timedelta(seconds=16), timedelta(seconds=14)


def due(model=Sync, ago: timedelta = LATE, **values):
    return model(due_at=timezone.now() - ago, **values)


@pytest.fixture
def checked(key) -> ApiKey:
    """A key whose list was read at ten, and looked at for the last time at eleven; both are due again, for long."""
    at = datetime(2026, 1, 1, 10, tzinfo=UTC)
    Sync.objects.update(due_at=at, finished_at=at)
    Watch.objects.update(due_at=at, checked_at=at + timedelta(hours=1))
    return ApiKey.objects.select_related("sync", "watch").get(pk=key.pk)


def test_late_work_without_a_worker_of_its_queue_stands_still():
    all_alive()
    link, sync, watch, hook = late = [due(model) for model in (DownloadLink, Sync, Watch, Hook)]
    assert stalled.among(late) == []
    none_alive("interactive")
    assert [*map(id, stalled.among(late))] == [id(link)]
    none_alive("background")
    heartbeats.say(["interactive"], "a@m")
    assert [*map(id, stalled.among(late))] == [id(sync), id(watch), id(hook)]


def test_a_worker_that_is_silent_for_a_while_counts_as_gone():
    all_alive()
    none_alive("background")
    heard_before(14, "background", "a@m")
    assert stalled.among([due()]) == []
    none_alive("background")
    heard_before(16, "background", "a@m")
    assert stalled.among([due()])


def test_what_somebody_had_in_hand_who_died_stands_still_before_its_lease_runs_out():
    assert stalled.among([due(leased_until=timezone.now() + timedelta(seconds=10))])


def test_without_beat_what_nobody_has_in_hand_stands_still():
    all_alive()
    none_alive("beat")
    now = timezone.now()
    for leased_until in (None, now - timedelta(seconds=1)):
        assert stalled.among([due(leased_until=leased_until)])
    assert not stalled.among([due(leased_until=now + timedelta(minutes=1))])


def test_without_redis_nothing_can_be_taken_up(redis_server):
    all_alive()
    redis_server.stop()
    try:
        assert stalled.among([due()])
    finally:
        redis_server.start()


def test_where_nothing_is_late_redis_is_not_asked():
    with round_trips() as sent:
        assert stalled.among([Sync(), due(ago=JUST_DUE), due(ago=-LATE)]) == []
    assert sent == []


def test_redis_is_asked_once_for_any_number():
    stalled.among([due()])  # whoever comes first connects
    with round_trips() as sent:
        assert len(stalled.among([due(model) for model in (DownloadLink, Sync, Watch)] * 20)) == 60
    assert len(sent) == 1


def test_keys_are_not_looked_after_while_their_list_or_their_watch_stands_still(checked):
    all_alive()
    assert stalled.of_keys([checked]) is None
    none_alive("background")
    assert stalled.of_keys([checked]).last_checked_at == checked.watch.checked_at
    checked.watch.due_at = None
    assert stalled.of_keys([checked])
    checked.sync.due_at = timezone.now()
    assert stalled.of_keys([checked]) is None


def test_of_several_keys_the_one_that_was_not_checked_for_longest_counts(checked, alice):
    other = keys.add(alice, "Other", "claro_live_other", ApiKey.State.VALID)
    Sync.objects.filter(key=other).update(due_at=checked.sync.due_at, finished_at=checked.sync.due_at)
    both = list(ApiKey.objects.select_related("sync", "watch"))
    assert stalled.of_keys(both).last_checked_at == checked.sync.finished_at
    Sync.objects.filter(key=other).update(finished_at=None)
    assert stalled.of_keys(ApiKey.objects.select_related("sync", "watch")).last_checked_at is None


def test_no_keys_need_nobody():
    assert stalled.of_keys([]) is None
