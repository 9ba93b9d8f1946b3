"""Empties the database after a transactional test: only the tables that hold rows, which are few of many.

Django's own flush truncates every table and creates content types and permissions again. On PostgreSQL that took
123 ms a test, longer than most tests.
"""

import functools

from django.db import DatabaseError, connections, transaction
from django.test import TransactionTestCase

# Filled by migrations, and the same for every test.
KEPT = ("django_migrations", "django_content_type", "auth_permission")
# Real workers and servers may write meanwhile: a deadlock, or a new row that refers to a deleted one.
TRIES = 5


def install() -> None:
    """Makes every transactional test end this way."""
    TransactionTestCase._fixture_teardown = _flush
    # A test leaves its connection to the next one: to open and close one took longer than the flush.
    TransactionTestCase._should_reload_connections = lambda case: False


def _flush(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):
        for attempt in range(1, TRIES + 1):
            try:
                _delete_rows(alias)
                break
            except DatabaseError:
                if attempt == TRIES:
                    raise


def _delete_rows(alias: str) -> None:
    quote = connections[alias].ops.quote_name
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(_which_hold_rows(alias))
        for (name,) in cursor.fetchall():
            # Foreign keys are checked at the commit, so the order of the tables does not matter.
            cursor.execute(f"DELETE FROM {quote(name)}")


@functools.lru_cache
def _which_hold_rows(alias: str) -> str:
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    quote = connection.ops.quote_name
    return " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})" for name in sorted(set(tables) - set(KEPT))
    )
