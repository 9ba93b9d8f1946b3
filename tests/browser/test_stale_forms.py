"""Two tabs, one of which signs in while the other waits."""

import re

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def sign_in(page: Page) -> None:
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill("alices-password")
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.slow
def test_who_signs_in_twice_gets_where_they_wanted(people, alice, key):
    # The tests hash passwords in a cheap way that the server does not know.
    alice.password = make_password("alices-password", hasher=PBKDF2PasswordHasher())
    alice.save()
    first = people().new_page()
    second = first.context.new_page()
    first.goto("/accounts/login/")
    second.goto("/accounts/login/?next=/sources/%3Fq%3Dcsv")
    sign_in(first)
    expect(first).to_have_url(re.compile("/sources/$"))
    sign_in(second)
    expect(second).to_have_url(re.compile(r"/sources/\?q=csv$"))


def renew_the_token(page: Page) -> None:
    """As signing in again does."""
    cookie = next(one for one in page.context.cookies() if "csrftoken" in one["name"])
    page.context.add_cookies([cookie | {"value": cookie["value"][::-1]}])


def test_a_form_that_waited_needs_one_more_press(page, alice, witness):
    witness.expects(403)
    page.goto("/teams/")
    renew_the_token(page)
    page.get_by_label("Name").fill("Catalogue")
    page.get_by_role("button", name="Create team").click()
    expect(page.get_by_role("heading", name="Send this again")).to_be_visible()
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("heading", name="Catalogue").first).to_be_visible()


def test_a_button_that_waited_needs_one_more_press(page, key, witness):
    witness.expects(403)
    page.goto("/sources/")
    # In one go: a live update would bring a new token.
    page.evaluate("""() => {
      for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = "a".repeat(64);
      document.getElementById("refresh").click();
    }""")
    expect(page.get_by_text("Press the button again")).to_be_visible()
    assert page.locator("#refresh").evaluate("button => button.form.csrfmiddlewaretoken.value") != "a" * 64
    with page.expect_response(re.compile("/sources/refresh/")) as answered:
        page.get_by_role("button", name="Refresh").click()
    assert answered.value.status == 200
    expect(page.get_by_text("Press the button again")).to_be_hidden()
