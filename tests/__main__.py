"""`make test`: style, types, and every test on SQLite, then again on PostgreSQL.

Arguments go to pytest instead: `.venv/bin/python -m tests -k links`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support import browser, postgres

WORKERS = ["-n", str(os.cpu_count() or 2), "--dist", "worksteal"]

# What has no database need not run on another one.
WITHOUT_DATABASE = [f"--ignore=tests/{name}" for name in ("claro", "sandbox", "dashboard")]


def main() -> int:
    if sys.argv[1:]:
        return run("pytest", *sys.argv[1:])
    browser.executable()  # says what is missing before minutes have passed
    steps = [
        ("style", lambda: run("ruff", "check", ".") or run("ruff", "format", "--check", ".")),
        ("types", lambda: run("mypy")),
        ("tests on SQLite", lambda: run("pytest", *WORKERS, "-m", "not system")),
        ("the whole system", lambda: run("pytest", "-m", "system")),
        ("tests on PostgreSQL", on_postgres),
    ]
    for name, step in steps:
        started = time.monotonic()
        failed = step()
        print(f"== {name}: {'FAILED' if failed else 'ok'} ({time.monotonic() - started:.0f} s)", flush=True)  # noqa: T201
        if failed:
            return 1
    return 0


def on_postgres() -> int:
    with tempfile.TemporaryDirectory(prefix="claro-pg-") as folder, postgres.server(Path(folder)) as running:
        return run("pytest", *WORKERS, *WITHOUT_DATABASE, "-m", "not browser and not system", DATABASE_URL=running.url)


def run(module: str, *arguments: str, **environment: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], env=os.environ | environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
