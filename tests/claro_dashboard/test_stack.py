import resource
import sys

import pytest

from claro_dashboard.stack import StackMiddleware

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


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="other Pythons have another stack")
def test_a_loop_costs_the_same_at_any_depth_below_the_middleware():
    def view(depth: int) -> int:
        return called_from_c(faults_of_a_loop, depth)

    worst = max(called_from_c(StackMiddleware(view), depth) for depth in range(200))
    assert worst < CALLS / 4


def test_it_stands_outside_all_others(settings):
    assert settings.MIDDLEWARE[0] == "claro_dashboard.stack.StackMiddleware"
