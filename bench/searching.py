"""The list of 100,000 sources, its search and its counts, against 10,000, and against LIKE and a full count."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone

from bench import stock
from bench.timing import Figure, in_turns, times
from bench.world import World
from datasources import access
from datasources.models import ApiKey, Source, Sync
from datasources.sources.forms import SourceListForm
from datasources.sources.listing import listing

FEW, MANY = 10_000, 100_000
SEARCHES = {
    "most files": "quarterly",
    "one letter": "e",
    "two words": "csv report-09",
    "one file": "report 54321",
    "an id": "",
    "nothing": "no such file",
}
EMPTY = "empty page"
LIKE = "LIKE and a full count"


def figures(world: World) -> Iterator[Figure]:
    people = {count: stock.person() for count in (FEW, MANY)}
    of = {count: _filled(stock.key(world.sandbox.account(), person), count) for count, person in people.items()}
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE datasources_source")  # as autovacuum does after a sync
    SEARCHES["an id"] = str(of[MANY].sources.first().datasource_id)[:13]
    few, many = (world.browser(person) for person in people.values())
    name, database = f"{MANY:,} sources", connection.display_name
    actions = {what: lambda q=q: many.get(f"/sources/?{urlencode({'q': q})}") for what, q in SEARCHES.items()}
    actions |= {"first": lambda: many.get("/sources/"), "few": lambda: few.get("/sources/")}
    taken = in_turns({EMPTY: lambda: many.get("/empty/"), **actions}, rounds=30)
    yield times(f"{database}, first page of {name}", taken["first"], taken["few"], f"of {FEW:,}", limit=1.3)
    for what in SEARCHES:
        yield times(f"{database}, page of {name}, search for {what} (at most 60 ms)", taken[what], taken[EMPTY], EMPTY)
    reader = people[MANY]
    keys = access.list_keys(reader)
    for what, q in {"no search": "", **SEARCHES}.items():
        state = SourceListForm({"q": q}).state()
        both = {"ours": lambda state=state: listing(keys, state, reader), LIKE: lambda q=q: _by_like(of[MANY], q)}
        taken = in_turns(both, rounds=15, warm_up=2)
        yield times(f"{database}, queries over {name}, {what}", taken["ours"], taken[LIKE], LIKE)


def _filled(key: ApiKey, count: int) -> ApiKey:
    """The key with so many sources in the mirror, as a sync would write them."""
    now = timezone.now()
    Sync.objects.filter(key=key).update(finished_at=now, due_at=None)
    Source.objects.bulk_create(
        (
            Source(
                key=key,
                datasource_id=uuid4(),
                file_name=one["fileName"],
                content_type=f"text/{one['fileName'].rpartition('.')[2]}",
                size_bytes=one["fileSize"],
                status=one["status"],
                uploaded_at=now - timedelta(seconds=one["age"]),
                extra={"rowCount": 12_000, "columnCount": 12},
                first_seen_at=now,
                last_seen_at=now,
            )
            for one in stock.names(count)
        ),
        batch_size=1000,
    )
    return key


def _by_like(key: ApiKey, text: str) -> list[Source]:
    """The page and its counts by a search for a part of the name, counted over all sources."""
    found = Q(file_name__icontains=text) if text else Q()
    sources = Source.objects.filter(key=key, gone_at=None)
    groups = sources.order_by().values("status", "content_type")
    list(groups.annotate(n=Count("*"), found=Count("pk", filter=found)) if text else groups.annotate(n=Count("*")))
    return list(sources.filter(found).order_by("-uploaded_at", "-pk")[:50])
