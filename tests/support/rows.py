"""Reading rows as pages do, and counting what that cost."""

import time

from core.redis import connection
from datasources.models import Source
from datasources.rows import blocks, pages
from datasources.rows.pages import Query, Rows, StillLoading
from tests.conftest import synced
from tests.support.processes import wait_for

PLAIN = Query()


def read(source: Source, number: int = 1, limit: int = 50, query: Query = PLAIN) -> Rows:
    """The page, however long this machine takes."""
    end = time.monotonic() + 20
    while True:
        try:
            return pages.page(source, number, limit, query)
        except StillLoading:
            assert time.monotonic() < end


def of_length(account, key, count: int) -> Source:
    lines = "\n".join(f"{number},thing {number}" for number in range(1, count + 1))
    source_id = account.upload("many.csv", f"id,name\n{lines}\n")
    synced(key)
    return Source.objects.select_related("key").get(datasource_id=source_id, key=key)


def ids(page: Rows) -> list:
    return [row[0] for row in page.rows]


def asked(account) -> list[dict]:
    """The queries of the calls for rows."""
    return [call["query"] for call in account.calls() if call["path"].endswith("/data")]


def cached_block() -> str:
    """The name of the one block in the cache, once nobody is asking for it any more."""
    wait_until_nobody_asks()
    [name] = connection().zrange(blocks.INDEX, 0, -1)
    return name.decode()


def wait_until_nobody_asks() -> None:
    wait_for(lambda: not list(connection().scan_iter("claro:rows:*:lock")))
