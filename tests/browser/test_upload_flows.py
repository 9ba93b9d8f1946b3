"""Each flow of an upload on phones and without scripts."""

import pytest
from playwright.sync_api import Page, expect

from datasources.models import SavedView, Source, Upload
from datasources.sharing import shares
from datasources.uploads import sending
from tests.browser.test_uploads import lines
from tests.conftest import synced, taken
from tests.support.browser import DESKTOP, PHONE, violations
from tests.support.uploads import ROWS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAYS = {
    "on a phone": {"viewport": PHONE},
    "without scripts": {"viewport": DESKTOP, "java_script_enabled": False},
    "on a phone without scripts": {"viewport": PHONE, "java_script_enabled": False},
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def upload(page: Page, way: dict, **files: bytes) -> None:
    """Sends these files (name without ending: content) by the form, and opens the queue."""
    chosen = [{"name": f"{name}.csv", "mimeType": "text/csv", "buffer": content} for name, content in files.items()]
    page.get_by_label("Files", exact=True).set_input_files(chosen)
    if way.get("java_script_enabled", True):
        expect(lines(page)).to_have_count(len(files))
        expect(lines(page).get_by_role("button", name="Cancel")).to_have_count(0)
        is_for_everybody(page, way)
        page.get_by_role("link", name="Open the queue").click()
    else:
        page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("h1")).to_have_text("Uploads")


def is_for_everybody(page: Page, way: dict) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    if way.get("java_script_enabled", True):
        assert not violations(page)


@ways
def test_files_are_chosen_answered_for_cancelled_and_refused(people, alice, key, way):
    page = people(alice, **way).new_page()
    page.goto("/sources/")
    page.locator("#source-list").get_by_role("link", name="Upload", exact=True).click()
    upload(page, way, first=ROWS, bad=b"id\n1\n", good=b"1,2\n" * 30)
    expect(page.locator("#uploads li")).to_have_count(2)
    if not way.get("java_script_enabled", True):
        expect(page.locator("body")).to_contain_text("bad.csv: The file has 1 row below the header.")
    asks = page.locator("#uploads li").filter(has_text="good.csv")
    expect(asks).to_contain_text("The first row looks like data.")
    is_for_everybody(page, way)
    asks.get_by_role("button", name="Upload anyway").click()
    expect(page.get_by_role("button", name="Upload anyway")).to_have_count(0)
    assert Upload.objects.get(name="good.csv").state == Upload.State.QUEUED
    Upload.objects.filter(name="good.csv").update(state=Upload.State.FAILED, problem={"kind": "ClaroError"})
    page.reload()
    page.get_by_role("button", name="Retry: good.csv").click()
    expect(page.get_by_role("button", name="Retry: good.csv")).to_have_count(0)
    page.get_by_role("button", name="Cancel: first.csv").click()
    expect(page.locator("#uploads li")).to_have_count(1)


@ways
def test_a_failed_file_is_corrected_and_its_views_and_links_move(people, alice, account, key, way):
    account.add(fileName="bad.csv", status="failed", error="No header row.")
    failed = synced(key)[0]
    SavedView.objects.create(name="Dear", owner=alice, page="sources:rows", datasource_id=failed.datasource_id)
    share = shares.make(alice, key, [failed], note="For Zoe")
    page = people(alice, **way).new_page()
    page.goto("/sources/")
    page.get_by_role("link", name="Upload a corrected file").click()
    expect(page.locator("main")).to_contain_text("No header row.")
    upload(page, way, fixed=ROWS)
    expect(page.locator("#uploads")).to_contain_text("Corrects bad.csv")
    sent = Upload.objects.get()
    assert sending.send(str(sent.pk), taken(sent)) == "done"
    account.sandbox.store.wait()
    synced(key)
    page.reload()
    page.locator("#uploads").get_by_role("link", name="fixed.csv").click()
    page.get_by_role("link", name="Choose what moves to this file").click()
    expect(page.locator("main")).to_contain_text("Recipients of a link that moves get fixed.csv instead of bad.csv")
    is_for_everybody(page, way)
    page.get_by_label("For Zoe").check()
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.locator("body")).to_contain_text("Moved to fixed.csv: history, 1 saved view, 1 share link.")
    assert share.files.get().source == Source.objects.get(file_name="fixed.csv")


@ways
def test_reasons_are_copied_or_shown_as_text(people, alice, account, key, way):
    account.add_many([{"fileName": f"{n}.csv", "status": "failed", "error": "Empty.", "age": n} for n in (1, 2)])
    synced(key)
    context = people(alice, **way)
    page = context.new_page()
    page.goto("/sources/")
    if way.get("java_script_enabled", True):
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("link", name="Copy all reasons").click()
        expect(page.get_by_role("link", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "1.csv: Empty.\n2.csv: Empty."
        page.get_by_role("checkbox", name="Select 2.csv").check()
        page.get_by_role("button", name="Copy reasons").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "2.csv: Empty."
    else:
        page.get_by_role("link", name="Copy all reasons").click()
        expect(page.get_by_role("textbox", name="Reasons of 2 failed files")).to_have_value(
            "1.csv: Empty.\n2.csv: Empty.\n"
        )
        page.go_back()
        page.get_by_role("checkbox", name="Select 2.csv").check()
        page.get_by_role("button", name="Copy reasons").click()
        expect(page.get_by_role("textbox", name="Reasons of 1 failed file")).to_have_value("2.csv: Empty.\n")
