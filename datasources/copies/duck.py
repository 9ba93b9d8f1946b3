"""Connections to DuckDB that reach no network and start no threads of their own."""

from pathlib import Path

import duckdb

# Extensions come from the network, and SQL could read Python's variables. async_threads: eight more by default.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "async_threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}


def connect(memory: str, temporary: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A new in-memory instance of at most so much `memory` ("512MB").

    Files are attached to it, so a process has each file open once. Results that do not fit go to the folder
    `temporary`, in clear; without one the query fails.
    """
    return duckdb.connect(
        config={**_SETTINGS, "memory_limit": memory, "temp_directory": str(temporary) if temporary else ""}
    )


def quoted(text: object) -> str:
    """A literal of SQL: ATTACH takes no parameters."""
    return "'" + str(text).replace("'", "''") + "'"
