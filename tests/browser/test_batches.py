"""Several files downloaded together in a browser: one after the other, past a failure and a reload."""

from pathlib import Path

import pytest
from playwright.sync_api import Download, expect

from datasources.models import AuditEvent, BatchFile
from tests.conftest import synced

pytestmark = [pytest.mark.browser, pytest.mark.any_window, pytest.mark.usefixtures("workers")]
NAMES = [f"{number}.csv" for number in range(3)]


@pytest.mark.slow
def test_files_arrive_one_after_the_other_past_a_failure_and_a_reload(page, account, key):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ids = [account.upload(name, f"id,name\n1,{name}\n") for name in NAMES]
    synced(key)
    account.refuse("ACCESS_DENIED", 403, path=f"{ids[1]}/download")
    arrived: list[Download] = []
    page.on("download", lambda download: arrived.append(download))
    page.goto("/sources/")
    for name in NAMES:
        page.get_by_role("checkbox", name=f"Select {name}").check()
    page.get_by_role("button", name="Download 3 files").click()
    expect(page.get_by_text("3 links have to be created.")).to_be_visible()
    with page.expect_download():
        page.get_by_role("button", name="Download 3 files").click()
    page.reload()
    expect(page.get_by_text("2 of 3 started")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text=NAMES[1])).to_contain_text("Failed. This key has no permission")
    with page.expect_download():
        page.get_by_role("button", name=f"Retry: {NAMES[1]}").click()
    expect(page.get_by_text("3 of 3 started")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("No file is left to start.")
    contents = {one.suggested_filename: Path(one.path()).read_text() for one in arrived}
    assert contents == {name: f"id,name\n1,{name}\n" for name in NAMES}
    assert len(arrived) == AuditEvent.objects.filter(what="downloaded").count() == 3
    assert not BatchFile.objects.filter(started_at=None).exists()
    page.get_by_role("button", name="Copy links").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").count("signature=") == 3
    page.reload()
    with page.expect_download() as again:
        page.get_by_role("link", name=f"Start again: {NAMES[0]}").click()
    assert again.value.suggested_filename == NAMES[0]
    assert len(arrived) == 4
