"""Real Celery processes beside the tests, on the tests' database, Redis and sandbox."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
# How often due work is looked for. In life it is every two seconds, which tests would mostly wait for.
TICK_S = 0.3


class Celery:
    """A worker of both queues, or beat."""

    def __init__(self, folder: Path, *command: str, **more: str):
        self._log = (folder / f"celery-{command[0]}.log").open("ab")
        self.log_path = Path(self._log.name)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "claro_dashboard", *command],
            cwd=ROOT,
            env=environment(**more),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @classmethod
    def worker(cls, folder: Path, threads: int = 4, **more: str) -> "Celery":
        queues = ("--queues", "interactive,background", "--hostname", "interactive@tests")
        pool = ("--pool", "threads", "--concurrency", str(threads))
        return cls(folder, "worker", *queues, *pool, "--loglevel", "warning", **more)

    @classmethod
    def beat(cls, folder: Path, **more: str) -> "Celery":
        return cls(folder, "beat", "--schedule", str(folder / "beat-schedule"), "--loglevel", "warning", **more)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """As if the power went."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)
        self._log.close()

    def __enter__(self) -> "Celery":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.is_alive:
            self.stop()


class Crew:
    """A worker and beat, which may die and be replaced. They log all they can. `more` is their environment."""

    def __init__(self, folder: Path, threads: int = 4, **more: str):
        self.folder, self._threads = folder, threads
        self._more = {"LOG_LEVEL": "DEBUG"} | more
        self.replace_beat()
        self.replace_the_worker()

    def lose_the_worker(self) -> None:
        self.worker.kill()

    def replace_the_worker(self) -> None:
        self.worker = Celery.worker(self.folder, self._threads, **self._more)

    def lose_beat(self) -> None:
        self.beat.kill()

    def replace_beat(self) -> None:
        self.beat = Celery.beat(self.folder, **self._more)

    def log(self) -> bytes:
        return self.worker.log_path.read_bytes() + self.beat.log_path.read_bytes()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *exc: object) -> None:
        with self.beat, self.worker:
            pass


def environment(**more: str) -> dict[str, str]:
    """What a process of ours needs in order to work with the tests' stores, or with others that are named."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "claro_dashboard.settings",
        "DATABASE_URL": _database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CLARO_API_BASE_URL": settings.CLARO_API_BASE_URL,
        "PYTHONWARNINGS": "ignore",
        "TICK_SECONDS": str(TICK_S),
        **more,
    }


def _database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
    return f"postgres://{user}@{database['HOST'].replace('/', '%2f')}:{database['PORT']}/{database['NAME']}"
