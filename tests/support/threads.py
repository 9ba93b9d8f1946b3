"""Doing one thing many times at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def at_once(count: int, what: Callable[[], T]) -> list[T | Exception]:
    """What each of so many threads gets, or the error it meets; all begin together."""
    together = threading.Barrier(count)

    def one() -> T | Exception:
        try:
            together.wait(10)
            return what()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(one) for _ in range(count)]]
