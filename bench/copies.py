"""A whole-table copy of 1,000,000 rows × 12 columns: the signed-in page against the page of a tuned Datasette."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from urllib.parse import quote

from bench import datasette, million, stock
from bench.timing import Figure, in_turns, memory_mb, timed, times
from bench.world import Browser, World
from datasources.models import Source
from tests.support.copies import kept

TABLES, MEMORY_MB = 10, 600
BYTES = 0.7
AT_ONCE, BURST_S, BURSTS, RATE_AT_LEAST = 8, 5.0, 5, 2.5
PLAIN, INDEXED = "Datasette", "Datasette with an index"
# Each of its threads keeps the whole file in memory: 200 MB a thread and table.
CACHED = "Datasette with 200 MB of cache a thread"
_FILTER, _THEIR_FILTER = quote("category = 'Garden' AND price > 50000"), "category=Garden&price__gt=50000"
_SEARCH, _THEIR_SEARCH = f"?q={million.RARE}", f"title__contains={million.RARE}"
# Datasette has no page of it: a reader would click 10,000 times.
_DEEP_SORTED = quote("SELECT * FROM rows ORDER BY price, id LIMIT 50 OFFSET 500000")
_EXPORTED, _THEIR_EXPORTED = f"filter={quote('id <= 100000')}", "id__lte=100000&_stream=on"
# A cell of HTML or CSV.
_CODE = re.compile(rb"[>,]([0-9a-f]{24})[<,]")


@dataclass(frozen=True)
class Measure:
    """The queries of a page at ours and at Datasette, and the limits of the ratio."""

    what: str
    ours: str
    theirs: str
    limits: dict[str, float | None]
    rounds: int = 25


MEASURES = (
    Measure("first page", "", "/rows", {PLAIN: 0.2, CACHED: None}),
    Measure("row 500,000", "?page=10001", "/rows?_next=500000", {PLAIN: 0.2, CACHED: None}),
    Measure("sort by a number", "?sort=price", "/rows?_sort=price", {PLAIN: 0.3, INDEXED: 1.3, CACHED: None}),
    Measure("sorted, row 500,000", "?sort=price&page=10001", f"?sql={_DEEP_SORTED}", {PLAIN: 0.05}, rounds=3),
    Measure("filter with exact count", f"?filter={_FILTER}", f"/rows?{_THEIR_FILTER}", {PLAIN: 0.15, CACHED: None}),
    # The head of each column has the counts of its values.
    Measure("facet", "", "/rows?_facet=category", {PLAIN: 0.08, CACHED: None}, rounds=10),
    Measure("search, all columns against one", _SEARCH, f"/rows?{_THEIR_SEARCH}", {PLAIN: 0.5, CACHED: None}),
    Measure("CSV of 100,000 rows", f"?format=csv&{_EXPORTED}", f"/rows.csv?{_THEIR_EXPORTED}", {PLAIN: 0.25}, rounds=4),
)
# Pages that eight users open in turn.
MIX = MEASURES[:3] + MEASURES[4:5]


def figures(world: World) -> Iterator[Figure]:
    plain, indexed, file = million.made(world.folder)
    account, owner = world.sandbox.account(), stock.person()
    key = stock.key(account, owner)
    account.add_many([{"fileName": f"million-{number}.csv", "status": "completed"} for number in range(TABLES)])
    sources = list(stock.swept(key).sources.order_by("file_name"))
    users = stock.team(key, AT_ONCE)
    for source in sources:
        kept(source, file, million.ROWS)
    began = len(account.calls())
    with ExitStack() as servers:
        others = {
            PLAIN: servers.enter_context(datasette.serving(plain)),
            INDEXED: servers.enter_context(datasette.serving(indexed)),
            CACHED: servers.enter_context(datasette.serving(plain, cache_size_kb=300_000)),
        }
        yield from _pages(world.browser(owner), sources[0], others)
        yield _bytes(world.browser(owner), sources[0], others[PLAIN])
        yield from _rates(world, sources[0], users, others[PLAIN])
    yield from _memory(world, owner, sources)
    yield Figure("API calls for all of these", f"{len(account.calls()) - began}", "none, 0", "–")


def _pages(browser: Browser, source: Source, others: dict[str, datasette.Datasette]) -> Iterator[Figure]:
    opened = timed(lambda: browser.get(_path(source)))
    yield Figure("first page of a copy that is not open yet", f"{opened:.0f} ms", "time of a page, 2,000 ms", "–")
    sort = f"{_path(source)}?sort=price&order=asc"
    unkept = [timed(lambda: browser.get(sort)), *(_first_sort(browser, source, name) for name in ("id", "quantity"))]
    for measure in MEASURES:
        actions: dict[str, Callable[[], bytes]] = {"ours": lambda m=measure: browser.get(_path(source) + m.ours)}
        actions |= {name: lambda m=measure, one=one: one.get(m.theirs) for name, one in others.items()}
        _assert_equal(measure.what, {name: act() for name, act in actions.items() if measure.rounds > 3})
        taken = in_turns(
            {name: act for name, act in actions.items() if name in ("ours", *measure.limits)},
            measure.rounds,
            warm_up=min(measure.rounds // 5, 5),
        )
        for name, limit in measure.limits.items():
            yield times(measure.what, taken["ours"], taken[name], name, limit)
    yield from _pages_once(browser, source, others[PLAIN])
    yield Figure("first sort by a number, before its order is kept", f"{median(unkept):.0f} ms", "–", "–")


def _pages_once(browser: Browser, source: Source, other: datasette.Datasette) -> Iterator[Figure]:
    """Pages that nobody has opened before: their rows are not in memory."""
    ours, theirs = (iter(range(1_850, million.ROWS, 1_850)) for _ in range(2))
    actions = {
        "ours": lambda: browser.get(f"{_path(source)}?page={next(ours) // 50 + 1}"),
        PLAIN: lambda: other.get(f"/rows?_next={next(theirs)}"),
    }
    taken = in_turns(actions, 25, warm_up=5)
    yield times("a page that was not opened before", taken["ours"], taken[PLAIN], PLAIN, 0.2)


def _first_sort(browser: Browser, source: Source, name: str) -> float:
    time.sleep(3)  # until the order before is kept
    return timed(lambda: browser.get(f"{_path(source)}?sort={name}&order=desc"))


def _assert_equal(what: str, pages: dict[str, bytes]) -> None:
    """All show the same rows in the same order."""
    shown = {name: _CODE.findall(page) for name, page in pages.items()}
    assert all(codes and codes == shown["ours"] for codes in shown.values()), f"{what}: {shown}"


def _bytes(browser: Browser, source: Source, other: datasette.Datasette) -> Figure:
    """The first page as it is sent to a browser, which takes compressed ones."""
    headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
    ours, theirs = len(browser.get(_path(source), **headers)), len(other.get("/rows", **headers))
    ratio = f"{ours / theirs:.2f}×, limit {BYTES}×"
    return Figure("bytes of the first page", f"{ours / 1000:.1f} kB", f"{PLAIN}, {theirs / 1000:.1f} kB", ratio)


def _rates(world: World, source: Source, users: list, other: datasette.Datasette) -> Iterator[Figure]:
    """Bursts of eight connections, each for a user of its own; the two in turns."""
    browsers = [world.browser(user) for user in users]
    ours = [one.get for one in browsers]
    theirs = [other.connected().get for _ in users]
    rates: dict[str, list[float]] = {"ours": [], PLAIN: []}
    for _ in range(BURSTS):
        rates["ours"].append(_burst(ours, [_path(source) + measure.ours for measure in MIX]))
        rates[PLAIN].append(_burst(theirs, [measure.theirs for measure in MIX]))
    mine, against = median(rates["ours"]), median(rates[PLAIN])
    what = f"requests a second, {AT_ONCE} connections ({', '.join(measure.what for measure in MIX)})"
    ratio = f"{mine / against:.1f}×, at least {RATE_AT_LEAST}×"
    yield Figure(what, f"{mine:.0f}/s", f"{PLAIN}, {against:.1f}/s", ratio)


def _burst(gets: list[Callable[[str], bytes]], paths: list[str]) -> float:
    until = time.monotonic() + BURST_S

    def visit(number: int) -> int:
        done = 0
        while time.monotonic() < until:
            gets[number](paths[(number + done) % len(paths)])
            done += 1
        return done

    started = time.monotonic()
    with ThreadPoolExecutor(len(gets)) as pool:
        return sum(pool.map(visit, range(len(gets)))) / (time.monotonic() - started)


def _memory(world: World, owner, sources: list[Source]) -> Iterator[Figure]:
    """A web process in which one user reads all tables in every way, twice."""
    port = world.another_web(COPIES_OPEN_MB="4096")
    browser, pid = world.browser(owner, port), world.pids[port]
    for _ in range(2):
        for source in sources:
            for measure in MEASURES:
                browser.get(_path(source) + measure.ours)
    used = memory_mb(pid)
    what = f"memory of a web process with {TABLES} such tables in use"
    yield Figure(what, f"{used:.0f} MB", f"limit, {MEMORY_MB} MB", f"{used / MEMORY_MB:.2f}×")


def _path(source: Source) -> str:
    return f"/sources/{source.datasource_id}/rows/"
