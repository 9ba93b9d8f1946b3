"""Processes that kill -9 themselves the moment that a step of their work is done."""

import signal
import subprocess
import sys

from tests.support.workers import environment

# A function: its module, its class or "", its name.
Step = tuple[str, str, str]

PROGRAM = """
import importlib, os, signal, sys
import django
django.setup()

def dying(step):
    def done_and_dead(*arguments, **named):
        step(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return done_and_dead

module, owner, name = sys.argv[1:4]
place = importlib.import_module(module)
place = getattr(place, owner) if owner else place
setattr(place, name, dying(getattr(place, name)))
"""


def killed_after(step: Step, work: str, *arguments: object) -> None:
    """Runs `work`, Python code that finds its arguments in `sys.argv[4:]`, in a process that dies after the step."""
    command = [sys.executable, "-c", PROGRAM + work, *step, *map(str, arguments)]
    process = subprocess.run(command, env=environment(), check=False)
    assert process.returncode == -signal.SIGKILL


def name_of(step: Step) -> str:
    return "-".join(filter(None, step[1:]))
