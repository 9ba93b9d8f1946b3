"""`make run` tells its progress while it installs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# In place of Python: makes an environment whose pip collects two packages, or fails.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python";;
  "-m pip install "*)
    echo "Collecting django==5.2 (from -r requirements.txt)"
    echo "  Using cached django-5.2-py3-none-any.whl"
    [ -e broken ] && { echo "ERROR: no such package" >&2; exit 1; }
    echo "Collecting duckdb==2.0.1 (from -r requirements.txt)"
    echo "Installing collected packages: django, duckdb";;
  "-m claro_dashboard.run") echo "It runs";;
esac
"""


@pytest.fixture
def make_run(tmp_path):
    """`make run` in a folder of its own: the exit code, and what was printed."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).touch()
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    command = ["make", "run", "UV=", f"PYTHON={python}"]
    # As from a shell: the gate itself runs within a make, which would say so in each line.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}

    def make_run() -> tuple[int, str, str]:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return make_run


def test_each_package_is_a_line_and_then_it_runs(make_run):
    code, said, _ = make_run()
    assert code == 0
    assert [line.strip() for line in said.splitlines()[1:]] == [
        "django==5.2",
        "duckdb==2.0.1",
        "Unpacking",
        "Installed",
        "It runs",
    ]
    assert "Installing the packages of requirements.txt" in said


def test_a_second_time_installs_nothing(make_run):
    make_run()
    assert make_run()[:2] == (0, "It runs\n")


def test_an_installation_that_fails_starts_nothing_and_says_why(make_run, tmp_path):
    (tmp_path / "broken").touch()
    code, said, error = make_run()
    assert code != 0
    assert "no such package" in error
    assert "Installed" not in said
    assert "It runs" not in said
    (tmp_path / "broken").unlink()
    assert make_run()[0] == 0
