"""Leased work that meets errors: when it continues, and when it is given up."""

import functools
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Model
from django.utils import timezone

from core.leases import OUTAGES, Held, LeaseLost
from datasources.claro import ClaroError, NotNow

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=5)
# Work that fails in an unexpected way is tried this often; the pauses add up to half a minute.
ATTEMPTS_AT_MOST = 5


class Broken(ClaroError):
    """Work raised an exception that nothing expects: a fault of the dashboard, which the log describes."""

    words = "The dashboard failed. Its log has the details."


def work(
    model: type[Model], give_up: Callable[[Held, ClaroError], None]
) -> Callable[[Callable[[Held], str]], Callable[[str, str], str]]:
    """Makes a function of an id and a lease from one of `Held` work.

    An unexpected exception counts an attempt and reschedules the work with growing pauses. After ATTEMPTS_AT_MOST of
    them `give_up` ends it and notifies the user. The exception is raised either way.
    """

    def decorate(act: Callable[[Held], str]) -> Callable[[str, str], str]:
        @functools.wraps(act)
        def run(pk: str, lease: str) -> str:
            held = Held(model, pk, lease)
            try:
                return act(held)
            except (LeaseLost, *OUTAGES):
                raise
            except Exception:
                end = give_up if held.work.attempts + 1 >= ATTEMPTS_AT_MOST else put_back
                end(held, Broken())
                raise

        return run

    return decorate


def put_back(held: Held, error: ClaroError, **changes: object) -> None:
    """Returns the work after an error, due when it can continue (see `retry_at`)."""
    attempts = held.work.attempts + (not isinstance(error, NotNow))
    held.finish(retry_at(error, attempts), attempts=attempts, **changes)


def retry_at(error: ClaroError, attempts: int) -> datetime | None:
    """When work that met an error continues; None: when the key that Claro refuses is accepted again (keys.go_on)."""
    if isinstance(error, NotNow):
        return error.retry_at
    if getattr(error, "waits_for_the_key", False):
        return None
    if getattr(error, "needs_a_person", False):  # costs no call, and somebody may put the master key back
        return timezone.now() + LONGEST_RETRY
    pause = min(FIRST_RETRY * 2 ** min(attempts - 1, 10), LONGEST_RETRY)
    return timezone.now() + pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing
