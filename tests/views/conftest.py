"""What the tests of the views share."""

import pytest

from datasources import leases, links
from datasources.models import DownloadLink, Source
from tests.conftest import synced


@pytest.fixture
def source(account, key) -> Source:
    """One source without rows, in the list and nowhere else."""
    account.add(fileName="things.csv")
    return synced(key)[0]


@pytest.fixture
def ready(table, alice) -> DownloadLink:
    """A link to the table's file that works."""
    return made(links.ask(table, alice, 3600))


def made(link: DownloadLink) -> DownloadLink:
    """The link after a task has tried to make it, done here instead of by a worker."""
    DownloadLink.objects.filter(pk=link.pk).update(due_at="2020-01-01T00:00Z", leased_until=None)
    links.make(str(link.pk), leases.claim(DownloadLink, link.pk))
    link.refresh_from_db()
    return link
