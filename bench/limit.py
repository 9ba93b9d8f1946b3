"""Reading much within little: the calls, and the time that the limit alone imposes."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from uuid import uuid4

from django.utils import timezone

from accounts.models import User
from bench import stock
from bench.timing import Figure, calls, memory_mb, timed
from bench.world import World
from core import leases
from datasources.claro import RateLimit, RateLimited
from datasources.gateway import budget
from datasources.gateway.budget import Budget, Lane
from datasources.mirror import watch
from datasources.models import ApiKey, Source, Sync, Watch

WINDOW_S = 2.0  # instead of a minute: the clock would do nothing but wait
PER_WINDOW = 100
BLOCKS = 1000


@dataclass
class Api:
    """A limit in fixed windows that begin with their first call."""

    ends_at: float = 0.0
    used: int = 0
    refused: int = 0
    made: int = 0

    def call(self) -> RateLimit:
        now = time.monotonic()
        if now >= self.ends_at:
            self.ends_at, self.used = now + WINDOW_S, 0
        self.used, self.made = self.used + 1, self.made + 1
        self.refused += self.used > PER_WINDOW
        return RateLimit(limit=PER_WINDOW, remaining=max(PER_WINDOW - self.used, 0), reset_in_s=self.ends_at - now)


def figures(world: World) -> Iterator[Figure]:
    yield from _read_all()
    yield from _one_tick(world)


def _read_all() -> Iterator[Figure]:
    """1,000 blocks of 1,000 rows by a background reader, nobody else active; an answer takes 1 ms."""
    budget.RESET_MARGIN_MS = 0  # the second that real answers are rounded by would be half a window here
    api, spent = Api(), Budget("bench-read-all", lane=Lane.COPY)
    started, done = time.monotonic(), 0
    while done < BLOCKS:
        try:
            ticket = spent.before_call()
        except RateLimited as error:
            time.sleep(max((error.retry_at - timezone.now()).total_seconds(), 0.001))
            continue
        answer = api.call()
        time.sleep(0.001)
        spent.after_call(ticket, answer, None)
        done += 1
    took_s = time.monotonic() - started
    imposed_s = BLOCKS / PER_WINDOW * WINDOW_S
    yield calls("reading 1,000,000 rows in order", api.made, BLOCKS)
    yield Figure(
        "the time of that, in windows",
        f"{took_s / WINDOW_S:.2f}",
        f"what the limit imposes, {imposed_s / WINDOW_S:.0f}",
        f"{took_s / imposed_s:.2f}×",
    )
    yield Figure("calls refused (429) on the way", str(api.refused), "none, 0", "–")


def _one_tick(world: World) -> Iterator[Figure]:
    """A tick that finds ten due keys, among a hundred and among ten thousand, with ten processing sources each.

    Those ten are real: they are looked at afterwards, a call each.
    """
    account = world.sandbox.account()
    account.add_many(stock.names(10, status="processing"))
    due = [stock.swept(stock.key(account, stock.person())) for _ in range(10)]
    took, grown_mb = [], []
    for number in (100, 10_000):
        owner = stock.person()
        _keys(owner, number - len(due))
        before_mb, rounds = memory_mb(os.getpid()), []
        for _ in range(20):
            Watch.objects.filter(key__in=due).update(due_at=timezone.now(), leased_until=None)
            rounds.append(timed(lambda: leases.claim_due(Watch)))
        took.append(median(rounds))
        grown_mb.append(memory_mb(os.getpid()) - before_mb)
        before = len(account.calls())
        Watch.objects.filter(key__in=due).update(due_at=timezone.now(), leased_until=None)
        for pk, lease in leases.claim_due(Watch):
            watch.poll(pk, lease)
        made = len(account.calls()) - before
        ApiKey.objects.filter(owner=owner).delete()
    small, large = took
    yield Figure(
        "a tick with 10 due keys among 10,000", f"{large:.1f} ms", f"among 100, {small:.1f} ms", f"{large / small:.1f}×"
    )
    yield Figure("memory that 20 of them take", f"{grown_mb[1]:.1f} MB more", f"among 100, {grown_mb[0]:.1f} MB", "–")
    yield calls("looking at these ten", made, len(due))


def _keys(owner: User, number: int) -> None:
    """Keys that are not due, with ten processing sources each."""
    made = ApiKey.objects.bulk_create(
        ApiKey(owner=owner, label=f"{n}", secret="x", fingerprint=f"{owner.pk}-{n}", hint="") for n in range(number)
    )
    later, now = timezone.now() + timedelta(hours=1), timezone.now()
    Sync.objects.bulk_create(Sync(key=key, due_at=later) for key in made)
    Watch.objects.bulk_create(Watch(key=key, due_at=later) for key in made)
    Source.objects.bulk_create(
        (
            Source(key=key, datasource_id=uuid4(), status="processing", first_seen_at=now, last_seen_at=now)
            for key in made
            for _ in range(10)
        ),
        batch_size=1000,
    )
