"""All files of a share link in a visitor's browser."""

import pytest
from playwright.sync_api import Download, expect

from datasources.models import ShareLink
from datasources.sharing import shares
from tests.conftest import synced
from tests.support.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.any_window, pytest.mark.usefixtures("workers")]
NAMES = ["0.csv", "1.csv"]


@pytest.mark.slow
def test_a_visitor_gets_all_files_of_a_share_link_once_each(people, alice, account, key):
    for name in NAMES:
        account.upload(name, f"id,name\n1,{name}\n")
    share = shares.make(alice, key, synced(key), most_uses=2)
    page = people().new_page()
    arrived: list[Download] = []
    page.on("download", lambda download: arrived.append(download))
    page.goto(f"/d/{share.unseal()}/")
    page.get_by_role("link", name="Download all").click()
    expect(page.get_by_text("Started", exact=True)).to_have_count(2)
    expect(page.locator("#announcer")).to_have_text("No file is left to start.")
    page.reload()
    expect(page.get_by_role("link", name="Start again")).to_have_count(2)
    wait_for(lambda: len(arrived) == 2)
    assert {one.suggested_filename for one in arrived} == set(NAMES)
    assert ShareLink.objects.get().uses == 2
