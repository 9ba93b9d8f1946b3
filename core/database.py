"""Database connections of the current thread."""

from django.db import connections


def release() -> None:
    """Gives the thread's connections back to the pool, before it waits for something that takes seconds.

    Where there is no pool (SQLite) the thread keeps them. The next query takes one again. Raises RuntimeError in a
    transaction, which would be lost: call the network before or after `atomic`, never within.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        elif not connection.atomic_blocks[-1]._from_testcase:  # as `atomic(durable=True)` tells the two apart
            raise RuntimeError("A network exchange inside a transaction would hold its connection and its locks.")
