"""Share links that name their sender, and what their page says of the limit."""

import pytest

from accounts import people, teams
from accounts.models import Membership, User
from accounts.roles import Role
from datasources.models import KeyShare, ShareLink
from datasources.sharing import shares
from tests.conftest import synced
from tests.support.html import as_shown, field, words
from tests.support.shares import path


@pytest.fixture
def form_at(table) -> str:
    return f"/sources/{table.datasource_id}/share/"


def made(web, form_at, **typed) -> ShareLink:
    return ShareLink.objects.get(pk=web.post(form_at, {"ends": "month", **typed}).headers["Location"].split("/")[2])


def test_the_sender_is_named_where_they_choose_it(web, outside, form_at):
    form = web.get(form_at)
    assert field(form, "names_sender").get("checked") is None
    assert "The page shows alice@example.com." in words(form)
    named = made(web, form_at, names_sender="on")
    assert "alice@example.com shares this file with you." in words(outside.get(path(named)))
    assert "named on the page" in words(web.get(f"/shares/{named.pk}/"))
    sent = as_shown(web.get(f"/shares/{named.pk}/edit/"))
    del sent["names_sender"]
    web.post(f"/shares/{named.pk}/edit/", sent)
    assert "alice" not in outside.get(path(named)).content.decode()


def test_a_sender_who_has_a_name_is_named_by_it_and_the_address(web, outside, alice, form_at):
    share = made(web, form_at, names_sender="on")
    people.rename(alice, "Anna Maier")
    assert "Anna Maier (alice@example.com) shares this file with you." in words(outside.get(path(share)))
    assert "The page shows Anna Maier (alice@example.com)." in words(web.get(form_at))


def test_before_the_password_nobody_is_named(web, outside, form_at):
    share = made(web, form_at, names_sender="on", password="open sesame")
    assert "alice" not in outside.get(path(share)).content.decode()
    outside.post(path(share), {"password": "open sesame"})
    assert "alice@example.com shares" in words(outside.get(path(share)))


@pytest.mark.parametrize("named", [True, False])
def test_only_the_sender_decides_that(client_of, alice, bob, table, named):
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=table.key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    share, admin = shares.make(alice, table.key, [table], names_sender=named), client_of(bob)
    at = f"/shares/{share.pk}/edit/"
    assert field(admin.get(at), "names_sender") is None
    assert admin.post(at, {"ends": "never", "names_sender": "" if named else "on"}).status_code == 302
    share.refresh_from_db()
    assert share.names_sender is named


def test_an_address_is_text_in_the_form(client_of, table):
    odd = User.objects.create_user('"<b>x</b>"@example.com')
    table.key.owner = odd
    table.key.save()
    assert "<b>x" not in client_of(odd).get(f"/sources/{table.datasource_id}/share/").content.decode()


def test_the_limit_of_several_files_is_one_for_all(web, outside, alice, account, key, table):
    account.upload("more.csv", "id\n1\n")
    share = shares.make(alice, key, synced(key), most_uses=5)
    assert "5 downloads left in all, for all files together." in words(outside.get(path(share)))
    assert "0 of 5 in all" in words(web.get(f"/shares/{share.pk}/"))
