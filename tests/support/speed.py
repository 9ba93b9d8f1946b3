"""How fast this machine is just now, compared with the one on which the limits of the tests were set.

The same test took 1.3 s on one machine and 2.4 s on another with as many cores. What other programs take counts, and
what neighbours on the same hardware take, which no figure of the system shows.
"""

import argparse
import ast
import inspect
import os
import subprocess
import sys
import time

# Seconds that the work took there, where nothing else ran.
REFERENCE_S = 0.9
TIMES = 60


def slowness() -> float:
    """How many times as long as there everything takes here; 1 where it takes less. To find out takes a second or more.

    All cores work at once, as a test with a browser keeps more than one busy.
    """
    started = time.monotonic()
    running = [subprocess.Popen([sys.executable, "-m", __name__]) for _ in range(os.cpu_count() or 1)]
    for one in running:
        one.wait()
    return max(1.0, (time.monotonic() - started) / REFERENCE_S)


def _work() -> None:
    """Many small objects, as tests make them."""
    source = inspect.getsource(argparse)
    for _ in range(TIMES):
        ast.parse(source)


if __name__ == "__main__":
    _work()
