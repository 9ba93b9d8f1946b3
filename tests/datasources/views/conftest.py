"""What the tests of the views share."""

import pytest
from django.test import Client

from accounts.models import User
from core import leases
from datasources.claro import retry
from datasources.deleting import bin
from datasources.downloads import links
from datasources.models import Deletion, DownloadLink, Source, TableCopy
from tests.conftest import synced
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.html import all_words, dom, words
from tests.support.shares import PERSON, SCRIPT


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch) -> None:
    """Calls are made again as often as ever, but at once."""
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.0)


@pytest.fixture
def source(account, key) -> Source:
    """One source without rows, in the list and nowhere else."""
    account.add(fileName="things.csv")
    return synced(key)[0]


@pytest.fixture
def ready(table, alice) -> DownloadLink:
    """A link to the table's file that works."""
    return made(links.ask(table, alice, 3600))


@pytest.fixture
def path(table) -> str:
    """The address of the table's rows."""
    return f"/sources/{table.datasource_id}/rows/"


@pytest.fixture
def copy(table) -> TableCopy:
    """Of a table that has a column more than at Claro, so that the origin of rows can be told."""
    return copied(table, COLUMNS, ROWS)


@pytest.fixture
def rows_of(account, key, web):
    """The page of the rows of a file."""

    def page(content: str, query: str = "", name: str = "data.csv"):
        source_id = account.upload(name, content)
        synced(key)
        return web.get(f"/sources/{source_id}/rows/{query}")

    return page


@pytest.fixture
def outside() -> Client:
    """The browser of a recipient, who has no account."""
    return Client(headers=PERSON)


@pytest.fixture
def script() -> Client:
    """The program of a recipient."""
    return Client(headers=SCRIPT)


def made(link: DownloadLink) -> DownloadLink:
    """The link after a task has tried to make it, done here instead of by a worker."""
    DownloadLink.objects.filter(pk=link.pk).update(due_at="2020-01-01T00:00Z", leased_until=None)
    links.make(str(link.pk), leases.claim(DownloadLink, link.pk))
    link.refresh_from_db()
    return link


def put_away(source: Source, user: User) -> Deletion:
    """The source in the bin."""
    bin.put([source], user)
    return Deletion.objects.get(datasource_id=source.datasource_id)


def body(page) -> list[list[str]]:
    """The cells of the table's body, the row's number first."""
    return [[words(cell) for cell in row] for row in dom(page).iterfind(".//tbody/tr")]


def ids(page) -> list[int]:
    """The first column of the rows shown."""
    return [int(row[1]) for row in body(page)]


def asked(account) -> list[dict[str, str]]:
    """What Claro was asked for rows with."""
    return [call["query"] for call in account.calls() if call["path"].endswith("/data")]


def facts(page) -> dict[str, str]:
    """What stands in the list of facts of a file's page, by name."""
    return dict(zip(all_words(page, ".//dl/dt"), all_words(page, ".//dl/dd"), strict=True))
