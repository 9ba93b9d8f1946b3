"""Single sign-on in a browser, under the policy that the pages have."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import User
from tests.browser.test_every_page import is_for_everybody

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def dora(the_provider):
    the_provider.reset()


@pytest.mark.slow
def test_one_click_leads_there_and_back_to_the_page_asked_for(people):
    page = people().new_page()
    page.goto("/keys/add/")
    page.get_by_role("link", name="Sign in with Example").click()
    expect(page.get_by_role("heading", name="Add a key")).to_be_visible()
    expect(page.get_by_text("dora@example.com")).to_be_visible()
    page.goto("/accounts/")
    expect(page.get_by_role("listitem").filter(has_text=re.compile("^Example"))).to_contain_text(
        "Connected as dora@example.com"
    )
    page.get_by_role("link", name="Set the password").click()
    expect(page.get_by_role("heading", name="Set password")).to_be_visible()


def test_who_is_not_confirmed_there_is_told_why(people, the_provider):
    the_provider.person["email_verified"] = False
    browser = people()
    browser.witness.expects(403)
    page = browser.new_page()
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Sign in with Example").click()
    expect(page.get_by_role("heading", name="E-mail address not confirmed")).to_be_visible()
    is_for_everybody(page)
    page.get_by_role("link", name="Back to sign-in").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    assert not User.objects.exists()
