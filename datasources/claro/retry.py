"""Whether and when a call is made again: pure functions, so that the delays can be listed in a test."""

import random
import re
from datetime import datetime, timedelta

from datasources.claro.errors import ClaroError, RateLimited
from datasources.claro.types import RESET_MAX_S, RateLimit, http_date

FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 4.0
# Where a refusal doesn't say when to come back: the window is a minute (docs/claro-api.md, basics).
WINDOW_S = 60.0
# A server that says "come back tomorrow" is not believed beyond this.
LONGEST_WAIT_S = RESET_MAX_S
# Reset has whole seconds; a call within the last of them would be refused again (so PyGithub's GithubRetry).
RESET_MARGIN_S = 1.0
# Safe to make twice (RFC 9110, 9.2.2).
IDEMPOTENT = frozenset({"GET", "DELETE"})


def should_retry(
    method: str,
    error: ClaroError,
    attempt: int,
    retries: int,
    max_wait_s: float,
    now: datetime,
    idempotency_key: str | None = None,
) -> bool:
    """Whether attempt number `attempt` (from 1) is followed by another: only where the call is safe to repeat."""
    if not (method in IDEMPOTENT or idempotency_key) or attempt > retries or not error.retryable:
        return False
    return not isinstance(error, RateLimited) or (error.retry_at - now).total_seconds() <= max_wait_s


def delay_s(error: ClaroError, attempt: int, now: datetime) -> float:
    """Seconds before the next attempt, without jitter."""
    if isinstance(error, RateLimited):
        return max((error.retry_at - now).total_seconds(), 0.0)
    return float(min(FIRST_DELAY_S * 2 ** (attempt - 1), LONGEST_DELAY_S))


def add_jitter(seconds: float) -> float:
    """Up to half as long again, so that many clients don't come back at once. Never shorter."""
    return seconds * random.uniform(1.0, 1.5)  # noqa: S311 - spreads load, guards nothing


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks for, as a number or a date (RFC 9110, 10.2.3); None where it can't be read."""
    if value is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,15}\s*", value):
        return float(value)
    date = http_date(value)
    return None if date is None else max((date - now).total_seconds(), 0.0)


def closed_for_s(retry_after_s: float | None, rate_limit: RateLimit | None) -> float:
    """How long a refused key should not be used: what the answer says, within reason."""
    if retry_after_s is None:
        reset_in_s = rate_limit.reset_in_s if rate_limit else None
        retry_after_s = WINDOW_S if reset_in_s is None else reset_in_s + RESET_MARGIN_S
    return min(retry_after_s, LONGEST_WAIT_S)


def at(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
