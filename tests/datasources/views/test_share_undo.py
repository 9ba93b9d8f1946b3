"""Revoking and replacing a share link take effect at once; the same user can undo them for a moment."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import vault
from datasources.activity.words import What
from datasources.models import AuditEvent, KeyShare, ShareLink
from datasources.sharing import shares, undo
from tests.conftest import htmx
from tests.support.html import dom, told, words
from tests.support.leaks import database_content
from tests.support.shares import path


@pytest.fixture
def share(alice, table) -> ShareLink:
    return shares.make(alice, table.key, [table])


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


@pytest.fixture
def admin(client_of, alice, bob, key):
    """Bob, who may revoke the links of others."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    return client_of(bob)


def forms(page) -> list[str]:
    return [form.get("action") for form in dom(page).iter("form")]


def at(share: ShareLink, part: str = "") -> str:
    return f"/shares/{share.pk}/{part}"


def test_a_revoked_link_is_restored(web, outside, share):
    address = path(share)
    assert "You can undo this for 10 s." in words(web.get(at(share, "end/")))
    assert web.post(at(share, "end/")).headers["Location"] == "/shares/"
    assert outside.get(address).status_code == 404
    page = web.get("/shares/")
    assert told(page).startswith("Link revoked. things.csv")
    assert at(share, "undo/") in forms(page)
    page = web.post(at(share, "undo/"), follow=True)
    assert "Link restored. It works as before." in told(page)
    assert at(share, "undo/") not in forms(page)
    assert outside.get(address).status_code == 200
    assert AuditEvent.objects.order_by("-pk")[0].what == What.SHARE_UNDONE


def test_a_replaced_link_is_restored_and_the_new_one_dies(web, outside, share):
    old = path(share)
    page = web.post(at(share, "rotate/"), follow=True)
    assert told(page).startswith("Link replaced. The old one no longer works.")
    new = web.post(at(share, "link/")).content.decode()
    assert (outside.get(old).status_code, outside.get(new).status_code) == (404, 200)
    web.post(at(share, "undo/"))
    assert (outside.get(old).status_code, outside.get(new).status_code) == (200, 404)
    assert web.post(at(share, "link/")).content.decode().endswith(old)
    share.refresh_from_db()
    assert share.former_token == ""


def test_only_the_last_of_both_is_undone(web, outside, share):
    old = path(share)
    web.post(at(share, "rotate/"))
    share.refresh_from_db()
    web.post(at(share, "end/"))
    web.post(at(share, "undo/"))
    assert (outside.get(old).status_code, outside.get(path(share)).status_code) == (404, 200)
    assert "Too late to undo." in told(web.post(at(share, "undo/"), follow=True))


@pytest.mark.parametrize("part", ["end/", "rotate/"])
def test_it_is_offered_for_ten_seconds_and_accepted_for_five_minutes(web, outside, share, clock, part):
    address = path(share)
    web.post(at(share, part))
    clock.shift(9)
    for page in (at(share), "/shares/"):
        assert at(share, "undo/") in forms(web.get(page))
        assert at(share, "undo/") not in forms(web.get(page, headers=htmx()))
    clock.shift(2)
    for page in (at(share), "/shares/"):
        assert at(share, "undo/") not in forms(web.get(page))
    clock.shift(undo.ACCEPTED_FOR - timedelta(seconds=12))
    web.post(at(share, "undo/"))
    assert outside.get(address).status_code == 200
    web.post(at(share, part))
    clock.shift(undo.ACCEPTED_FOR)
    assert "Too late to undo." in told(web.post(at(share, "undo/"), follow=True))
    assert outside.get(address).status_code == 404


def test_it_is_for_the_user_who_did_it(web, admin, outside, share):
    address = path(share)
    admin.post(at(share, "end/"))
    assert at(share, "undo/") not in forms(web.get("/shares/"))
    assert "Too late to undo." in told(web.post(at(share, "undo/"), follow=True))
    assert outside.get(address).status_code == 404
    admin.post(at(share, "undo/"))
    assert outside.get(address).status_code == 200


@pytest.mark.parametrize(("role", "status"), [(Role.MEMBER, 403), (Role.VIEWER, 403), (None, 404)])
def test_a_user_whose_role_was_lowered_meanwhile_undoes_nothing(admin, outside, bob, share, role, status):
    admin.post(at(share, "end/"))
    membership = Membership.objects.filter(user=bob)
    membership.update(role=role) if role else membership.delete()
    assert admin.post(at(share, "undo/")).status_code == status
    assert outside.get(path(share)).status_code == 404


def test_it_makes_no_more_links_than_the_quota_allows(web, share, alice, table, settings):
    settings.QUOTAS = settings.QUOTAS | {"share_links": 1}
    web.post(at(share, "end/"))
    shares.make(alice, table.key, [table])
    page = web.post(at(share, "undo/"), follow=True)
    assert "Limit reached: 1 active share links." in told(page)
    share.refresh_from_db()
    assert share.ended_at


def test_the_old_token_is_stored_encrypted_and_forgotten(web, share, clock):
    token = share.unseal()
    web.post(at(share, "rotate/"))
    assert token.encode() not in database_content()
    share.refresh_from_db()
    assert share.former_token
    clock.shift(undo.ACCEPTED_FOR + timedelta(seconds=1))
    undo.tidy()
    share.refresh_from_db()
    assert (share.former_token, share.undo_by, share.undo_until) == ("", None, None)


def test_an_old_token_that_can_t_be_read_is_not_restored(web, share, settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    web.post(at(share, "rotate/"))
    new = ShareLink.objects.get().unseal()
    assert "Too late to undo." in told(web.post(at(share, "undo/"), follow=True))
    assert ShareLink.objects.get().unseal() == new
