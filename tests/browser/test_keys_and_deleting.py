"""Keys in a browser: refused, added, kept unchecked, replaced; and deleting a data source for good."""

import pytest
from playwright.sync_api import expect

from datasources.models import ApiKey
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
    expect(page.get_by_role("status").filter(has_text="Catalogue is added")).to_be_visible()
    expect(page.get_by_role("link", name="mine.csv").first).to_be_visible()


def test_a_key_that_cannot_be_checked_may_be_kept(page, account, witness):
    witness.expects(422)
    account.fault("answer", times=4, status=502, body=HTML_502)
    page.goto("/keys/add/")
    page.get_by_label("Label").fill("Later")
    page.get_by_label("API key").fill(account.key)
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_text("You can keep the key without a check")).to_be_visible()
    page.get_by_label("API key").fill(account.key)
    page.get_by_label("Keep the key unchecked for now").check()
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_role("heading", name="Data sources", exact=True)).to_be_visible()
    page.goto("/keys/")
    # The first call that Claro answers is the check.
    expect(page.get_by_role("article", name="Later")).to_contain_text("Valid")


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
    expect(page.get_by_role("status").filter(has_text="has a new key")).to_be_visible()
    expect(page.get_by_role("article", name="Main")).to_contain_text("Valid")
    page.get_by_role("link", name="Sources", exact=True).click()
    expect(page.get_by_role("link", name="newer.csv").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_source_is_deleted_once_its_name_is_typed(page, account, key, witness):
    witness.expects(422)
    source_id = account.upload("old list.csv", "id\n1\n")
    synced(key)
    page.goto("/sources/")
    page.get_by_role("link", name="Delete old list.csv").click()
    expect(page.locator("main")).to_contain_text("for everybody and for good")
    page.get_by_label("File name").fill("old")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator(".invalid-feedback")).to_contain_text("Nothing was deleted")
    assert account.calls(str(source_id), "DELETE") == []
    page.get_by_label("File name").fill("old list.csv")
    page.get_by_role("button", name="Delete for good").dblclick()
    expect(page.get_by_role("status").filter(has_text="old list.csv is deleted")).to_be_visible()
    expect(page.get_by_role("heading", name="No data sources yet")).to_be_visible()
    assert len(account.calls(str(source_id), "DELETE")) == 1


def test_a_source_that_is_gone_already_counts_as_deleted(page, account, key):
    source_id = account.add(fileName="gone.csv")
    synced(key)
    account.refuse("DATASOURCE_NOT_FOUND", 404, path=str(source_id))
    page.goto(f"/sources/{source_id}/delete/")
    page.get_by_label("File name").fill("gone.csv")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("status").filter(has_text="was gone at Claro already")).to_be_visible()


def test_deleting_a_key_says_what_goes_with_it(page, account, key):
    account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv"}])
    synced(key)
    page.goto("/keys/")
    page.get_by_role("link", name="Delete Main").click()
    expect(page.locator("main")).to_contain_text("2 data sources and 0 download links")
    page.get_by_role("button", name="Delete the key").click()
    expect(page.get_by_role("heading", name="No API key yet")).to_be_visible()
