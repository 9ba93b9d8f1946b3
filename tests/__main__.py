"""`make test`: style, types and every test, on SQLite and on PostgreSQL, side by side where cores are idle.

`python -m tests STAGE …` runs some of the stages only; `python -m tests widths` what holds in every window, in each of
them. Other arguments go to pytest: `python -m tests -k links`.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import browser, postgres, speed
from tests.support.timing import LIMIT_S, OPTION, TIMES

REPEATS = 3
CORES = os.cpu_count() or 2
# The stages of one lane run one after the other, the lanes side by side: tests wait half of the time. On two cores a
# third lane made all of them slower.
LANES = (("lint", "sqlite", "postgres"), ("browser", "system"))
ON_ALL_CORES = ["-n", str(CORES), "--dist", "worksteal"]
# A part of lint, without the servers of the other tests.
WORDS = "tests/test_words.py"
WITHOUT_BROWSER = ["--ignore=tests/browser", "--ignore=tests/system", f"--ignore={WORDS}"]
TESTS = {
    "sqlite": [*ON_ALL_CORES, *WITHOUT_BROWSER],
    "postgres": [*ON_ALL_CORES, *WITHOUT_BROWSER],
    # In one process: its last tests have workers, which would take part in those of another.
    "browser": ["tests/browser"],
    "system": ["tests/system"],
}


def main(arguments: list[str]) -> int:
    if arguments == ["widths"]:
        return _run_in_every_window()
    stages = [stage for lane in LANES for stage in lane]
    if not set(arguments) <= set(stages):
        return _run("pytest", *arguments, output=None).returncode
    wanted = arguments or stages
    if {"browser", "system"} & set(wanted):
        browser.executable()  # says what is missing before minutes have passed
    lanes = [[stage for stage in lane if stage in wanted] for lane in LANES]
    with tempfile.TemporaryDirectory(prefix="claro-gate-") as folder, ThreadPoolExecutor(len(lanes)) as pool:
        over_limit = Path(folder)
        output = None if len(wanted) == 1 else subprocess.PIPE
        is_good = all([*pool.map(lambda lane: _run_lane(lane, over_limit, output), lanes)])
        # Last, when nothing else of ours runs.
        return 0 if is_good and all([*map(_is_quick_enough, sorted(over_limit.iterdir()))]) else 1


def _run_in_every_window() -> int:
    """The tests marked `any_window`, at each width, light and dark. The gate runs each of them in one window."""
    is_good = True
    for width, theme in itertools.product(browser.WINDOWS, browser.THEMES):
        print(f"== {width} px, {theme}", flush=True)  # noqa: T201
        environment = {"BROWSER_WIDTH": str(width), "BROWSER_THEME": theme}
        is_good &= not _run("pytest", "-q", "-m", "any_window", "tests/browser", output=None, **environment).returncode
    return 0 if is_good else 1


def _run_lane(lane: list[str], over_limit: Path, output: int | None) -> bool:
    outcomes = [_run_stage(stage, over_limit / stage, output) for stage in lane]  # the others too when one fails
    return all(outcomes)


def _run_stage(stage: str, over_limit: Path, output: int | None) -> bool:
    """Runs it. Unless it is the only one, what it prints comes as one piece when it ends."""
    started = time.monotonic()
    if stage == "lint":
        commands = (
            ["ruff", "check", "."],
            ["ruff", "format", "--check", "."],
            ["mypy"],
            ["tests.support.imports"],
            ["codespell_lib", "."],
            ["pytest", "--noconftest", "-q", WORDS],
        )
        done = [_run(*command, output=output) for command in commands]
    else:
        with _database(stage) as environment:
            done = [_run("pytest", *TESTS[stage], f"{OPTION}={over_limit}", output=output, **environment)]
    is_good = not any(one.returncode for one in done)
    outcome = f"== {stage}: {'ok' if is_good else 'FAILED'} ({time.monotonic() - started:.0f} s)"
    print(*(one.stdout or "" for one in done), outcome, sep="", flush=True)  # noqa: T201
    return is_good


def _is_quick_enough(over_limit: Path) -> bool:
    """Repeats the tests of a stage that took too long, alone; those that do so each time need the mark `slow` or work.

    A moment's load and a cold start are no reason to fail. On a machine that is slower just now than the one of the
    limit, a test is allowed as much more, and a warning tells.
    """
    tests = json.loads(over_limit.read_text())
    if not tests:
        return True
    again = over_limit.with_suffix(".again")
    slowness = speed.slowness()
    with _database(over_limit.name) as environment:
        done = _run("pytest", "-p", "no:xdist", f"{OPTION}={again}", f"{TIMES}={REPEATS}", *tests, **environment)
    slowness = max(slowness, speed.slowness())
    still = json.loads(again.read_text())
    for test, seconds in still.items():
        word = "warning" if seconds <= LIMIT_S * slowness else "FAILED"
        print(  # noqa: T201
            f"== {word}: {seconds:.1f} s alone, over {LIMIT_S:g} s without the mark slow "
            f"(this machine takes {slowness:.1f} times as long as that of the limit): {test}",
            flush=True,
        )
    if done.returncode:
        print(done.stdout, flush=True)  # noqa: T201
    return not done.returncode and all(seconds <= LIMIT_S * slowness for seconds in still.values())


@contextlib.contextmanager
def _database(stage: str) -> Iterator[dict[str, str]]:
    """The environment that names the database of a stage."""
    if stage != "postgres":
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="claro-pg-") as folder, postgres.server(Path(folder)) as running:
        yield {"DATABASE_URL": running.url}


def _run(
    module: str, *arguments: str, output: int | None = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a module of the environment. With `output` None it prints at once, and nothing is kept."""
    command = [sys.executable, "-m", module, *arguments]
    # With compiled files the many processes start in half the time, also where an environment asks for none.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        command, env=inherited | environment, check=False, stdout=output, stderr=subprocess.STDOUT, text=True
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
