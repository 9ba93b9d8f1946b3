import resource
import sys

import pytest
from django.core.exceptions import MiddlewareNotUsed

from claro_dashboard import stack
from claro_dashboard.stack import StackMiddleware, is_slow

CALLS = 2000


def faults_of_a_loop(depth: int) -> int:
    """How often memory had to be mapped for a loop of calls so deep in the stack."""
    if depth:
        return faults_of_a_loop(depth - 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(CALLS):
        nothing()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def nothing() -> None:
    """A frame, no more; larger than those above it, so that one depth or another has no room for it in its chunk."""


nothing.__code__ = nothing.__code__.replace(co_stacksize=60)


def called_from_c(function, *arguments):
    """Through C, as the layers of middleware are: the interpreter starts anew."""
    return next(map(function, *([argument] for argument in arguments)))


@pytest.mark.skipif(not is_slow(sys.implementation.name, sys.version_info[:3]), reason="this Python is fixed")
def test_a_loop_costs_the_same_at_any_depth_below_the_middleware():
    def view(depth: int) -> int:
        return called_from_c(faults_of_a_loop, depth)

    worst = max(called_from_c(StackMiddleware(view), depth) for depth in range(200))
    assert worst < CALLS / 4


def test_it_stands_outside_all_others(settings):
    assert settings.MIDDLEWARE[0] == "claro_dashboard.stack.StackMiddleware"


@pytest.mark.parametrize(
    ("version", "slow"),
    [
        ((3, 11, 7), True),
        ((3, 12, 99), True),
        ((3, 13, 12), True),
        ((3, 13, 13), False),
        ((3, 14, 3), True),
        ((3, 14, 4), False),
        ((3, 15, 0), False),
    ],
)
def test_only_releases_that_are_slow_get_room(monkeypatch, version, slow):
    assert is_slow("cpython", version) is slow
    assert not is_slow("pypy", version)
    monkeypatch.setattr(stack, "is_slow", lambda *_: slow)
    if slow:
        assert StackMiddleware(str)("x") == "x"
    else:
        with pytest.raises(MiddlewareNotUsed):
            StackMiddleware(str)
