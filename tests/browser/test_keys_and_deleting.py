"""Keys in a browser: refused, added, kept unchecked, replaced; and deleting data sources, with a way back."""

import pytest
from playwright.sync_api import expect

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources.models import ApiKey, KeyShare
from tests.conftest import synced
from tests.support.sandbox import HTML_502

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("workers")]


def test_a_newcomer_adds_a_key_and_sees_their_sources(page, account, witness):
    witness.expects(422)
    account.add(fileName="mine.csv")
    page.goto("/")
    page.get_by_role("link", name="Add a key").click()
    page.get_by_label("Label").fill("Catalogue")
    page.get_by_label("API key").fill("claro_not_a_key_0123456789")
    page.get_by_role("button", name="Check and add").click()
    expect(page.locator(".invalid-feedback")).to_contain_text("Claro refuses this key")
    expect(page.get_by_label("API key")).to_have_value("")
    expect(page.get_by_label("Label")).to_have_value("Catalogue")
    assert not ApiKey.objects.exists()
    page.get_by_label("API key").fill(account.key)
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_role("status").filter(has_text="Key added: Catalogue")).to_be_visible()
    expect(page.get_by_role("link", name="mine.csv").first).to_be_visible()


@pytest.mark.slow
def test_a_key_that_cannot_be_checked_may_be_kept(page, account, witness):
    witness.expects(422)
    account.fault("answer", times=4, status=502, body=HTML_502)
    page.goto("/keys/add/")
    page.get_by_label("Label").fill("Later")
    page.get_by_label("API key").fill(account.key)
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_text("to save it without a check")).to_be_visible()
    page.get_by_label("API key").fill(account.key)
    page.get_by_label("Save without a check").check()
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_role("heading", name="Data sources", exact=True)).to_be_visible()
    page.goto("/keys/")
    # The first call that Claro answers is the check.
    expect(page.get_by_role("article", name="Later")).to_contain_text("Valid")


@pytest.mark.slow
def test_replacing_a_refused_key_lets_all_go_on(page, account, key):
    account.add(fileName="mine.csv")
    synced(key)
    account.revoke()
    page.goto("/sources/")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("alert")).to_contain_text("Claro refuses the key Main")
    account.add(fileName="newer.csv", age=1)
    page.get_by_role("link", name="Replace the key").click()
    page.get_by_label("API key").fill(account.another_key())
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Replaced the key in")).to_be_visible()
    expect(page.get_by_role("article", name="Main")).to_contain_text("Valid")
    page.get_by_role("link", name="Sources", exact=True).click()
    expect(page.get_by_role("link", name="newer.csv").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.slow
def test_a_source_is_deleted_once_its_name_is_typed(page, account, key, witness):
    witness.expects(422)
    source_id = account.upload("old list.csv", "id\n1\n")
    synced(key)
    page.goto("/sources/")
    page.get_by_role("link", name="Delete old list.csv").click()
    expect(page.locator("main")).to_contain_text("permanently, for everyone")
    page.get_by_label("File name").fill("old")
    page.get_by_role("button", name="Move to bin").click()
    expect(page.locator(".invalid-feedback")).to_contain_text("Nothing was deleted")
    assert account.calls(str(source_id), "DELETE") == []
    page.get_by_label("File name").fill("old list.csv")
    page.get_by_role("button", name="Delete permanently").dblclick()
    expect(page.get_by_role("heading", name="No data sources yet")).to_be_visible()
    expect(page.locator("#bin")).to_have_text("")
    assert len(account.calls(str(source_id), "DELETE")) == 1


def test_a_source_that_is_gone_already_counts_as_deleted(page, account, key):
    source_id = account.add(fileName="gone.csv")
    synced(key)
    account.refuse("DATASOURCE_NOT_FOUND", 404, path=str(source_id))
    page.goto(f"/sources/{source_id}/delete/")
    page.get_by_label("File name").fill("gone.csv")
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_role("heading", name="No data sources yet")).to_be_visible()
    expect(page.locator("#bin")).to_have_text("")


@pytest.mark.slow
def test_everybody_sees_what_is_deleted_and_one_undo_brings_all_back(page, people, alice, bob, account, key):
    """Ticked with Shift and the keyboard; Bob, who looks at the list too, sees them go, and brings them back."""
    account.add_many([{"fileName": f"{number}.csv", "age": 10 + number} for number in range(6)])
    synced(key)
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    bobs = people(bob).new_page()
    bobs.goto("/sources/")
    page.goto("/sources/")
    expect(page.locator("#chosen")).to_be_hidden()
    page.get_by_role("checkbox", name="Select 1.csv").focus()
    page.keyboard.press("Space")
    page.get_by_role("checkbox", name="Select 4.csv").focus()
    page.keyboard.press("Shift+Space")
    expect(page.locator("[data-chosen-count]")).to_have_text("4 selected")
    account.add(fileName="new.csv", age=1)
    synced(key)
    # The list has changed meanwhile; what is ticked stays.
    expect(page.locator("tbody tr")).to_have_count(7)
    expect(page.get_by_role("checkbox", name="Select 3.csv")).to_be_checked()
    expect(page.locator("[data-chosen-count]")).to_have_text("4 selected")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_label("Number of files").fill("4")
    page.get_by_role("button", name="Move to bin").click()
    for one in (page, bobs):
        expect(one.locator("#bin")).to_contain_text("4 files will be deleted in 15 min")
        expect(one.locator("tbody tr")).to_have_count(3)
    bobs.get_by_role("button", name="Undo: 4 files").click()
    expect(bobs.locator("#announcer")).to_have_text("4 files are restored.")
    for one in (page, bobs):
        expect(one.locator("#bin")).to_have_text("")
        expect(one.locator("tbody tr")).to_have_count(7)
    assert account.calls(method="DELETE") == []


@pytest.mark.slow
def test_what_claro_refuses_is_told_and_tried_again_from_the_bin(page, account, key):
    source_id = account.add(fileName="mine.csv")
    synced(key)
    account.refuse("ACCESS_DENIED", 403, "No.", path=str(source_id))
    page.goto(f"/sources/{source_id}/delete/")
    page.get_by_label("File name").fill("mine.csv")
    page.get_by_role("button", name="Delete permanently").click()
    page.get_by_role("link", name="See why").click()
    expect(page.locator("#bin-list")).to_contain_text("Not deleted. This key has no permission for that.")
    page.get_by_role("button", name="Try again: mine.csv").click()
    expect(page.get_by_role("heading", name="The bin is empty")).to_be_visible()


def test_deleting_a_key_says_what_goes_with_it(page, account, key):
    account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv"}])
    synced(key)
    page.goto("/keys/")
    page.get_by_role("link", name="Delete Main").click()
    expect(page.locator("main")).to_contain_text("2 files and 0 download links")
    page.get_by_role("button", name="Delete the key").click()
    expect(page.get_by_role("heading", name="No API key yet")).to_be_visible()
