"""Django's SQLite, with connections that are handed on instead of opened anew for every request.

Under ASGI each request is a thread of its own, and with it a connection: opening one, teaching it Django's functions
and closing it takes longer than most questions that are asked of it. PostgreSQL has a pool for that (settings).
"""

import contextlib
import sqlite3
from collections import deque

from django.db.backends.sqlite3 import base

AT_MOST = 16


class DatabaseWrapper(base.DatabaseWrapper):
    # By the path of the database; the one that was given back last is warm, and goes first.
    _idle: dict[str, deque[sqlite3.Connection]] = {}

    def get_new_connection(self, conn_params: dict) -> sqlite3.Connection:
        with contextlib.suppress(IndexError):
            return self._shelf().pop()
        return super().get_new_connection(conn_params)

    def _close(self) -> None:
        """Hands on what is as it was opened; what was in the middle of something, or met an error, is closed."""
        shelf, is_clean = self._shelf(), not (self.in_atomic_block or self.errors_occurred)
        if is_clean and not self.connection.in_transaction and len(shelf) < AT_MOST:
            shelf.append(self.connection)
        else:
            super()._close()

    def _shelf(self) -> deque[sqlite3.Connection]:
        return self._idle.setdefault(str(self.settings_dict["NAME"]), deque())
