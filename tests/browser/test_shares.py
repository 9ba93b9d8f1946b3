"""A share link in a browser: made, opened without an account, ended."""

import re
from pathlib import Path

import pytest
from django.conf.global_settings import PASSWORD_HASHERS
from playwright.sync_api import Locator, Route, expect

from datasources import access
from datasources.models import DownloadLink, ShareLink, Source
from datasources.sharing import shares
from tests.browser.test_downloads import CONTENT, is_the_file
from tests.conftest import synced
from tests.support.browser import intercept
from tests.support.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("workers")]


@pytest.fixture
def source(account, key) -> Source:
    account.upload("Größen & more.csv", CONTENT)
    return synced(key)[0]


@pytest.mark.slow
def test_a_file_is_shared_opened_without_an_account_downloaded_and_ended(people, page, account, source):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/sources/")
    page.get_by_role("link", name="Share Größen & more.csv").click()
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("Expires").select_option(label="On a date")
    expect(page.get_by_label("Last day")).to_be_visible()
    page.get_by_label("Expires").select_option(label="In 7 days")
    page.get_by_label("Note").fill("For the supplier")
    page.get_by_role("button", name="Create link").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address = page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Show address and QR code").click()
    expect(page.get_by_text(address)).to_be_visible()
    expect(page.get_by_role("img", name="The link as a QR code")).to_be_visible()
    code = page.get_by_role("img", name="The link as a QR code")
    wait_for(lambda: code.evaluate("image => image.naturalWidth"))

    stranger = people()
    other = stranger.new_page()
    other.goto(address)
    expect(other.get_by_role("heading", name="Größen & more.csv")).to_be_visible()
    expect(other.get_by_text("For the supplier")).to_be_visible()
    wait_for(lambda: DownloadLink.objects.filter(state=DownloadLink.State.READY).exists())
    with other.expect_download() as download:
        other.get_by_role("link", name="Download").click()
    is_the_file(download.value)
    assert [cookie["name"] for cookie in stranger.cookies()] == ["used"]
    assert len(account.calls("/download", "POST")) == 1
    expect(page.locator("dt:text('Downloads') + dd")).to_have_text("1")

    page.get_by_role("link", name="Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke link").click()
    expect(page.get_by_text("Link revoked.")).to_be_visible()
    stranger.witness.expects(404)
    other.reload()
    expect(other.get_by_role("heading", name="This link no longer works")).to_be_visible()


def test_what_a_button_says_for_a_moment_outlives_a_change_of_the_page(page, alice, key, source):
    share = shares.make(alice, key, [source])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.clock.install()
    page.goto(f"/shares/{share.pk}/")
    with page.expect_response(f"**/shares/{share.pk}/link/"):
        page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    shares.pause(share, on=True)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.clock.run_for(2000)
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()


def test_the_address_stays_until_the_link_is_replaced(page, alice, key, source):
    share = shares.make(alice, key, [source])
    page.goto(f"/shares/{share.pk}/")
    page.get_by_role("button", name="Show address and QR code").click()
    address = page.get_by_text(share.unseal())
    expect(address).to_be_focused()
    shares.pause(share, on=True)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(address).to_be_visible()
    shares.rotate(share)
    expect(page.get_by_role("button", name="Show address and QR code")).to_be_visible()
    expect(address).to_have_count(0)


@pytest.mark.slow
def test_a_password_is_generated_copied_and_shown_once(page, source):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/sources/{source.datasource_id}/share/")
    page.get_by_label("Note").fill("For the supplier")
    page.get_by_role("button", name="Generate a password").click()
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("For the supplier")
    password = page.get_by_label("Password").input_value()
    page.get_by_role("button", name="Copy the password").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == password
    page.get_by_label("Download limit").press("Enter")
    expect(page.locator("#new-password")).to_have_text(password)
    shares.pause(ShareLink.objects.get(), on=True)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.locator("#new-password")).to_have_text(password)
    page.reload()
    expect(page.locator("#new-password")).to_have_count(0)


def test_a_generated_password_takes_no_focus_from_the_field_that_is_typed_in(page, source):
    held: list[Route] = []
    page.goto(f"/sources/{source.datasource_id}/share/")
    intercept(page, re.compile("/share/"), lambda route: held.append(route))
    page.get_by_role("button", name="Generate a password").click()
    wait_for(lambda: page.evaluate("true") and held)
    page.get_by_label("Note").click()
    page.keyboard.type("For the ")
    held[0].continue_()
    expect(page.get_by_label("Password")).not_to_have_value("")
    page.keyboard.type("supplier")
    expect(page.get_by_label("Note")).to_have_value("For the supplier")


@pytest.mark.slow
def test_the_undo_of_a_replacement_waits_for_the_pointer_and_the_focus(page, alice, key, source):
    share = shares.make(alice, key, [source])
    old = share.unseal()
    page.goto(f"/shares/{share.pk}/")
    page.get_by_role("link", name="Replace link").click()
    page.get_by_role("button", name="Replace link").click()
    offer = page.locator(".undo")
    undo = offer.get_by_role("button", name="Undo")
    assert state(offer) == "running"
    offer.hover()
    assert state(offer) == "paused"
    page.mouse.move(0, 0)
    assert state(offer) == "running"
    undo.focus()
    assert state(offer) == "paused"
    shares.pause(share, on=True)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(undo).to_be_focused()
    undo.blur()
    offer.evaluate(f"offer => {{ {TIMER}.currentTime = 10_300 }}")
    expect(undo).to_be_hidden()
    page.reload()
    undo.click()
    expect(page.get_by_text("Link restored.")).to_be_visible()
    share.refresh_from_db()
    assert share.unseal() == old


TIMER = "offer.getAnimations().find((one) => one.animationName === 'undo-over')"


def state(offer: Locator) -> str:
    """Whether the time of an undo runs."""
    return offer.evaluate(f"offer => {TIMER}.playState")


@pytest.mark.slow
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_click_before_the_link_is_there_waits_and_goes_on_by_itself(
    people, account, alice, key, source, scripts, settings
):
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS  # as the server has them
    share = shares.make(alice, key, [source], password="open sesame")
    account.hold_up(path="/download")
    page = people(java_script_enabled=scripts).new_page()
    page.goto(f"/d/{share.unseal()}/?dl=1")
    page.get_by_label("Password").fill("open sesame")
    with page.expect_download() as download:
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="Preparing the file")).to_be_visible()
        account.let_go()
    is_the_file(download.value)
    page.get_by_role("link", name="Back to the file list").click()
    expect(page.get_by_role("heading", name=re.compile("more.csv"))).to_be_visible()
    assert len(account.calls("/download", "POST")) == 1
    assert wait_for(lambda: ShareLink.objects.get().uses == 1)


@pytest.mark.slow
def test_several_files_stand_on_one_page(people, account, alice, key, source):
    account.upload("more.txt", "more")
    first, second = sorted(synced(key), key=str)
    share = shares.make(alice, key, [first, second])
    assert access.open_share(share.unseal())
    page = people().new_page()
    page.goto(f"/d/{share.unseal()}/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download more.txt").click()
    assert Path(download.value.path()).read_bytes() == b"more"
