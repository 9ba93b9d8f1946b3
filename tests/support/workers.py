"""Real Celery processes beside the tests, on the tests' database, Redis and sandbox."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


class Celery:
    """A worker of both queues, or beat."""

    def __init__(self, folder: Path, *command: str):
        self._log = (folder / f"celery-{command[0]}.log").open("ab")
        self.log_path = Path(self._log.name)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "claro_dashboard", *command],
            cwd=ROOT,
            env=environment(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @classmethod
    def worker(cls, folder: Path) -> "Celery":
        queues = ("--queues", "interactive,background", "--hostname", "interactive@tests")
        return cls(folder, "worker", *queues, "--pool", "threads", "--concurrency", "4", "--loglevel", "warning")

    @classmethod
    def beat(cls, folder: Path) -> "Celery":
        return cls(folder, "beat", "--schedule", str(folder / "beat-schedule"), "--loglevel", "warning")

    def kill(self) -> None:
        """As if the power went."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=15)
        self._log.close()

    def __enter__(self) -> "Celery":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process.poll() is None:
            self.stop()


def environment() -> dict[str, str]:
    """What a process of ours needs in order to work with the tests' stores."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "claro_dashboard.settings",
        "DATABASE_URL": _database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CLARO_API_BASE_URL": settings.CLARO_API_BASE_URL,
        "PYTHONWARNINGS": "ignore",
    }


def _database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
    return f"postgres://{user}@{database['HOST'].replace('/', '%2f')}:{database['PORT']}/{database['NAME']}"
