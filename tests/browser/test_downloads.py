"""Downloads in a browser: one click, the same bytes, one call to Claro."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from datasources import tasks
from datasources.downloads import links
from datasources.models import DownloadLink, Source
from tests.conftest import synced
from tests.support.browser import tab_to
from tests.support.processes import wait_for
from tests.support.rows_page import open_panel

pytestmark = [pytest.mark.browser, pytest.mark.any_window, pytest.mark.usefixtures("workers")]

CONTENT = "id,name\r\n1,Größe\r\n" + "2,things\r\n" * 5000


@pytest.fixture
def source(account, key) -> Source:
    account.upload("Größen & more.csv", CONTENT)
    return synced(key)[0]


@pytest.fixture
def ready(source, alice) -> DownloadLink:
    link = links.ask(source, alice, 3600)
    tasks.start(link)
    return wait_for(lambda: DownloadLink.objects.filter(pk=link.pk, state=DownloadLink.State.READY).first())


def button(page: Page):
    return page.locator(".download").get_by_role("button", name=re.compile("^Download"))


def is_the_file(download: Download) -> None:
    assert Path(download.path()).read_bytes() == CONTENT.encode()
    assert download.suggested_filename == "Größen & more.csv"


@pytest.mark.slow
@pytest.mark.parametrize(("path", "panel"), [("/sources/", ""), ("/sources/{}/", ""), ("/sources/{}/rows/", "more")])
def test_one_click_brings_the_file(page, account, source, path, panel):
    page.goto(path.format(source.datasource_id))
    if panel:
        open_panel(page, panel)
    with page.expect_download() as download:
        button(page).click()
    is_the_file(download.value)
    expect(page.get_by_role("link", name="Started")).to_be_visible()
    assert len(account.calls("/download", "POST")) == 1


@pytest.mark.slow
def test_a_download_is_started_by_keyboard(page, source):
    page.goto("/sources/")
    tab_to(page, "Download Größen & more.csv")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    is_the_file(download.value)


@pytest.mark.slow
def test_without_scripts_it_waits_on_a_page_until_the_file_can_be_opened(people, alice, account, source):
    page = people(alice, java_script_enabled=False).new_page()
    account.hold_up(path="/download")
    page.goto("/sources/")
    button(page).click()
    expect(page.get_by_role("heading", name="Download of Größen & more.csv")).to_be_visible()
    expect(page.get_by_text("Preparing")).to_be_visible()
    account.let_go()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the file").click()
    is_the_file(download.value)


@pytest.mark.slow
def test_the_button_shows_that_the_link_is_being_made(page, account, source):
    account.hold_up(path="/download")
    page.goto("/sources/")
    with page.expect_download() as download:
        button(page).click()
        expect(page.get_by_role("status").filter(has_text="Preparing")).to_be_visible()
        expect(button(page)).to_have_count(0)
        account.let_go()
    is_the_file(download.value)


@pytest.mark.slow
def test_the_list_may_change_while_a_link_is_being_made(page, account, key, source):
    account.hold_up(path="/download")
    page.goto("/sources/")
    with page.expect_download() as download:
        button(page).click()
        preparing = page.get_by_role("status").filter(has_text="Preparing")
        expect(preparing).to_be_visible()
        account.add(fileName="another.csv", age=1)
        synced(key)
        expect(page.locator("tbody tr")).to_have_count(2)
        expect(preparing).to_be_visible()
        account.let_go()
    is_the_file(download.value)


@pytest.mark.slow
def test_a_double_click_and_a_second_tab_make_one_call(page, account, source):
    account.fault("slow", path="/download", seconds=1.5)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto("/sources/")
    with page.expect_download() as first, other.expect_download() as second:
        button(page).dblclick()
        button(other).click()
    is_the_file(first.value)
    is_the_file(second.value)
    assert len(account.calls("/download", "POST")) == 1
    assert DownloadLink.objects.count() == 1


def test_a_link_that_works_is_used_at_once(page, account, source, ready):
    page.goto("/sources/")
    with page.expect_download() as download:
        button(page).click()
    is_the_file(download.value)
    assert len(account.calls("/download", "POST")) == 1


def test_a_link_lives_as_long_as_chosen(page, source):
    page.goto(f"/sources/{source.datasource_id}/")
    page.get_by_label("Link expires in").select_option(label="24 hours")
    with page.expect_download():
        button(page).click()
    assert DownloadLink.objects.get().expires_in_s == 86_400
    page.goto("/downloads/")
    expect(page.get_by_text(re.compile("Expires in 24 h"))).to_be_visible()


@pytest.mark.slow
def test_a_failure_is_told_where_the_button_was_and_can_be_tried_again(page, account, source):
    account.refuse("ACCESS_DENIED", 403, path="/download")
    page.goto("/sources/")
    button(page).click()
    expect(page.locator(".download").get_by_role("alert")).to_contain_text("This key has no permission")
    with page.expect_download() as download:
        page.get_by_role("button", name="Try again").click()
    is_the_file(download.value)


def test_the_list_opens_and_copies_links(page, source, ready):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/downloads/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Open").click()
    is_the_file(download.value)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == ready.unseal()


def test_without_a_clipboard_the_address_is_shown(page, source, ready):
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto("/downloads/")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text(ready.unseal())
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Copy")).to_be_focused()


def test_renewing_makes_a_new_link_and_no_download(page, account, source, ready):
    downloads: list[Download] = []
    page.on("download", lambda download: downloads.append(download))
    page.goto("/downloads/")
    page.get_by_role("button", name="Extend").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_text("Expires in")).to_have_count(2)
    assert len(account.calls("/download", "POST")) == 2
    assert not downloads
