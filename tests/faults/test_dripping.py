"""Receivers of notices that answer a byte at a time, for ever: everybody else's work goes on meanwhile."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.models import User
from datasources import keys, notices, tasks
from datasources.downloads import links
from datasources.models import ApiKey, Outlet, OutletTest, Source
from datasources.models.notices import Topic
from datasources.notices import channels
from datasources.sharing import shares
from tests.faults.conftest import PATIENCE_S, due_now, is_ready, read
from tests.support.dripping import Dripping
from tests.support.processes import wait_for
from tests.support.web import Visitor, WebServer

pytestmark = pytest.mark.slow

TESTERS, CHANNELS = 16, 5


@pytest.fixture
def dripping(settings) -> Iterator[Dripping]:
    settings.NOTIFY_PRIVATE_NETWORKS = True
    with Dripping("headers", pause_s=1) as server:
        yield server


def user(name: str) -> User:
    return User.objects.create_user(f"{name}@example.com", "a-long-password")


def news_for(number: int, account, dripping: Dripping) -> None:
    """A user whose channel drips, and who is to be told something."""
    owner = user(f"channel-{number}")
    key = keys.add(owner, "Theirs", account.another_key(), ApiKey.State.VALID)
    channels.save(owner, Outlet.Kind.WEBHOOK, dripping.url)
    notices.tell(key, Topic.FAILED, {uuid.uuid4(): "a.csv"})


def press(server: WebServer, number: int, dripping: Dripping) -> tuple[Visitor, str]:
    """A user who is about to send a test."""
    tester = user(f"tester-{number}")
    outlet = channels.save(tester, Outlet.Kind.WEBHOOK, dripping.url)
    return Visitor(server, tester), f"/notices/outlets/{outlet.pk}/test/"


def keep(dripping: Dripping) -> None:
    """Has what was given up at its deadline be sent once more, on a slow machine, and waits until something drips."""
    for test in OutletTest.objects.exclude(ended_at=None).select_related("outlet"):
        tasks.start(channels.ask_test(test.outlet))
    due_now(Outlet)
    wait_for(lambda: dripping.open, PATIENCE_S)


def test_while_receivers_drip_pages_share_links_syncs_and_links_go_on(
    server: WebServer, crew, visitor: Visitor, table: Source, alice, account, dripping
):
    share = shares.make(alice, table.key, [table])
    link = shares.renew(share, 1)
    tasks.start(link)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    for number in range(CHANNELS):
        news_for(number, account, dripping)
    due_now(Outlet)
    wait_for(lambda: dripping.open, PATIENCE_S)
    testers = [press(server, number, dripping) for number in range(TESTERS)]
    with ThreadPoolExecutor(TESTERS) as pool:
        pressed = list(pool.map(lambda one: one[0].post(one[1]), testers))
    assert {answer.status_code for answer in pressed} == {302}
    wait_for(lambda: dripping.open == channels.AT_ONCE, PATIENCE_S)

    for _ in range(5):
        keep(dripping)
        assert visitor.get("/sources/").status_code == 200
        assert visitor.get(f"/sources/{table.datasource_id}/").status_code == 200
        assert Visitor(server).get(f"/d/{share.unseal()}/?dl=1").status_code == 302
    assert Visitor(server).get("/readyz").status_code == 200
    keep(dripping)
    read(table.key)
    keep(dripping)
    asked = links.ask(table, alice, 300, renew=True)
    tasks.start(asked)
    wait_for(lambda: is_ready(asked), PATIENCE_S)

    # All of these came while receivers dripped: more tests than may be under way wait for their turn still.
    assert dripping.open or OutletTest.objects.filter(ended_at=None).count() > channels.AT_ONCE
    keep(dripping)
    assert dripping.most <= channels.AT_ONCE
    pages = [tester.get("/notices/choices/").text for tester, _ in testers]
    assert any("Sending a test" in page for page in pages)
