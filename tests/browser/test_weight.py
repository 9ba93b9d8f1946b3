"""How many bytes the list costs: with an empty cache, and with one that has what pages share."""

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import synced

pytestmark = pytest.mark.browser

FIRST, AGAIN = 120_000, 15_000


def transferred(page: Page, path: str) -> int:
    """The bytes of all answers until the page and its font are there, with their headers."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[int] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(path)
    page.evaluate("document.fonts.ready.then(() => undefined)")
    network.detach()
    return sum(sizes)


@pytest.mark.slow
def test_the_list_is_light(page, account, key, server, alice):
    account.add_many([{"fileName": f"quarterly-report-{n:03}.csv", "age": 400 + n} for n in range(50)])
    synced(key)
    server.remembers_events_of(alice)
    server.has_no_events_for(alice)
    first = transferred(page, "/sources/")
    expect(page.locator("tbody tr")).to_have_count(50)
    assert 50_000 < first <= FIRST
    assert transferred(page, "/sources/") <= AGAIN
