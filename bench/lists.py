"""The list over 10,000 mirrored sources, against an empty page of the same layout."""

from collections.abc import Iterator

from bench import stock
from bench.timing import Figure, in_turns, times
from bench.world import World

SOURCES = 10_000
PAGES = {
    "first page, 50 sources": "/sources/",
    "25 sources": "/sources/?limit=25",
    "100 sources": "/sources/?limit=100",
    "searched by name": "/sources/?q=quarterly",
    "one status, by name": "/sources/?status=failed&sort=name&order=asc",
    "last page, 50 sources": f"/sources/?page={SOURCES // 50}",
}
EMPTY = "empty page"
# What the browser asks for with each letter.
PALETTE = {"nothing typed": "/palette/", "three letters": "/palette/?q=rep", "two words": "/palette/?q=csv+7"}
FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


def figures(world: World) -> Iterator[Figure]:
    account, reader = world.sandbox.account(), stock.person()
    account.add_many(stock.names(SOURCES))
    key = stock.swept(stock.key(account, reader))
    assert key.sources.count() == SOURCES
    browser = world.browser(reader)
    pages = {EMPTY: "/empty/", **PAGES}
    taken = in_turns({what: lambda path=path: browser.get(path) for what, path in pages.items()}, rounds=60)
    for what in PAGES:
        yield times(f"list, {what}", taken[what], taken[EMPTY], EMPTY)
    searches = {what: lambda path=path: browser.get(path, **FRAGMENT) for what, path in PALETTE.items()}
    taken = in_turns({EMPTY: lambda: browser.get("/empty/"), **searches}, rounds=30)
    for what in PALETTE:
        yield times(f"palette over {SOURCES:,} files, {what} (at most 50 ms)", taken[what], taken[EMPTY], EMPTY)
