from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core import leases
from core.leases import LEASE, Held, LeaseLost
from datasources import keys
from datasources.models import ApiKey, Sync
from tests.support.threads import at_once


@pytest.fixture
def clock():
    with time_machine.travel("2026-11-24T12:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def work(clock, alice) -> Sync:
    """A piece of work that is due now."""
    return keys.add(alice, "Main", "a-secret-key", ApiKey.State.VALID).sync


def test_work_is_taken_done_and_given_back(work):
    held = Held(Sync, work.pk, leases.claim(Sync, work.pk))
    held.renew(next_page=2)
    assert held.work.next_page == 2
    held.finish(None, seen=7)
    work.refresh_from_db()
    assert (work.next_page, work.seen, work.due_at, work.leased_until) == (2, 7, None, None)


def test_of_many_who_claim_one_gets_it(work):
    got = at_once(12, lambda: leases.claim(Sync, work.pk))
    assert sorted(lease is None for lease in got) == [False] + [True] * 11


def test_many_sweeps_at_once_hand_out_each_piece_once(alice, work):
    for number in range(20):
        keys.add(alice, f"Key {number}", f"another-secret-{number}", ApiKey.State.VALID)
    got = at_once(6, lambda: list(leases.claim_due(Sync)))
    ids = [pk for one in got for pk, _lease in one]
    assert len(ids) == len(set(ids)) == 21


def test_the_longest_due_come_first(alice, work, clock):
    for number in range(3):
        clock.shift(timedelta(seconds=1))
        keys.add(alice, f"Key {number}", f"another-secret-{number}", ApiKey.State.VALID)
    Sync.objects.filter(key__label="Key 2").update(due_at=timezone.now() - timedelta(hours=1))
    labels = [Sync.objects.get(pk=pk).key.label for pk, _lease in leases.claim_due(Sync, at_most=3)]
    assert labels == ["Key 2", "Main", "Key 0"]


@pytest.mark.parametrize("due_in", [None, timedelta(seconds=1)])
def test_what_is_not_due_is_not_claimed(work, due_in):
    Sync.objects.update(due_at=due_in and timezone.now() + due_in)
    assert leases.claim(Sync, work.pk) is None
    assert list(leases.claim_due(Sync)) == []


def test_work_whose_holder_died_is_found_again_when_its_lease_has_ended(work, clock):
    assert leases.claim(Sync, work.pk)
    clock.shift(LEASE - timedelta(seconds=1))
    assert list(leases.claim_due(Sync)) == []
    clock.shift(timedelta(seconds=1))
    assert [pk for pk, _lease in leases.claim_due(Sync)] == [str(work.pk)]


def test_a_lease_that_is_renewed_does_not_end(work, clock):
    held = Held(Sync, work.pk, leases.claim(Sync, work.pk))
    for _ in range(3):
        clock.shift(LEASE - timedelta(seconds=1))
        held.renew()
        assert leases.claim(Sync, work.pk) is None


def test_a_late_holder_goes_on_when_nobody_else_came(work, clock):
    lease = leases.claim(Sync, work.pk)
    clock.shift(LEASE * 3)
    Held(Sync, work.pk, lease).finish(None)
    work.refresh_from_db()
    assert work.due_at is None


@pytest.mark.parametrize(
    "act",
    [
        lambda held: held.renew(seen=99),
        lambda held: held.finish(None, seen=99),
    ],
    ids=["renew", "finish"],
)
def test_the_older_holder_changes_nothing_any_more(work, clock, act):
    older = Held(Sync, work.pk, leases.claim(Sync, work.pk))
    clock.shift(LEASE)
    newer = Held(Sync, work.pk, leases.claim(Sync, work.pk))
    with pytest.raises(LeaseLost):
        act(older)
    work.refresh_from_db()
    assert (work.seen, work.attempts) == (0, 0)
    newer.finish(None)


def test_a_task_that_comes_twice_finds_the_work_taken(work, clock):
    lease = leases.claim(Sync, work.pk)
    clock.shift(timedelta(seconds=1))
    Held(Sync, work.pk, lease)
    with pytest.raises(LeaseLost):
        Held(Sync, work.pk, lease)


def test_one_goes_on_from_what_the_last_holder_left(work):
    stale = Sync.objects.get()
    lease = leases.claim(Sync, work.pk)
    Sync.objects.update(next_page=5)
    assert stale.next_page == 1
    assert Held(Sync, work.pk, lease).work.next_page == 5
