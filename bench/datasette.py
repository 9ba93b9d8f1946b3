"""Datasette with a SQLite file, tuned for a table of a million rows."""

import contextlib
import http.client
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import free_port, wait_for

# Time for the slowest query, all rows in a CSV, no guesses about facets.
SETTINGS = {
    "default_page_size": 50,
    "sql_time_limit_ms": 60_000,
    "facet_time_limit_ms": 60_000,
    "max_returned_rows": 100_000,
    "suggest_facets": "off",
    "num_sql_threads": 4,
    "max_csv_mb": 0,
}


class Datasette:
    def __init__(self, port: int, path: Path):
        self.port, self.name = port, path.stem
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str, **headers: str) -> bytes:
        """A page below the database's address, on one kept connection."""
        try:
            self._connection.request("GET", f"/{self.name}{path}", headers=headers)
            answer = self._connection.getresponse()
        except http.client.RemoteDisconnected:  # it was idle for five seconds
            self._connection.close()
            return self.get(path, **headers)
        body = answer.read()
        assert answer.status == 200, f"{path}: {answer.status}"
        return body

    def connected(self) -> "Datasette":
        """The same server over a connection of its own."""
        return Datasette(self.port, Path(self.name))


@contextlib.contextmanager
def serving(path: Path, **more: object) -> Iterator[Datasette]:
    """The server of this file, which nothing else may change. `more` are settings."""
    port = free_port()
    settings = [part for name, value in (SETTINGS | more).items() for part in ("--setting", name, str(value))]
    command = [sys.executable, "-m", "datasette", "serve", "-i", str(path), "--port", str(port), *settings]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield wait_for(lambda: _answering(port, path), seconds=120)
    finally:
        process.terminate()
        process.wait()


def _answering(port: int, path: Path) -> Datasette | None:
    server = Datasette(port, path)
    with contextlib.suppress(OSError):
        server.get("")
        return server
    return None
