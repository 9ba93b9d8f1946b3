"""The application, as far as no worker is needed: datasources/test_workers.py and faults/ have real ones."""

import pytest

from claro_dashboard.celery import app


def test_what_a_closed_connection_is_asked_for_is_an_error_that_celery_mends():
    """After Redis went away, a message of before can't be said to be done, nor be put back."""
    connection = app.connection_for_read()
    channel = connection.default_channel
    connection.collect()
    for ask in (lambda: channel.qos.ack("tag"), channel.qos.restore_unacked):
        with pytest.raises(connection.connection_errors, match="closed"):
            ask()
