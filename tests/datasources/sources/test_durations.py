import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from core import redis
from datasources import keys
from datasources.models import ApiKey, Source
from datasources.sources import durations
from datasources.sources.durations import BELIEVED, ENOUGH, LATEST, UNCHECKED, Pace, paces

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SPAN = re.compile(
    r"a few seconds|(about|under) \d+ (s|min|h|d)|\d+ to \d+ (s|min|h|d)|\d+ (s|min|h) to \d+ (s|min|h|d)"
)


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def main(alice):
    return keys.add(alice, "Main", "claro_live_main", ApiKey.State.VALID)


def done(key: ApiKey, *took_s: float, **fields) -> list[Source]:
    """Completed sources that took so long, the first one yesterday, each a minute after the one before."""
    made = [
        Source(
            key=key,
            datasource_id=uuid.uuid4(),
            **{
                "status": "completed",
                "content_type": "text/csv",
                "size_bytes": 1000,
                "uploaded_at": (start := NOON - timedelta(days=1) + n * MINUTE),
                "processed_at": start + s * SECOND,
                "first_seen_at": start,
                "last_seen_at": NOON,
                **fields,
            },
        )
        for n, s in enumerate(took_s)
    ]
    return Source.objects.bulk_create(made)


def running(key: ApiKey, age_s: float = 60, **fields) -> Source:
    """A source that was uploaded so long ago and was seen just now, still processing."""
    usually = {
        "status": "processing",
        "content_type": "text/csv",
        "size_bytes": 1000,
        "uploaded_at": NOON - age_s * SECOND,
        "first_seen_at": NOON - age_s * SECOND,
        "last_seen_at": NOON,
    }
    return Source.objects.create(key=key, datasource_id=uuid.uuid4(), **{**usually, **fields})


def pace(source: Source) -> Pace:
    return paces([source])[source.pk]


def words(source: Source) -> str:
    found = pace(source).usual
    return found.words if found else ""


# --- What is usual ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("low_s", "high_s", "shown"),
    [
        (0, 0, "a few seconds"),
        (1, 7.4, "a few seconds"),
        (1, 31, "under 30 s"),
        (19, 21, "about 20 s"),
        (12, 44, "10 to 45 s"),
        (42, 118, "40 s to 2 min"),
        (57, 58, "55 s to 1 min"),
        (58, 80, "about 1 min"),
        (178, 290, "3 to 5 min"),
        (570, 599, "about 10 min"),
        (700, 1900, "10 to 30 min"),
        (3440, 3460, "55 min to 1 h"),
        (3500, 5300, "about 1 h"),
        (5500, 26_000, "2 to 7 h"),
        (170_000, 180_000, "47 h to 2 d"),
        (180_000, 520_000, "2 to 6 d"),
    ],
)
def test_a_span_is_said_as_a_person_would(low_s, high_s, shown):
    assert durations.Usual(low_s, high_s, high_s, is_by_size=True).words == shown


@given(st.lists(st.floats(0, BELIEVED.total_seconds()), min_size=ENOUGH, max_size=60), st.randoms())
def test_any_past_gives_a_span_within_it_that_can_be_said_and_a_bound_above(took, rng):
    found = durations.usual(1, [(1, s) for s in took])
    assert min(took) <= found.low_s <= found.high_s <= max(took)
    assert found.slow_s >= found.high_s * 1.5
    assert found.slow_s >= found.high_s + 10
    assert SPAN.fullmatch(found.words)
    # The order in which things were done says nothing.
    rng.shuffle(took)
    assert durations.usual(1, [(1, s) for s in took]) == found


@given(st.lists(st.floats(60, 600), min_size=20, max_size=60), st.floats(0, BELIEVED.total_seconds()))
def test_one_that_took_quite_another_time_changes_little(took, odd):
    found = durations.usual(1, [(1, s) for s in [*took, odd]])
    assert 60 <= found.high_s <= 600
    assert found.slow_s <= 900


def test_hardly_anything_of_the_past_counts_as_slow(main):
    done(main, *range(100, 200))
    found = pace(running(main)).usual
    assert (found.low_s, found.high_s) == (119, 179)
    assert found.slow_s == 179 * 1.5


def test_where_much_takes_long_now_and_then_that_is_not_slow_either(main):
    done(main, *[60] * 90, *[600] * 10)
    found = pace(running(main)).usual
    assert (found.low_s, found.high_s, found.slow_s) == (60, 60, 600)


def test_too_little_of_a_past_tells_nothing(main):
    done(main, *[60] * (ENOUGH - 1))
    found = pace(running(main, age_s=100_000))
    assert (found.usual, found.is_slower) == (None, False)


@pytest.mark.parametrize(
    ("size", "shown", "is_by_size"),
    [
        (1000, "about 20 s", True),
        (250, "about 20 s", True),
        (4000, "about 20 s", True),
        (249, "20 s to 5 min", False),
        (4001, "20 s to 5 min", False),
        (0, "20 s to 5 min", False),
        (None, "20 s to 5 min", False),
        (100_000, "about 5 min", True),
    ],
)
def test_similar_sizes_tell_where_they_are_enough_else_all_of_the_kind(main, size, shown, is_by_size):
    done(main, *[20] * 5)
    done(main, *[300] * 5, size_bytes=100_000)
    done(main, 20, 300, size_bytes=None)
    found = pace(running(main, size_bytes=size)).usual
    assert (found.words, found.is_by_size) == (shown, is_by_size)


def test_only_the_latest_count(main):
    done(main, *[20] * LATEST)
    done(main, *[300] * 100, uploaded_at=NOON - timedelta(days=9), processed_at=NOON - timedelta(days=9) + 5 * MINUTE)
    found = pace(running(main)).usual
    assert (found.low_s, found.high_s, found.slow_s) == (20, 20, 30)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "failed"},
        {"status": "quarantined"},
        {"content_type": "text/tab-separated-values"},
        {"gone_at": NOON},
        {"restarted_at": NOON - timedelta(hours=1)},
        {"uploaded_at": None},
        {"processed_at": None},
        {"uploaded_at": NOON, "processed_at": NOON - SECOND},
        {"uploaded_at": datetime(1970, 1, 1, tzinfo=UTC), "processed_at": NOON},
        {"uploaded_at": NOON - BELIEVED - SECOND, "processed_at": NOON},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_what_is_not_alike_or_not_believable_does_not_count(main, fields):
    done(main, *[60] * 4)
    done(main, *[60] * 20, **fields)
    assert words(running(main)) == ""
    redis.connection().flushall()
    done(main, 60)
    assert words(running(main)) == "about 1 min"


def test_another_key_s_past_tells_nothing(main, alice):
    other = keys.add(alice, "Other", "claro_live_other", ApiKey.State.VALID)
    done(other, *[60] * 10)
    assert words(running(main)) == ""
    assert words(running(other)) == "about 1 min"


def test_a_kind_may_have_any_name(main):
    kind = "text/\x7f ü" * 25
    done(main, *[60] * 10, content_type=kind)
    assert words(running(main, content_type=kind)) == "about 1 min"
    assert words(running(main, content_type="")) == ""


# --- How one source comes along --------------------------------------------------------------------------------------
def test_slower_is_what_was_seen_processing_after_the_bound(main):
    done(main, *[60] * 10)  # slow from 90 seconds on
    assert not pace(running(main, age_s=90)).is_slower
    assert pace(running(main, age_s=91)).is_slower


def test_what_nobody_has_checked_since_is_not_called_slower(main):
    done(main, *[60] * 10)
    source = running(main, age_s=600, last_seen_at=NOON - 530 * SECOND)
    assert not pace(source).is_slower


@pytest.mark.parametrize(
    ("fields", "since", "is_least", "is_again"),
    [
        ({}, NOON - MINUTE, False, False),
        ({"uploaded_at": None, "first_seen_at": NOON - 5 * SECOND}, NOON - 5 * SECOND, True, False),
        ({"uploaded_at": NOON + SECOND, "first_seen_at": NOON - 5 * SECOND}, NOON - 5 * SECOND, True, False),
        ({"uploaded_at": datetime(2126, 1, 1, tzinfo=UTC)}, NOON - MINUTE, True, False),
        ({"uploaded_at": NOON - timedelta(days=3), "restarted_at": NOON - MINUTE}, NOON - MINUTE, True, True),
    ],
    ids=["uploaded", "no upload", "upload to come", "upload in a hundred years", "again"],
)
def test_it_began_at_the_latest_when_that_is_certain(main, fields, since, is_least, is_again):
    found = pace(running(main, **fields))
    assert (found.since, found.is_least, found.is_again) == (since, is_least, is_again)


@given(
    uploaded_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    seen_ago=st.integers(0, 10**6),
    restarted_ago=st.none() | st.integers(0, 10**6),
)
def test_nothing_began_after_it_was_seen(uploaded_at, seen_ago, restarted_ago):
    last = NOON - seen_ago * SECOND
    source = Source(
        uploaded_at=uploaded_at,
        first_seen_at=last - MINUTE,
        last_seen_at=last,
        restarted_at=None if restarted_ago is None else last - restarted_ago * SECOND,
    )
    since, is_least = durations.began(source)
    assert since <= last
    assert is_least or since == uploaded_at


def test_a_status_that_nobody_knows_is_given_no_time(main):
    done(main, *[60] * 10)
    found = pace(running(main, age_s=10_000, status="archived"))
    assert (found.since, found.usual, found.is_slower) == (None, None, False)


def test_who_was_counted_was_checked_though_it_was_not_met(main):
    done(main, *[60] * 10)
    main.watch.counted_at = NOON - 10 * SECOND
    met_long_ago, met_now = NOON - timedelta(hours=2), NOON
    found = pace(running(main, age_s=9000, last_seen_at=met_long_ago))
    assert (found.checked_at, found.is_slower, found.is_unchecked) == (NOON - 10 * SECOND, True, False)
    assert pace(running(main, last_seen_at=met_now)).checked_at == met_now
    # A status that we don't know is in no number.
    assert pace(running(main, last_seen_at=met_long_ago, status="archived")).checked_at == met_long_ago


def test_what_was_not_looked_at_for_long_is_unchecked(main):
    assert not pace(running(main, last_seen_at=NOON - UNCHECKED)).is_unchecked
    assert pace(running(main, last_seen_at=NOON - UNCHECKED - SECOND)).is_unchecked


def test_what_has_finished_has_no_pace(main):
    assert paces(done(main, 60)) == {}


# --- What it costs ---------------------------------------------------------------------------------------------------
def test_one_query_for_all_keys_and_kinds_and_then_none(main, alice, django_assert_num_queries):
    other = keys.add(alice, "Other", "claro_live_other", ApiKey.State.VALID)
    kinds = ("text/csv", "application/pdf")
    shown = []
    for place, (key, kind) in enumerate((key, kind) for key in (main, other) for kind in kinds):
        done(key, *[60 * (place + 1)] * 5, content_type=kind)
        shown += [running(key, content_type=kind) for _ in range(3)]
    for number in (1, 0):
        with django_assert_num_queries(number):
            found = paces(shown)
        assert [found[source.pk].usual.words for source in shown[::3]] == [f"about {n} min" for n in (1, 2, 3, 4)]


def test_a_list_without_processing_ones_costs_no_query(main, django_assert_num_queries):
    sources = [*done(main, *[60] * 5), running(main, status="archived")]
    with django_assert_num_queries(0):
        paces(sources)


def test_a_hundred_kinds_at_once_are_one_query_too(main, django_assert_num_queries):
    shown = [running(main, content_type=f"x/{n}") for n in range(100)]
    with django_assert_num_queries(1):
        assert len(paces(shown)) == 100


def test_without_redis_the_database_is_asked_each_time(main, redis_server, django_assert_num_queries):
    done(main, *[60] * 5)
    source = running(main)
    redis_server.stop()
    try:
        for _ in range(2):
            with django_assert_num_queries(1):
                assert words(source) == "about 1 min"
    finally:
        redis_server.start()


def test_what_is_kept_ends_by_itself_and_tells_nothing_but_sizes_and_times(main):
    done(main, *[60] * 5, file_name="secret-plans.csv")
    words(running(main))
    [name] = redis.connection().keys("claro:usual:*")
    assert 0 < redis.connection().ttl(name) <= 300
    assert redis.connection().get(name) == b"[" + b", ".join([b"[1000, 60.0]"] * 5) + b"]"
