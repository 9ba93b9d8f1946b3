"""A pytest plugin that finds the tests over two seconds without the mark `slow`; the gate repeats them alone.

A test's time is that of the test and of its own fixtures. A fixture that several tests share (of a module, package or
session) counts for none of them: which test meets it first depends on the order. What a first page costs a server and a
browser that have just started counts for none either: a test that runs several times has the time of its quickest run.
"""

import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

LIMIT_S = 2.0
OPTION = "--over-limit-file"
TIMES = "--times"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, type=Path, help="write what took too long to this file: node id to seconds, as JSON")
    parser.addoption(TIMES, type=int, default=1, help="run each test as often; its quickest run counts")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Timing(config.getoption(OPTION)))


class Timing:
    def __init__(self, path: Path | None):
        self._path, self._shared_s, self._setup_s = path, 0.0, 0.0
        self._quickest: dict[str, float] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        more = config.getoption(TIMES) - 1
        items[:] = [run for item in items for run in (item, *(_again(item) for _ in range(more)))]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self._shared_s = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef) -> Iterator[None]:
        started = time.perf_counter()
        try:
            return (yield)
        finally:
            if fixturedef.scope != "function":
                self._shared_s += time.perf_counter() - started

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo) -> Iterator[None]:
        report = yield
        if call.when == "setup":
            self._setup_s = call.duration - self._shared_s
        elif call.when == "call":
            report.own_s = self._setup_s + call.duration  # travels with the report to the process that collects them
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and "slow" not in report.keywords:
            self._quickest[report.nodeid] = min(report.own_s, self._quickest.get(report.nodeid, report.own_s))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        is_one_of_many = hasattr(session.config, "workerinput")
        if self._path and not is_one_of_many:
            self._path.write_text(json.dumps(self._over_limit()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for test, seconds in sorted(self._over_limit().items()):
            terminalreporter.write_line(f"{seconds:.1f} s, over {LIMIT_S:g} s without the mark slow: {test}")

    def _over_limit(self) -> dict[str, float]:
        return {test: seconds for test, seconds in self._quickest.items() if seconds > LIMIT_S}


def _again(item: pytest.Item) -> pytest.Item:
    """The same test once more, with fixtures of its own."""
    again = copy.copy(item)
    again._initrequest()
    return again
