"""The page that compares a table with another one."""

from datetime import timedelta

from django.utils import timezone

from core import leases
from datasources.copies.compare import jobs, work
from datasources.models import Comparison, Source
from tests.browser.places import HOSTILE, World, place
from tests.support.copies import copied

COLUMNS = ["id", "name", "price", HOSTILE]
BEFORE = [[n, f"thing {n}", n * 1.5, HOSTILE] for n in range(1, 61)]
NOW = [[n, f"thing {n}" if n % 7 else None, n * 1.5, HOSTILE if n % 9 else "short"] for n in range(5, 71)]


def versions(world: World) -> Source:
    source = world.table()
    before = copied(source, COLUMNS, BEFORE, version=timezone.now() - timedelta(days=9))
    jobs.ask(before, copied(source, COLUMNS, NOW), ["id"], world.alice)
    return source


def address(source: Source, query: str = "?with=previous") -> str:
    return f"/sources/{source.datasource_id}/compare/{query}"


def compared(world: World, query: str = "?with=previous") -> str:
    source = versions(world)
    for pk, lease in leases.claim_due(Comparison):
        work.run(pk, lease)
    return address(source, query)


@place("compare, which file", "Choose the earlier table.")
def _choose(world: World) -> str:
    return address(world.table(), "?name=zzz")


@place("compare, no copy", "Comparing takes a whole-table copy of both tables", 409)
def _no_copy(world: World) -> str:
    world.table(name="things 1.csv")
    world.table(name="things 2.csv")
    before, now = Source.objects.order_by("file_name")
    return address(now, f"?with={before.datasource_id}")


@place("compare, under way", "Comparing the tables", 202)
def _under_way(world: World) -> str:
    return address(versions(world))


@place("compare, differences", "4 removed")
def _differences(world: World) -> str:
    return compared(world)


@place("compare, one column", "Changed cells:")
def _one_column(world: World) -> str:
    return compared(world, "?with=previous&change=changed&cell=name")


@place("compare, stopped", "The comparison was stopped")
def _stopped(world: World) -> str:
    source = versions(world)
    jobs.stop(Comparison.objects.get())
    return address(source)
