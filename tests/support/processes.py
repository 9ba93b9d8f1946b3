"""Ports, and waiting for what other processes do."""

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(what: Callable[[], T], seconds: float = 60.0, pause: float = 0.05) -> T:
    """The first true answer; fails the test when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        if answer := what():
            return answer
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(pause)
