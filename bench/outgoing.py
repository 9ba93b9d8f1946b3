"""Measures the cost of a deadline, and other work while 21 receivers answer a byte a second.

Five channels have unsent notices, and 16 users press "Send a test". Each receiver drips until its time-out, and the
figures are taken during that time. Not part of `make bench`: `.venv/bin/python -m bench outgoing`.
"""

import uuid
from collections.abc import Callable, Iterator

import requests
from django.test import override_settings
from django.utils import timezone

from bench import stock
from bench.timing import Figure, above, in_turns, times
from bench.world import World
from core import heartbeats, leases, outgoing
from datasources import keys, notices, tasks
from datasources.claro.client import pooled_session
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, Outlet, OutletTest, Source, Sync
from datasources.models.notices import Topic
from datasources.notices import channels
from datasources.sharing import shares
from tests.support.dripping import Dripping
from tests.support.processes import wait_for
from tests.support.workers import Celery

TESTERS, CHANNELS = 16, 5
CALLS, ROUNDS = 300, 30


def figures(world: World) -> Iterator[Figure]:
    yield _price(world)
    account, owner = world.sandbox.account(), stock.person()
    key = stock.key(account, owner)
    table = stock.table(account, key, 100)
    share = shares.make(owner, key, [table])
    link = shares.renew(share, 1)
    links.make(str(link.pk), leases.claim(DownloadLink, link.pk))
    browser = world.browser(owner)
    actions: dict[str, Callable[[], object]] = {
        "the list": lambda: browser.get("/sources/"),
        "a share link": lambda: browser.get(f"/d/{share.unseal()}/?dl=1", 302),
        "a full sync": lambda: _synced(key),
        "a link made": lambda: _made(table),
    }
    with Celery.worker(world.folder, 16, NOTIFY_PRIVATE_NETWORKS="1"), Celery.beat(world.folder):
        wait_for(lambda: not heartbeats.silent(*heartbeats.QUEUES), seconds=120)
        quiet = in_turns(actions, ROUNDS)
        with override_settings(NOTIFY_PRIVATE_NETWORKS=True), Dripping(pause_s=1) as dripping:
            _drip(account, dripping)
            wait_for(lambda: dripping.open == channels.AT_ONCE, seconds=60)
            busy = in_turns({name: _while_dripping(dripping, action) for name, action in actions.items()}, ROUNDS)
            most = dripping.most
    for name in actions:
        yield times(f"{name}, while receivers drip", busy[name], quiet[name], "while none does")
    yield Figure("messages under way at most", f"{most}", f"allowed, {channels.AT_ONCE}", "–")


def _price(world: World) -> Figure:
    """One call over a kept connection, with and without a deadline for all of it."""
    account = world.sandbox.account()
    url, headers = f"{world.sandbox.base_url}/datasources?limit=1", {"Authorization": f"Bearer {account.key}"}
    with pooled_session() as plain, outgoing.Session(outgoing.Limits()) as bounded:

        def call(session: requests.Session) -> None:
            session.get(url, headers=headers, timeout=10).raise_for_status()

        taken = in_turns({"bounded": lambda: call(bounded), "plain": lambda: call(plain)}, CALLS)
    return above("a call with one deadline", taken["bounded"], taken["plain"], "requests alone")


def _drip(account, dripping: Dripping) -> None:
    for _ in range(CHANNELS):
        owner = stock.person()
        key = keys.add(owner, "Theirs", account.another_key(), ApiKey.State.VALID)
        channels.save(owner, Outlet.Kind.WEBHOOK, dripping.url)
        notices.tell(key, Topic.FAILED, {uuid.uuid4(): "a.csv"})
    Outlet.objects.update(due_at=timezone.now())
    for _ in range(TESTERS):
        tasks.start(channels.ask_test(channels.save(stock.person(), Outlet.Kind.WEBHOOK, dripping.url)))


def _while_dripping(dripping: Dripping, action: Callable[[], object]) -> Callable[[], object]:
    def act() -> object:
        if not dripping.open:  # all were given up: pressed again
            for test in OutletTest.objects.exclude(ended_at=None).select_related("outlet"):
                tasks.start(channels.ask_test(test.outlet))
        return action()

    return act


def _synced(key: ApiKey) -> None:
    before = timezone.now()
    Sync.objects.filter(key=key).update(due_at=before, leased_until=None)
    tasks.start(key.sync)
    wait_for(Sync.objects.filter(key=key, finished_at__gt=before).exists, pause=0.005)


def _made(table: Source) -> None:
    link = links.ask(table, table.key.owner, 300, renew=True)
    tasks.start(link)
    wait_for(DownloadLink.objects.filter(pk=link.pk, state=DownloadLink.State.READY).exists, pause=0.005)
