"""When a copy is started, by whom, and what it costs."""

import math
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core import redis
from datasources import gateway, keys
from datasources.copies import jobs, versions
from datasources.gateway.budget import Budget, Lane
from datasources.models import ApiKey, AuditEvent, Source, TableCopy
from tests.support.copy_rows import State, ended, processed_again, ready, under_way
from tests.support.sources import seen_by
from tests.support.threads import at_once


@pytest.fixture(autouse=True)
def limits(settings) -> None:
    settings.COPY_ROWS_AUTO = 5000


@pytest.fixture
def source(alice):
    return processed_again(seen_by(alice, UUID(int=7)))


def tell_rows(source: Source, rows: object) -> None:
    source.extra = {"rowCount": rows}
    source.save()


def forget_the_last_look() -> None:
    redis.connection().flushall()


def spent(key: ApiKey, lane: Lane, calls: int, minutes_ago: int = 1) -> None:
    """As if so many calls had been made in a minute before this one."""
    minute = int(timezone.now().timestamp()) // 60 - minutes_ago
    redis.connection().hset(f"{Budget(key.fingerprint)._name}:minute:{minute}", lane, calls)


# --- Starting -------------------------------------------------------------------------------------------------------
def test_a_copy_is_due_at_once_and_in_the_log(source, alice):
    copy = jobs.start(source, alice)
    copy.refresh_from_db()
    assert (copy.state, copy.version, copy.asked_by, copy.is_automatic) == (
        "copying",
        source.processed_at,
        alice,
        False,
    )
    assert copy.due_at <= timezone.now()
    [event] = AuditEvent.objects.all()
    assert (event.what, event.actor, event.datasource_id) == ("copy_started", alice, source.datasource_id)


def test_users_who_ask_at_once_share_one_copy(source, alice, bob):
    people = [alice, bob] * 3
    found = at_once(len(people), lambda: jobs.start(source, people.pop()))
    assert len({copy.pk for copy in found}) == 1
    assert TableCopy.objects.count() == AuditEvent.objects.count() == 1


def test_a_ready_copy_of_this_version_is_not_made_again(source, alice):
    copy = ready(source)
    assert jobs.start(source, alice) == copy
    processed_again(source)
    new = jobs.start(source, alice)
    assert (new.state, new.version) == ("copying", source.processed_at)
    assert versions.current(source) == copy


def test_no_copy_while_the_owner_has_switched_them_off(source, alice):
    """Also where this process has read the key before."""
    ApiKey.objects.update(keeps_copies=False)
    with pytest.raises(jobs.NotPossible, match="switched whole-table copies off"):
        jobs.start(source, alice)
    assert not TableCopy.objects.exists()


@pytest.mark.parametrize(
    ("status", "sentence"),
    [("processing", "when Claro has processed"), ("queued", "when Claro has processed"), ("failed", "no rows to copy")],
)
def test_no_copy_of_a_source_that_is_not_completed(source, alice, status, sentence):
    source.status = status
    with pytest.raises(jobs.NotPossible, match=sentence):
        jobs.start(source, alice)


def test_switching_off_while_users_start_leaves_no_copy(source, alice):
    deeds = [lambda: jobs.start(Source.objects.select_related("key").get(), alice) for _ in range(3)]
    deeds.insert(1, lambda: keys.switch_copies(source.key, is_on=False))
    at_once(len(deeds), lambda: deeds.pop()())
    assert not TableCopy.objects.exists()


def test_a_stopped_copy_is_resumed_from_where_it_was(source, alice, bob):
    copy = jobs.start(source, alice)
    TableCopy.objects.update(rows_read=2000, rows_total=9000, attempts=3, leased_until=timezone.now())
    assert jobs.stop(copy, bob)
    copy.refresh_from_db()
    assert (copy.state, copy.due_at, copy.leased_until) == ("stopped", None, None)
    again = jobs.start(source, bob)
    again.refresh_from_db()
    assert (again.pk, again.state, again.rows_read, again.rows_before) == (copy.pk, "copying", 2000, 2000)
    assert (again.attempts, again.asked_by) == (0, bob)
    assert again.due_at <= timezone.now()
    told = list(AuditEvent.objects.order_by("at").values_list("what", "actor"))
    assert told == [("copy_started", alice.pk), ("copy_stopped", bob.pk), ("copy_started", bob.pk)]


def test_a_copy_that_is_not_under_way_is_not_stopped(source, alice):
    assert not jobs.stop(ready(source), alice)
    assert versions.current(source)
    assert not AuditEvent.objects.exists()


def test_a_lost_copy_is_made_from_the_beginning(source, alice):
    lost = ready(source, state=State.FAILED)
    copy = jobs.start(source, alice)
    assert copy.pk != lost.pk
    assert copy.rows_read == 0


def test_who_asks_for_all_of_it_lifts_the_limit_of_an_automatic_copy(source, alice, bob):
    copy = jobs.start_automatic(source, alice, 100)
    assert copy.is_automatic
    assert jobs.start(source, bob).pk == copy.pk
    copy.refresh_from_db()
    assert (copy.is_automatic, copy.asked_by) == (False, bob)
    assert jobs.start(source, alice, is_automatic=True).pk == copy.pk
    copy.refresh_from_db()
    assert not copy.is_automatic


# --- Automatically --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("total", "starts"), [(0, True), (5000, True), (5001, False), (None, True)])
def test_opening_a_small_table_starts_a_copy(source, alice, total, starts):
    copy = jobs.start_automatic(source, alice, total)
    assert bool(copy) is starts
    assert TableCopy.objects.filter(is_automatic=True, asked_by=alice).count() == starts
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(("rows", "starts"), [(5000, True), (5001, False), ("many", True)])
def test_without_a_total_the_facts_of_the_source_count(source, alice, rows, starts):
    tell_rows(source, rows)
    assert bool(jobs.start_automatic(source, alice)) is starts


def test_a_total_that_a_page_told_is_remembered(source, alice):
    assert jobs.start_automatic(source, alice, 6000) is None
    assert jobs.known_rows(source) == 6000
    assert jobs.start_automatic(source, alice) is None
    processed_again(source)
    assert jobs.known_rows(source) is None
    assert jobs.start_automatic(source, alice)


def test_it_looks_once_a_minute_and_mostly_without_a_query(source, alice, django_assert_num_queries):
    ready(source)
    with django_assert_num_queries(1):
        assert jobs.start_automatic(source, alice, 100) is None
    with django_assert_num_queries(0):
        assert jobs.start_automatic(source, alice, 100) is None
        assert jobs.start_automatic(source, alice, 6000) is None


@pytest.mark.parametrize("what", ["ready", "under way", "stopped", "deleted", "refused", "switched off", "processing"])
def test_opening_starts_nothing(source, alice, what):
    match what:
        case "ready":
            ready(source)
        case "under way":
            under_way(source)
        case "stopped":
            jobs.stop(jobs.start(source, alice), alice)
        case "deleted":
            ready(source)
            jobs.drop(source, alice)
        case "refused":
            source.key.state = ApiKey.State.INVALID
        case "switched off":
            source.key.keeps_copies = False
        case "processing":
            source.status = "processing"
    before = list(TableCopy.objects.values("pk", "state"))
    assert jobs.start_automatic(source, alice, 100) is None
    assert list(TableCopy.objects.values("pk", "state")) == before


@pytest.mark.parametrize("what", ["stopped", "deleted"])
def test_what_was_stopped_or_deleted_by_hand_starts_with_the_next_version(source, alice, what):
    copy = jobs.start(source, alice)
    jobs.stop(copy, alice) if what == "stopped" else jobs.drop(source, alice)
    processed_again(source)
    assert jobs.start_automatic(source, alice, 100).version == source.processed_at


def test_after_a_failure_it_waits(source, alice):
    failed = ended(source, State.FAILED)
    assert jobs.start_automatic(source, alice, 100) is None
    forget_the_last_look()
    TableCopy.objects.update(created_at=timezone.now() - jobs.BACKOFF)
    assert jobs.start_automatic(source, alice, 100) == failed


def test_without_redis_pages_start_nothing(source, alice, redis_server):
    redis_server.stop()
    try:
        assert jobs.start_automatic(source, alice, 100) is None
        assert jobs.known_rows(source) is None
    finally:
        redis_server.start()


# --- Deleting -------------------------------------------------------------------------------------------------------
def test_deleting_takes_all_versions_and_what_is_under_way(source, alice):
    ready(source)
    processed_again(source)
    jobs.start(source, alice)
    other = ready(seen_by(alice, UUID(int=8)))
    jobs.drop(source, alice)
    found = versions.of(source)
    assert (found.current, found.under_way, found.has_any) == (None, None, False)
    assert other in TableCopy.objects.all()
    assert AuditEvent.objects.latest("at").what == "copy_deleted"
    assert jobs.start(source, alice).state == "copying"


def test_a_key_that_is_accepted_again_continues_its_copies(source, alice):
    waiting = under_way(source, due_at=None, attempts=2, problem={"kind": "Unauthorized"})
    keys.go_on(source.key)
    waiting.refresh_from_db()
    assert (waiting.attempts, waiting.problem) == (0, None)
    assert waiting.due_at <= timezone.now()


# --- Cost and time --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (1, 1), (1000, 1), (1001, 2), (1_000_000, 1000)])
def test_a_copy_costs_a_call_per_block(source, rows, calls):
    tell_rows(source, rows)
    assert jobs.cost(source).calls == calls


def test_the_time_is_that_of_the_key_s_limit(source):
    tell_rows(source, 1_000_000)
    assert math.ceil(jobs.cost(source).seconds / 60) == 11
    source.key.calls_per_minute = 500
    assert math.ceil(jobs.cost(source).seconds / 60) == 3


def test_the_calls_of_others_make_it_longer_and_those_of_copies_do_not(source):
    tell_rows(source, 1_000_000)
    alone = jobs.cost(source).seconds
    for minute in range(1, 11):
        spent(source.key, Lane.TABLE, 40, minute)
        spent(source.key, Lane.SPARE, 40, minute)
    assert jobs.cost(source).seconds == alone
    for minute in range(1, 11):
        spent(source.key, Lane.PERSON, 50, minute)
    assert jobs.cost(source).seconds == pytest.approx(2 * alone)
    for minute in range(1, 11):
        spent(source.key, Lane.LINK, 500, minute)
    assert jobs.cost(source).seconds == pytest.approx(alone / jobs.LEAST_SHARE)


def test_what_was_read_before_costs_nothing(source):
    tell_rows(source, 10_000)
    ended(source, rows_read=4000)
    assert jobs.cost(source).calls == 6
    TableCopy.objects.update(finished_at=timezone.now(), state=State.FAILED)
    assert jobs.cost(source).calls == 10


def test_the_cost_of_an_unknown_number_of_rows_is_unknown(source):
    assert jobs.cost(source) == jobs.Cost(None, None)
    assert jobs.seconds_left(under_way(source), source) is None


def test_the_copy_s_own_total_is_the_newest(source):
    tell_rows(source, 10_000)
    ended(source, rows_read=1000, rows_total=3000)
    assert jobs.known_rows(source) == 3000


def test_the_time_left_is_that_of_the_limit_until_some_blocks_are_read(source):
    now = timezone.now()
    copy = under_way(source, rows_total=100_000, rows_read=2000, began_at=now - timedelta(hours=1), progressed_at=now)
    assert jobs.seconds_left(copy, source) == pytest.approx(98 * 0.61)


@pytest.mark.parametrize(("took_s", "left_s"), [(1000, 6000), (1, 60 * 0.61)], ids=["slower than the limit", "a burst"])
def test_then_a_copy_that_is_slower_than_the_limit_gives_its_own_pace(source, took_s, left_s):
    now = timezone.now()
    copy = under_way(source, rows_total=100_000, rows_read=40_000, rows_before=30_000)
    copy.began_at, copy.progressed_at = now - timedelta(seconds=took_s), now
    assert jobs.seconds_left(copy, source) == pytest.approx(left_s)


def test_a_copy_that_began_again_has_no_pace_yet(source):
    now = timezone.now()
    copy = under_way(source, rows_total=100_000, rows_read=1000, rows_before=30_000, progressed_at=now)
    assert jobs.seconds_left(copy, source) == pytest.approx(99 * 0.61)


def test_the_history_of_a_few_minutes_is_the_end_of_the_hour(source):
    spent(source.key, Lane.PERSON, 7, 2)
    assert gateway.history(source.key, 5) == gateway.history(source.key)[-5:]
    assert sum(minute.total for minute in gateway.history(source.key, 5)) == 7


def test_only_one_copy_of_a_source_can_be_under_way_in_the_database(source):
    under_way(source)
    with pytest.raises(IntegrityError), transaction.atomic():
        under_way(source)
