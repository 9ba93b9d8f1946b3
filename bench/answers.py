"""Memory of the web process while it reads the worst answers that it accepts, and those that it refuses."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench import stock
from bench.timing import Figure, status
from bench.world import World
from datasources.claro.bodies import MEMORY_MAX, memory_of
from datasources.models import Source

LIMIT_MB = 400
# The client refuses longer ones while they arrive.
BYTES_MAX = 12 * 2**20 - 1024
JSON = {"Content-Type": "application/json"}
# What one row holds, over and over.
PIECES = {
    "empty lists": "[]",
    "empty objects": "{}",
    "objects of one key": '{"a":1000}',
    "numbers": "1.5",
    "short texts": '"ab"',
    "texts with emoji": f'"{"x" * 990}😀"',
    "long texts": f'"{"x" * 50_000}"',
    "NULs": r'"\u0000\u0000"',
    "half surrogate pairs": r'"\ud800é"',
    "nested a hundred deep": "[" * 98 + "]" * 98,
}


def figures(world: World) -> Iterator[Figure]:
    account, reader = world.sandbox.account(), stock.person()
    key = stock.key(account, reader)
    source = stock.table(account, key, 10)
    browser = world.browser(reader)
    browser.get(f"/sources/{source.datasource_id}/rows/")
    for name, piece in PIECES.items():
        count = _most(piece)
        for what, times in (("the most", 1), ("ten times too much", 10)):
            body = _body(piece, min(count * times, 4 * BYTES_MAX // len(piece)))
            account.fault("answer", status=200, body=body, headers=JSON, path="/data")
            peak_mb = _peak(world.web_pid, lambda: _read(browser, source))
            account.sandbox.control("DELETE", "faults")
            yield Figure(f"{what} {name}", f"{peak_mb:.0f} MB", f"limit, {LIMIT_MB} MB", f"{peak_mb / LIMIT_MB:.2f}×")


def _most(piece: str) -> int:
    """How many of these an answer may hold."""
    one, more = _body(piece, 1), _body(piece, 101)
    each = (memory_of(more.encode()) - memory_of(one.encode())) / 100
    return int(min(MEMORY_MAX / each, BYTES_MAX / (len(piece.encode()) + 1))) - 100


def _body(piece: str, count: int) -> str:
    """A page of ten rows that hold so many of these."""
    row = '{"v":[' + ",".join([piece] * (count // 10 + 1)) + "]}"
    return '{"data":[' + ",".join([row] * 10) + '],"pagination":{"total":10}}'


def _read(browser, source: Source) -> None:
    """Asks until the rows, or what is wrong with them, are there."""
    end = time.monotonic() + 60
    number = time.time_ns()  # a query that no cache knows
    while browser.try_get(f"/sources/{source.datasource_id}/rows/?filter=n+%3E+{number}")[0] == 202:
        assert time.monotonic() < end
        time.sleep(0.1)


def _peak(pid: int, act) -> float:
    """The most memory that a process held meanwhile."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    act()
    return status(pid, "VmHWM") / 1024
