"""Keeps older releases of CPython from a slow place deep in the call stack. Does nothing on those that are fixed.

Frames lie in chunks of 16 kB. A loop whose calls just cross the end of one maps and unmaps memory with every call
(https://github.com/python/cpython/issues/142183). Template loops are deep: by bad luck with its depth, the list of
sources took 61 ms of processor time instead of 35. Fixed in 3.13.13, 3.14.4 and 3.15, never in 3.11 and 3.12.

Remove this module, its test and its line in MIDDLEWARE once `requires-python` (pyproject.toml) is 3.13.13 or later.
"""

import sys
from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

# Pointers of 8 bytes: what is called from such a frame lies in the same chunk of 128 kB, hundreds of frames long.
LARGE_FRAME = 8000


def is_slow(implementation: str, version: tuple[int, int, int]) -> bool:
    """Whether this release of Python has the slow place."""
    return implementation == "cpython" and (version < (3, 13, 13) or (3, 14) <= version < (3, 14, 4))


def with_room(function: Callable) -> Callable:
    """The same function with a frame so large that a chunk is made for it, with room for all that it calls."""
    function.__code__ = function.__code__.replace(co_stacksize=LARGE_FRAME)
    return function


class StackMiddleware:
    """Answers the request with room on the stack. It must be the outermost."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        if not is_slow(sys.implementation.name, sys.version_info[:3]):
            raise MiddlewareNotUsed
        self.get_response = get_response

    @with_room
    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)
