"""The navigation, which on a phone is a row with more in it than it shows."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import PHONE

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", ["/sources/", "/activity/"])
def test_on_a_phone_one_sees_where_one_is(people, alice, path):
    page = people(alice, viewport=PHONE).new_page()
    page.goto(path)
    expect(page.locator("nav [aria-current]")).to_be_in_viewport(ratio=1)


def test_on_a_phone_one_sees_that_there_is_something_unread(people, alice):
    page = people(alice, viewport=PHONE).new_page()
    page.goto("/sources/")
    expect(page.locator("#bell")).to_be_in_viewport(ratio=1)
