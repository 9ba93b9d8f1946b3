"""A key and a team change their owner: one person offers, the other answers, with and without scripts."""

import re

import pytest
from playwright.sync_api import Page, expect

from accounts import teams
from accounts.models import Membership, Team
from accounts.roles import Role
from datasources.models import ApiKey, KeyShare
from datasources.sharing import shares
from tests.support.browser import DESKTOP, PHONE

pytestmark = pytest.mark.browser

BROWSERS = [
    {"viewport": size, "java_script_enabled": scripts} for size in (DESKTOP, PHONE) for scripts in (True, False)
]


@pytest.fixture(params=BROWSERS, ids=str)
def both(people, alice, bob, request) -> tuple[Page, Page]:
    """A page of Alice and one of Bob."""
    return people(alice, **request.param).new_page(), people(bob, **request.param).new_page()


@pytest.fixture
def team(alice, bob, key) -> Team:
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(team=team, key=key)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    return team


def offered(page: Page, path: str, field: str, to: str, button: str) -> None:
    page.goto(path)
    page.get_by_role("link", name=re.compile("^Transfer ")).first.click()
    chosen = page.get_by_label(field)
    if chosen.evaluate("field => field.matches('select')"):
        chosen.select_option(chosen.locator("option").filter(has_text=to).get_attribute("value"))
    else:
        chosen.fill(to)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_text(f"Offered to {to}").first).to_be_visible()


def answered(page: Page, path: str, name: str, button: str) -> None:
    page.goto(path)
    page.get_by_role("link", name=f"Accept or decline {name}").click()
    page.get_by_role("button", name=button).click()


@pytest.mark.slow
def test_a_key_that_is_accepted_moves_with_its_share_links(both, alice, key, table):
    shares.make(alice, key, [table])
    mine, theirs = both
    offered(mine, "/keys/", "E-mail address", "bob@example.com", "Offer the key")
    answered(theirs, "/keys/", "Main", "Accept the key")
    expect(theirs.get_by_text("Main is yours now.")).to_be_visible()
    expect(theirs.get_by_role("link", name="Transfer Main")).to_be_visible()
    theirs.goto("/shares/")
    expect(theirs.get_by_text("things.csv").first).to_be_visible()
    mine.goto("/keys/")
    expect(mine.get_by_role("link", name="Transfer Main")).to_have_count(0)
    mine.goto("/activity/")
    expect(mine.get_by_text("took over the key Main")).to_be_visible()


@pytest.mark.slow
def test_a_key_that_is_declined_stays(both, key):
    mine, theirs = both
    offered(mine, "/keys/", "E-mail address", "bob@example.com", "Offer the key")
    answered(theirs, "/keys/", "Main", "Decline")
    expect(theirs.get_by_text("Declined Main.")).to_be_visible()
    expect(theirs.get_by_role("link", name="Accept or decline Main")).to_have_count(0)
    mine.goto(f"/keys/{key.pk}/transfer/")
    expect(mine.get_by_role("button", name="Offer the key")).to_be_visible()
    assert ApiKey.objects.get().owner.email == "alice@example.com"


@pytest.mark.slow
def test_a_team_that_is_accepted_has_another_owner_and_keeps_its_keys(both, team):
    mine, theirs = both
    path = f"/teams/{team.pk}/"
    offered(mine, path, "New owner", "bob@example.com", "Offer the team")
    answered(theirs, "/teams/", "Catalogue", "Accept the team")
    expect(theirs.get_by_text("Catalogue is yours now.")).to_be_visible()
    theirs.goto(path)
    expect(theirs.get_by_role("link", name="Transfer the team")).to_be_visible()
    expect(theirs.get_by_text("Main").first).to_be_visible()
    mine.goto(path)
    expect(mine.get_by_role("link", name="Transfer the team")).to_have_count(0)
