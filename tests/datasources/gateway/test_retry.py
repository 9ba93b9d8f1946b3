from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core import leases
from core.leases import LEASE, Held, LeaseLost
from datasources import keys
from datasources.claro import AccessDenied, ClaroError, RateLimited, Unreachable
from datasources.gateway import KeyRefused, KeyUnreadable, retry
from datasources.gateway.breaker import CircuitOpen
from datasources.gateway.retry import LONGEST_RETRY
from datasources.models import ApiKey, Sync


@pytest.fixture
def clock():
    with time_machine.travel("2026-11-24T12:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def work(clock, alice) -> Sync:
    """A piece of work that is due now."""
    return keys.add(alice, "Main", "a-secret-key", ApiKey.State.VALID).sync


def test_the_older_holder_puts_nothing_back(work, clock):
    older = Held(Sync, work.pk, leases.claim(Sync, work.pk))
    clock.shift(LEASE)
    newer = Held(Sync, work.pk, leases.claim(Sync, work.pk))
    with pytest.raises(LeaseLost):
        retry.put_back(older, Unreachable(), seen=99)
    work.refresh_from_db()
    assert (work.seen, work.attempts) == (0, 0)
    newer.finish(None)


def test_the_rate_limit_puts_work_off_to_its_end_and_is_no_failed_attempt(work, clock):
    goes_on = timezone.now() + timedelta(seconds=42)
    retry.put_back(Held(Sync, work.pk, leases.claim(Sync, work.pk)), RateLimited(retry_at=goes_on), seen=3)
    work.refresh_from_db()
    assert (work.due_at, work.attempts, work.seen, work.leased_until) == (goes_on, 0, 3, None)
    clock.move_to(goes_on)
    assert leases.claim(Sync, work.pk)


def test_work_of_a_refused_key_rests_until_the_key_is_accepted(work, clock):
    retry.put_back(Held(Sync, work.pk, leases.claim(Sync, work.pk)), KeyRefused())
    work.refresh_from_db()
    assert (work.due_at, work.attempts) == (None, 1)


def test_work_of_an_unreadable_key_looks_now_and_then_whether_the_master_key_is_back(work, clock):
    retry.put_back(Held(Sync, work.pk, leases.claim(Sync, work.pk)), KeyUnreadable())
    work.refresh_from_db()
    assert work.due_at == timezone.now() + LONGEST_RETRY


@pytest.mark.parametrize("error", [Unreachable(), AccessDenied(), ClaroError()], ids=lambda error: type(error).__name__)
def test_pauses_grow_with_the_attempts_up_to_five_minutes(work, clock, error):
    pauses = []
    for _ in range(10):
        retry.put_back(Held(Sync, work.pk, leases.claim(Sync, work.pk)), error)
        work.refresh_from_db()
        pauses.append((work.due_at - timezone.now()).total_seconds())
        clock.move_to(work.due_at)
    expected = [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert all(plan * 0.8 <= pause <= plan * 1.2 for plan, pause in zip(expected, pauses, strict=True))
    assert work.attempts == 10


def test_an_open_breaker_puts_work_off_to_its_end_and_is_no_failed_attempt(work, clock):
    goes_on = timezone.now() + timedelta(seconds=42)
    retry.put_back(Held(Sync, work.pk, leases.claim(Sync, work.pk)), CircuitOpen(retry_at=goes_on))
    work.refresh_from_db()
    assert (work.due_at, work.attempts) == (goes_on, 0)
