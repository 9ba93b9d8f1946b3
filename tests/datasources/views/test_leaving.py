"""Removing a person asks once and says what ends. What it says is what ends."""

from datetime import timedelta

import pytest
from django.template.defaultfilters import date as format_date
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, Team, User
from accounts.roles import Role
from datasources import access, keys, notices
from datasources.keys.leaving import ends_with
from datasources.models import ApiKey, KeyShare, Outlet, SavedView, Upload
from datasources.notices import channels
from datasources.sharing import shares
from datasources.uploads import queue, sending
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.html import words
from tests.support.uploads import received


@pytest.fixture
def carol(db) -> User:
    return User.objects.create_user("carol@example.com")


@pytest.fixture
def bobs_key(bob, account) -> ApiKey:
    return keys.add(bob, "Bob's key", account.another_key(), ApiKey.State.VALID)


@pytest.fixture
def team(alice, bob, carol, key, bobs_key) -> Team:
    """Alice owns it. Her key is shared with it, and so is the key of Bob, who is an admin. Carol is a member."""
    team = teams.create("Catalogue", alice)
    for user, role in ((bob, Role.ADMIN), (carol, Role.MEMBER)):
        Membership.objects.create(team=team, user=user, role=role)
    for one in (key, bobs_key):
        KeyShare.objects.create(team=team, key=one)
    return team


def share(user, key, table) -> None:
    [source] = [source for source in synced(key) if source.datasource_id == table.datasource_id]
    made(shares.renew(shares.make(user, key, [source]), 1))


def test_what_is_counted_is_what_ends(web, client_of, team, alice, bob, carol, key, bobs_key, table):
    for user, through in ((bob, key), (bob, bobs_key), (carol, bobs_key), (carol, key), (alice, key)):
        share(user, through, table)
    uploads = [queue.add(user, through, received()) for user, through in ((bob, key), (carol, bobs_key), (carol, key))]
    teams.invite(team, bob, Role.VIEWER, timezone.now() + timedelta(days=1))
    User.objects.filter(pk=bob.pk).update(name="Bob Brown")
    SavedView.objects.create(team=team, name="Prices", page=SavedView.Page.SOURCES)
    theirs = team.memberships.get(user=bob)
    before, ends = access.shares_that_work().count(), ends_with(theirs)
    page = f"/teams/{team.pk}/people/{theirs.pk}/remove/"
    shown = words(web.get(page))
    for sentence in (
        "Remove Bob Brown (bob@example.com) from Catalogue?",
        "Their access to the data of this team: the key Main, unless another team also gives access to it.",
        "The team’s access to their key Bob's key.",
        "1 share link that they made with the team’s keys.",
        "1 share link that others made with their keys.",
        "2 queued uploads, which will fail.",
        "1 open invitation that they sent.",
        "1 saved view of the team, which they no longer see.",
    ):
        assert sentence in shown
    assert "Your access to the data of this team: the key Main" in words(client_of(bob).get(f"/teams/{team.pk}/leave/"))
    web.post(page)
    assert before - access.shares_that_work().count() == ends.shares + ends.shares_of_others == 2
    assert [sending._may_upload(Upload.objects.get(pk=one.pk)) for one in uploads] == [False, False, True]
    assert teams.open_invitations(team) == []
    assert SavedView.objects.filter(team=team).exists()


def test_what_another_team_permits_does_not_end(team, alice, bob, key, table):
    other = teams.create("Other", alice)
    Membership.objects.create(team=other, user=bob, role=Role.MEMBER)
    KeyShare.objects.create(team=other, key=key)
    share(bob, key, table)
    queue.add(bob, key, received())
    theirs = team.memberships.get(user=bob)
    assert (ends_with(theirs).shares, ends_with(theirs).uploads) == (0, 0)
    teams.remove(theirs)
    assert access.shares_that_work().count() == 1


def test_a_person_without_anything_loses_access_only(web, team, carol):
    shown = words(web.get(f"/teams/{team.pk}/people/{team.memberships.get(user=carol).pk}/remove/"))
    assert "Open pages and running exports stop too." in shown
    assert not any(word in shown for word in ("share link", "queued", "invitation that", "saved view of"))


# --- The removed person ---


def test_a_removed_person_reads_who_removed_them_and_nothing_else_of_the_team(web, client_of, team, bob, alice):
    theirs, away = team.memberships.get(user=bob), client_of(bob)
    team_page, carol = f"/teams/{team.pk}/", team.memberships.get(user__email="carol@example.com")
    User.objects.filter(pk=alice.pk).update(name="Alice Ames")
    web.post(f"{team_page}people/{theirs.pk}/remove/")
    today = format_date(timezone.localdate(), "j F Y")
    for path in (team_page, f"{team_page}leave/", f"{team_page}people/{carol.pk}/remove/", f"/sources/?team={team.pk}"):
        answer = away.get(path)
        shown = words(answer)
        assert answer.status_code == 404
        assert "You were removed from Catalogue" in shown
        assert f"alice@example.com removed you on {today}, and your access ended." in shown
        assert "carol" not in shown
        assert "Main" not in shown
    assert notices.unread(bob) == 1
    assert "Alice Ames (alice@example.com) removed you from the team Catalogue." in words(away.get("/notices/"))
    # Another stranger reads the usual page.
    stranger = client_of(User.objects.create_user("eve@example.com"))
    assert "removed" not in words(stranger.get(team_page))


def test_who_leaves_or_returns_reads_of_no_removal(client_of, team, bob, alice):
    teams.remove(team.memberships.get(user=bob), alice)
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    web = client_of(bob)
    assert web.get(f"/teams/{team.pk}/").status_code == 200
    own = team.memberships.get(user=bob)
    web.post(f"/teams/{team.pk}/people/{own.pk}/remove/")
    assert "You were removed" not in words(web.get(f"/teams/{team.pk}/"))
    assert notices.unread(bob) == 0


def test_a_removal_is_sent_through_the_channels(web, team, bob, settings, mailoutbox):
    settings.EMAIL_URL = "smtp://mail"
    channels.save(bob, Outlet.Kind.MAIL, "")
    web.post(f"/teams/{team.pk}/people/{team.memberships.get(user=bob).pk}/remove/")
    channels.deliver(Outlet.objects.get(), list(notices.of(bob)))
    assert "alice@example.com removed you from the team Catalogue." in mailoutbox[0].body
    assert channels._as_json(notices.of(bob).get())["key"] is None
    assert Outlet.objects.get().due_at is not None
