import threading

import pytest
from django.db import connection, connections, transaction
from django.db.utils import OperationalError

from tests.support.threads import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a pool of its own"),
]


def opened():
    """The connection that this thread works with, opened if need be."""
    connection.ensure_connection()
    return connection.connection


def test_a_connection_is_handed_on_when_it_is_closed():
    before = opened()
    connection.close()
    assert connection.connection is None
    assert opened() is before
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys")
        assert cursor.fetchone() == (1,)
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)


def test_nobody_shares_one():
    connection.close()
    all_have_one = threading.Barrier(6)

    def hold():
        mine = opened()
        all_have_one.wait(10)
        return mine

    assert len({id(one) for one in at_once(6, hold)}) == 6


def test_one_that_met_an_error_or_was_in_the_middle_of_something_is_not_handed_on():
    first = opened()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")
    connection.close()
    second = opened()
    assert second is not first
    second.execute("BEGIN")
    connection.close()
    third = opened()
    assert third is not second
    with transaction.atomic():
        connection.close()
    assert opened() is not third


def test_another_database_has_connections_of_its_own(tmp_path):
    before = opened()
    connection.close()
    elsewhere = connections.create_connection("default")
    elsewhere.settings_dict = {**elsewhere.settings_dict, "NAME": str(tmp_path / "db.sqlite3")}
    elsewhere.ensure_connection()
    assert elsewhere.connection is not before
    elsewhere.close()
    assert opened() is before


def test_no_more_than_a_few_are_kept(monkeypatch):
    monkeypatch.setattr("claro_dashboard.sqlite3.base.AT_MOST", 0)
    before = opened()
    connection.close()
    assert opened() is not before
