"""Row pages of 12 columns: from the cache against an empty page, and on a miss against the bare API call."""

from collections.abc import Iterator

import requests

from bench import stock
from bench.timing import Figure, above, in_turns, timed, times
from bench.world import World
from datasources.models import Source

BLOCK = 1000
BLOCKS = 40
EMPTY = "empty page"


def figures(world: World) -> Iterator[Figure]:
    account, reader = world.sandbox.account(), stock.person()
    source = stock.table(account, stock.key(account, reader), BLOCK * BLOCKS)
    yield from _cached(world, reader, source)
    yield from _uncached(world, reader, source, account.key)


def _cached(world: World, reader, source: Source) -> Iterator[Figure]:
    browser, path = world.browser(reader), f"/sources/{source.datasource_id}/rows/"
    sizes = (50, 250, 1000)
    actions = {size: lambda size=size: browser.get(f"{path}?limit={size}") for size in sizes}
    taken = in_turns({EMPTY: lambda: browser.get("/empty/"), **actions}, rounds=60)
    for size in sizes:
        yield times(f"rows from the cache, {size:,} × 12", taken[size], taken[EMPTY], EMPTY)


def _uncached(world: World, reader, source: Source, key: str) -> Iterator[Figure]:
    """Each round takes a block that nobody has asked for; the page and the bare call take turns in going first."""
    browser, path = world.browser(reader), f"/sources/{source.datasource_id}/rows/"
    api = requests.Session()
    api.headers["Authorization"] = f"Bearer {key}"
    url = f"{world.sandbox.base_url}/datasources/{source.datasource_id}/data"

    def bare(page: int, limit: int) -> float:
        return timed(lambda: api.get(url, params={"page": page, "limit": limit}, timeout=30).raise_for_status())

    ours, whole, part = [], [], []
    for block in range(1, BLOCKS):  # the first one is in the cache
        page = block * BLOCK // 50 + 1
        if block % 2:
            whole.append(bare(block + 1, BLOCK))
        ours.append(timed(lambda page=page: browser.get(f"{path}?limit=50&page={page}")))
        part.append(bare(page, 50))
        if not block % 2:
            whole.append(bare(block + 1, BLOCK))
    yield above("rows on a miss, 50 × 12 (asks 1,000)", ours, whole, "bare call of 1,000 rows")
    yield above("rows on a miss, 50 × 12 (asks 1,000)", ours, part, "bare call of 50 rows")
