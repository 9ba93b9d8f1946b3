from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from datasources import keys, leases
from datasources.claro import AccessDenied, ClaroError, RateLimited, Unreachable
from datasources.gateway import KeyRefused, KeyUnreadable
from datasources.gateway.breaker import CircuitOpen
from datasources.leases import LEASE, LONGEST_RETRY, Held, LeaseLost
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
        lambda held: held.put_back(Unreachable(), seen=99),
    ],
    ids=["renew", "finish", "put back"],
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


def test_the_rate_limit_puts_work_off_to_its_end_and_is_no_failed_attempt(work, clock):
    goes_on = timezone.now() + timedelta(seconds=42)
    Held(Sync, work.pk, leases.claim(Sync, work.pk)).put_back(RateLimited(retry_at=goes_on), seen=3)
    work.refresh_from_db()
    assert (work.due_at, work.attempts, work.seen, work.leased_until) == (goes_on, 0, 3, None)
    clock.move_to(goes_on)
    assert leases.claim(Sync, work.pk)


def test_work_of_a_refused_key_rests_until_the_key_is_accepted(work, clock):
    Held(Sync, work.pk, leases.claim(Sync, work.pk)).put_back(KeyRefused())
    work.refresh_from_db()
    assert (work.due_at, work.attempts) == (None, 1)


def test_work_of_an_unreadable_key_looks_now_and_then_whether_the_master_key_is_back(work, clock):
    Held(Sync, work.pk, leases.claim(Sync, work.pk)).put_back(KeyUnreadable())
    work.refresh_from_db()
    assert work.due_at == timezone.now() + LONGEST_RETRY


@pytest.mark.parametrize("error", [Unreachable(), AccessDenied(), ClaroError()], ids=lambda error: type(error).__name__)
def test_pauses_grow_with_the_attempts_up_to_five_minutes(work, clock, error):
    pauses = []
    for _ in range(10):
        Held(Sync, work.pk, leases.claim(Sync, work.pk)).put_back(error)
        work.refresh_from_db()
        pauses.append((work.due_at - timezone.now()).total_seconds())
        clock.move_to(work.due_at)
    expected = [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert all(plan * 0.8 <= pause <= plan * 1.2 for plan, pause in zip(expected, pauses, strict=True))
    assert work.attempts == 10


def test_an_open_breaker_puts_work_off_to_its_end_and_is_no_failed_attempt(work, clock):
    goes_on = timezone.now() + timedelta(seconds=42)
    Held(Sync, work.pk, leases.claim(Sync, work.pk)).put_back(CircuitOpen(retry_at=goes_on))
    work.refresh_from_db()
    assert (work.due_at, work.attempts) == (goes_on, 0)
