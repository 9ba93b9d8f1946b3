"""One page of a team: a key, several people, and one who leaves; with scripts and without, at both widths."""

import pytest
from playwright.sync_api import expect

from accounts import teams
from accounts.models import Invitation, Membership
from accounts.roles import Role
from core import live
from tests.support.browser import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.any_window]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False, "viewport": PHONE}], ids=str)
def test_a_key_is_shared_people_are_invited_and_one_is_removed(people, alice, bob, key, options):
    team = teams.create("Catalogue", alice)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    page = people(alice, **options).new_page()
    page.context.witness.expects(422)
    page.goto(f"/teams/{team.pk}/")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_text("Main is shared with Catalogue.")).to_be_visible()
    page.get_by_label("E-mail addresses").fill("carol@example.com, nobody\ndora@example.com")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("Invitations for 2 people created.")).to_be_visible()
    expect(page.get_by_text("“nobody” is not an e-mail address.")).to_be_visible()
    # What is left in the field stays, also when the team changes meanwhile.
    live.publish([alice.pk], "teams-changed")
    expect(page.get_by_label("E-mail addresses")).to_have_value("nobody")
    assert set(Invitation.objects.values_list("role", flat=True)) == {Role.VIEWER}
    page.get_by_role("link", name="Remove bob@example.com").click()
    expect(page.get_by_role("heading", name="Ends immediately")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Removed bob@example.com from Catalogue.")).to_be_visible()


def test_keys_pass_through_roles_and_a_button_sends_one(page, alice, bob):
    team = teams.create("Catalogue", alice)
    theirs = Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    page.goto(f"/teams/{team.pk}/")
    save = page.get_by_role("button", name="Save the role of bob@example.com")
    expect(save).to_be_hidden()
    role = page.get_by_label("Role of bob@example.com")
    role.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(role).to_have_value(str(int(Role.ADMIN)))
    expect(save).to_be_visible()
    theirs.refresh_from_db()
    assert theirs.role == Role.VIEWER
    save.click()
    expect(page.get_by_text("bob@example.com is now an admin.")).to_be_visible()
    expect(save).to_be_hidden()
