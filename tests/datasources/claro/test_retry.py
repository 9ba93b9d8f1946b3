from datetime import UTC, datetime, timedelta

import pytest

from datasources.claro import BadAnswer, RateLimit, RateLimited, Unauthorized, Unreachable, retry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def limited(seconds: float) -> RateLimited:
    return RateLimited(retry_at=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("method", "error", "attempt", "again"),
    [
        ("GET", Unreachable(), 1, True),
        ("DELETE", Unreachable(), 2, True),
        ("GET", Unreachable(), 3, False),
        ("POST", Unreachable(), 1, False),
        ("GET", BadAnswer(), 1, True),
        ("GET", Unauthorized(), 1, False),
        ("GET", limited(2), 1, True),
        ("GET", limited(30), 1, False),
    ],
)
def test_only_what_may_pass_and_is_safe_to_repeat_is_tried_again(method, error, attempt, again):
    assert retry.should_retry(method, error, attempt, retries=2, max_wait_s=5, now=NOW) is again


def test_the_pauses_double_up_to_the_longest():
    assert [retry.delay_s(Unreachable(), attempt, NOW) for attempt in range(1, 7)] == [0.25, 0.5, 1, 2, 4, 4]
    assert retry.delay_s(limited(3), 1, NOW) == 3


def test_jitter_only_lengthens():
    assert all(1 <= retry.add_jitter(1) <= 1.5 for _ in range(50))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("Tue, 24 Nov 2026 12:01:00 GMT", 60),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text, seconds):
    assert retry.parse_retry_after(text, NOW) == seconds


@pytest.mark.parametrize(
    ("retry_after_s", "reset_in_s", "closed"), [(5, 50, 5), (None, 10, 11), (None, None, 60), (10**9, None, 3600)]
)
def test_a_refused_key_rests_as_long_as_it_is_told(retry_after_s, reset_in_s, closed):
    said = RateLimit(limit=None, remaining=None, reset_in_s=reset_in_s)
    assert retry.closed_for_s(retry_after_s, said) == closed
