"""Database connections of the current thread."""

from django.db import connections


def release() -> None:
    """Gives the thread's connections back to the pool, before it waits for something that takes seconds.

    The next query takes one again. Raises RuntimeError in a transaction, which would be lost: call the network before
    or after `atomic`, never within.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            raise RuntimeError("A network exchange inside a transaction would hold its connection and its locks.")
        connection.close()
