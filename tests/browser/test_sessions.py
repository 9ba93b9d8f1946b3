"""Signing up, in and out in a browser, and what a page does whose session has ended."""

import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.conftest import synced

pytestmark = pytest.mark.browser

PASSWORD = "a-long-enough-one"


@pytest.fixture
def with_password(alice, settings) -> User:
    """Alice with a password that the server, which has not the settings of tests, can check."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def sign_in(page: Page) -> None:
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.slow
def test_signing_up_leads_to_the_first_key(people):
    page = people().new_page()
    page.goto("/")
    page.get_by_role("link", name="sign up").click()
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Add your Claro API key to begin")).to_be_visible()


@pytest.mark.slow
def test_a_wrong_password_is_told_and_the_right_one_leads_to_the_page_asked_for(people, with_password):
    page = people().new_page()
    page.goto("/keys/add/")
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("not correct")
    sign_in(page)
    expect(page.get_by_role("heading", name="Add a key")).to_be_visible()


def test_after_signing_out_nothing_is_shown_any_more(page, account, key):
    account.add(fileName="mine.csv")
    synced(key)
    page.goto("/sources/")
    expect(page.get_by_role("link", name="mine.csv").first).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.get_by_text("mine.csv")).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "click", "back_to"),
    [
        ("/sources/?q=things", "#sort-size", "/sources/?q=things"),
        ("/sources/", ".download button", "/sources/"),
        ("/sources/", "#refresh", "/sources/"),
        ("/sources/", "nav a:has-text('Keys')", "/keys/"),
        ("{rows}", "#sort-1", "{rows}"),
    ],
    ids=["sort", "download", "refresh", "follow a link", "sort rows"],
)
def test_a_click_after_the_session_has_ended_leads_to_the_sign_in_and_back(
    with_password, page, table, server, path, click, back_to
):
    rows = f"/sources/{table.datasource_id}/rows/"
    # With its stream the page would know before the click (test_live.py).
    page.route(re.compile("/live/"), lambda route: route.fulfill(status=204))
    page.goto(path.format(rows=rows))
    Session.objects.all().delete()
    page.locator(click).first.click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    sign_in(page)
    expect(page).to_have_url(f"{server.url}{back_to.format(rows=rows)}")
    expect(page.locator("tbody, #keys").first).to_be_visible()
