"""From an invitation to a link that works no more: three people, each in a browser, and through the pages only.

With WRITE_SCREENSHOTS set it takes the pictures of docs/sharing.md on its way.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import synced
from tests.support.browser import DESKTOP, PHONE, violations
from tests.support.pictures import picture

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("workers"), pytest.mark.slow]

FILE = "price-list.csv"
CONTENT = ("id,name,price\n" + "".join(f"{n},Lamp {n},{n * 1.5}\n" for n in range(1, 121))).encode()
OTHERS = {"orders.csv": 81_200, "suppliers.json": 9_400, "catalogue.pdf": 3_460_000, "assortment.tsv": 24_700}
BOB, PASSWORD = "bob@example.com", "a-long-password-2026"
HEADINGS = {"Sources": "Data sources"}  # where it is not what the navigation says


@pytest.fixture
def main_key(account, key):
    """Alice's, called Main, with a table and more behind it."""
    others = enumerate(OTHERS.items(), start=1)
    account.add_many([{"fileName": name, "fileSize": size, "age": 420 * n} for n, (name, size) in others])
    account.upload(FILE, CONTENT)
    synced(key)


@pytest.mark.usefixtures("main_key")
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_from_the_invitation_to_the_link_that_works_no_more(people, alice, viewport):
    owner, member, stranger = (people(who, viewport=viewport).new_page() for who in (alice, None, None))

    owner.goto("/")
    make_a_team_with_the_key(owner)
    join(member, invitation(owner))
    browse(member)
    address = share(member)

    is_well(stranger, address, FILE)
    picture(stranger, "shared-page", stranger.locator(".entrance-box"), of=PHONE)
    with stranger.expect_download() as download:
        stranger.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == CONTENT
    # One cookie for this link, which later explains to its visitor that it has ended.
    assert {(cookie["name"], cookie["path"]) for cookie in stranger.context.cookies()} == {
        ("used", urlsplit(address).path)
    }

    see_it_counted_and_end_it(owner)
    stranger.context.witness.expects(404)
    is_well(stranger, address, "This link no longer works")
    picture(stranger, "link-ended", stranger.locator(".entrance-box"), of=PHONE)

    go(member, "Sources")
    expect(member.get_by_role("link", name=FILE, exact=True)).to_be_visible()
    take_the_key_away(owner)
    # By itself, in the open page.
    expect(member.get_by_role("link", name=FILE, exact=True)).to_have_count(0)
    is_well(member, "/sources/", "Data sources")
    expect(member.get_by_text(FILE)).to_have_count(0)


def make_a_team_with_the_key(owner: Page) -> None:
    go(owner, "Teams")
    owner.get_by_label("Name").fill("Catalogue")
    owner.get_by_role("button", name="Create team").click()
    is_at(owner, "Catalogue")
    owner.get_by_label("Share one of your keys").select_option(index=0)
    owner.get_by_role("button", name="Share", exact=True).click()
    expect(owner.get_by_text("Main is shared with Catalogue.")).to_be_visible()
    is_at(owner, "Catalogue")


def invitation(owner: Page) -> str:
    """The link of one, for a member."""
    go(owner, "Teams")
    owner.get_by_role("link", name="Catalogue", exact=True).click()
    owner.get_by_label("Role", exact=True).select_option(label="Member: also upload, share and save views")
    owner.get_by_role("button", name="Invite").click()
    expect(owner.get_by_role("list", name="Open invitations")).to_contain_text("as member, by")
    is_at(owner, "Catalogue")
    return copied(owner)


def join(member: Page, address: str) -> None:
    is_well(member, address, "Join Catalogue")
    member.get_by_role("link", name="Create an account").click()
    is_at(member, "Sign up")
    member.get_by_label("Email").fill(BOB)
    member.locator("[name=password1]").fill(PASSWORD)
    member.locator("[name=password2]").fill(PASSWORD)
    member.get_by_role("button", name="Sign up").click()
    is_at(member, "Join Catalogue")
    member.get_by_role("button", name=f"Join as {BOB}").click()
    expect(member.get_by_text("You joined Catalogue as a member.")).to_be_visible()


def browse(member: Page) -> None:
    is_at(member, "Data sources")
    expect(member.locator("tbody tr")).to_have_count(1 + len(OTHERS))
    for name in (FILE, "catalogue.pdf"):
        member.get_by_role("checkbox", name=f"Select {name}").check()
    expect(member.get_by_role("button", name="Share")).to_be_visible()
    picture(member, "sources-chosen", member.locator("#source-list .card"), of=DESKTOP)
    member.get_by_role("link", name=FILE, exact=True).click()
    is_at(member, FILE)
    member.get_by_role("link", name="Open table").click()
    expect(member.get_by_text("Rows 1 to 50 of 120").first).to_be_visible()
    expect(member.get_by_role("gridcell", name="Lamp 50", exact=True)).to_be_visible()
    is_at(member, FILE)
    member.get_by_role("link", name="File details").click()


def share(member: Page) -> str:
    """The address of the link."""
    member.get_by_role("link", name="Share", exact=True).click()
    is_at(member, f"Share {FILE}")
    member.get_by_label("Note").fill("Prices of this month, for your catalogue.")
    picture(member, "share-form", member.locator("main > section"), of=DESKTOP)
    member.get_by_role("button", name="Create link").click()
    is_at(member, f"Share link for {FILE}")
    picture(member, "share-link", member.locator(".alert"), member.locator("#share"), of=DESKTOP)
    member.get_by_text("QR code").click()
    expect(member.get_by_role("img", name="The link as a QR code")).to_be_visible()
    return copied(member)


def see_it_counted_and_end_it(owner: Page) -> None:
    go(owner, "Activity")
    line = f"{FILE} was downloaded through the share link of {BOB}"
    expect(owner.get_by_role("listitem").filter(has_text=line)).to_be_visible()
    expect(owner.get_by_role("listitem").filter(has_text=f"{BOB} joined Catalogue as Member")).to_be_visible()
    go(owner, "Shared")
    picture(owner, "shared-list", owner.locator("#shares"), of=DESKTOP)
    owner.get_by_role("link", name=FILE, exact=True).click()
    is_at(owner, f"Share link for {FILE}")
    expect(owner.locator("dt:text('Downloads') + dd")).to_have_text("1")
    owner.get_by_role("link", name="Revoke", exact=True).click()
    owner.get_by_role("button", name="Revoke link").click()
    expect(owner.get_by_text("Link revoked.")).to_be_visible()
    is_at(owner, "Shared")


def take_the_key_away(owner: Page) -> None:
    go(owner, "Teams")
    owner.get_by_role("link", name="Catalogue", exact=True).click()
    owner.get_by_role("link", name="Stop sharing Main").click()
    owner.get_by_role("button", name="Stop sharing").click()
    expect(owner.get_by_text("Main is no longer shared with Catalogue.")).to_be_visible()
    is_at(owner, "Catalogue")


def go(page: Page, name: str) -> None:
    """By the navigation, as everybody does."""
    menu = page.get_by_role("button", name="Menu", exact=True)
    if menu.is_visible():
        menu.click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
    is_at(page, HEADINGS.get(name, name))


def is_well(page: Page, address: str, heading: str) -> None:
    page.goto(address)
    is_at(page, heading)


def is_at(page: Page, heading: str) -> None:
    """On the page of this heading, and nobody is kept from using it."""
    expect(page.get_by_role("heading", level=1, name=re.compile(f"^{re.escape(heading)}$"))).to_be_visible()
    assert not violations(page), page.url
    assert page.evaluate("scrollTo(1000, 0), scrollX") == 0, f"{page.url} scrolls sideways"


def copied(page: Page) -> str:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    return page.evaluate("navigator.clipboard.readText()")
