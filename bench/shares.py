"""Share links: a click on a live one against a bare redirect, and the calls that a month of clicks costs."""

import http.client
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median

from django.db.models import F

from bench import stock
from bench.timing import Figure, calls, in_turns, times
from bench.world import World
from core import leases
from datasources.downloads import links
from datasources.models import DownloadLink, ShareLink
from datasources.sharing import shares
from tests.support.sandbox import Account

BARE = "bare redirect"
AT_ONCE, BURST_S, BURSTS = 8, 1.0, 7
CLICKS, DAYS = 1000, 30


def figures(world: World) -> Iterator[Figure]:
    account, owner = world.sandbox.account(), stock.person()
    key = stock.key(account, owner)
    share = shares.make(owner, key, [stock.table(account, key, 100)])
    _made(shares.renew(share, 1))
    before, address = _signed(account), f"/d/{share.unseal()}/?dl=1"
    click, bare = (lambda path=path: _redirect(visitor, path) for path in (address, "/redirect/"))
    visitor = http.client.HTTPConnection("127.0.0.1", world.web_port, timeout=60)
    taken = in_turns({"click": click, BARE: bare}, rounds=200)
    yield times("a click on a share link", taken["click"], taken[BARE], BARE)
    yield from _rates(world, address)
    yield Figure("API calls for all of these", f"{_signed(account) - before}", "none, 0", "–")
    made = _month(share, lambda: _redirect(visitor, address))
    what = f"{CLICKS:,} clicks in a month on one link"
    yield calls(what, _signed(account) - before, made, f"one for each renewal (at least {DAYS})")


def _rates(world: World, address: str) -> Iterator[Figure]:
    """Bursts from several visitors at once, the two in turns."""
    got: dict[str, list[float]] = {address: [], "/redirect/": []}
    for _ in range(BURSTS):
        for path, rates in got.items():
            rates.append(_burst(world, path))
    ours, bare = median(got[address]), median(got["/redirect/"])
    what = f"clicks a second, {AT_ONCE} at once"
    yield Figure(what, f"{ours:.0f}/s", f"{BARE}, {bare:.0f}/s", f"{bare / ours:.1f}× the time")


def _burst(world: World, path: str) -> float:
    until = time.monotonic() + BURST_S

    def visit(_: int) -> int:
        visitor, done = http.client.HTTPConnection("127.0.0.1", world.web_port, timeout=60), 0
        while time.monotonic() < until:
            _redirect(visitor, path)
            done += 1
        return done

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(visit, range(AT_ONCE))) / BURST_S


def _month(share: ShareLink, click: Callable[[], None]) -> int:
    """Clicks evenly over the days; time goes by as the ends of links come nearer. Gives how many links were made."""
    made = 0
    for _ in range(CLICKS):
        DownloadLink.objects.update(expires_at=F("expires_at") - timedelta(days=DAYS) / CLICKS)
        shares.write_uses()
        for link in shares.renew_ahead():
            _made(link)
            made += 1
        click()
    return made


def _redirect(visitor: http.client.HTTPConnection, path: str) -> None:
    try:
        visitor.request("GET", path)
        answer = visitor.getresponse()
    except ConnectionError:  # a kept connection that was idle for too long
        visitor.close()
        visitor.request("GET", path)
        answer = visitor.getresponse()
    answer.read()
    assert answer.status == 302, f"{path}: {answer.status}"


def _made(link: DownloadLink) -> None:
    """Makes the links, like a worker."""
    links.make(str(link.pk), leases.claim(DownloadLink, link.pk))


def _signed(account: Account) -> int:
    return len(account.calls("/download", "POST"))
