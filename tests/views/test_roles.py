"""Every role at every path that has to do with a team or with what is behind a shared key."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, Team, User
from accounts.roles import Action, Role, may
from datasources import audit, shares
from datasources.audit import What
from datasources.models import ApiKey, KeyShare, SavedView
from tests.conftest import synced
from tests.support.html import told
from tests.views.conftest import put_away

# What each path needs; the key's own pages are its owner's alone, whatever the role in a team.
OWNER_OF_THE_KEY = "owner of the key"
PATHS = {
    ("GET", "/sources/"): Action.BROWSE,
    ("POST", "/sources/refresh/"): Action.BROWSE,
    ("GET", "/sources/{source}/"): Action.BROWSE,
    ("GET", "/sources/{source}/rows/"): Action.BROWSE,
    ("POST", "/sources/{source}/download/"): Action.DOWNLOAD,
    ("GET", "/downloads/{link}/"): Action.DOWNLOAD,
    ("GET", "/downloads/{link}/file/"): Action.DOWNLOAD,
    ("POST", "/downloads/{link}/url/"): Action.DOWNLOAD,
    ("GET", "/sources/{source}/share/"): Action.SHARE,
    ("POST", "/sources/{source}/share/"): Action.SHARE,
    ("GET", "/shares/"): Action.BROWSE,
    ("GET", "/shares/{share}/"): Action.BROWSE,
    ("POST", "/shares/{share}/link/"): Action.SHARE,
    ("GET", "/shares/{share}/qr/"): Action.SHARE,
    ("GET", "/shares/{share}/edit/"): Action.END_SHARES,
    ("POST", "/shares/{share}/edit/"): Action.END_SHARES,
    ("POST", "/shares/{share}/pause/"): Action.END_SHARES,
    ("POST", "/shares/{share}/resume/"): Action.END_SHARES,
    ("POST", "/shares/{share}/rotate/"): Action.END_SHARES,
    ("POST", "/shares/{share}/end/"): Action.END_SHARES,
    ("GET", "/sources/{source}/delete/"): Action.DELETE,
    ("GET", "/activity/"): Action.BROWSE,
    ("GET", "/activity/export/"): Action.BROWSE,
    ("GET", "/activity/?team={team}"): Action.BROWSE,
    ("POST", "/sources/{source}/follow/"): Action.BROWSE,
    ("POST", "/notices/choices/{key}/"): Action.BROWSE,
    ("GET", "/views/"): Action.BROWSE,
    ("GET", "/views/?team={team}"): Action.BROWSE,
    ("GET", "/views/add/?path=/sources/{source}/rows/"): Action.BROWSE,
    ("GET", "/views/{view}/rename/"): Action.SAVE_VIEWS,
    ("POST", "/views/{view}/rename/"): Action.SAVE_VIEWS,
    ("POST", "/views/{view}/delete/"): Action.SAVE_VIEWS,
    ("GET", "/bin/"): Action.BROWSE,
    ("GET", "/bin/bar/"): Action.BROWSE,
    ("POST", "/bin/{deletion}/undo/"): Action.SHARE,
    ("POST", "/bin/{deletion}/now/"): Action.DELETE,
    ("GET", "/teams/{team}/"): Action.BROWSE,
    ("POST", "/teams/{team}/"): Action.PEOPLE,
    ("POST", "/teams/{team}/people/{member}/role/"): Action.PEOPLE,
    ("POST", "/teams/{team}/people/{member}/remove/"): Action.PEOPLE,
    ("POST", "/teams/{team}/invitations/{invitation}/link/"): Action.PEOPLE,
    ("POST", "/teams/{team}/invitations/{invitation}/revoke/"): Action.PEOPLE,
    ("POST", "/teams/{team}/keys/{key}/unshare/"): Action.KEYS,
    ("GET", "/teams/{team}/rename/"): Action.OWN,
    ("GET", "/teams/{team}/delete/"): Action.OWN,
    ("POST", "/teams/{team}/leave/"): Action.BROWSE,
    ("GET", "/keys/{key}/edit/"): OWNER_OF_THE_KEY,
    ("GET", "/keys/{key}/share/"): OWNER_OF_THE_KEY,
    ("GET", "/keys/{key}/delete/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key}/delete/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key}/check/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key}/hook/"): OWNER_OF_THE_KEY,
}


@pytest.fixture
def team(alice, key) -> Team:
    """Alice's, working through her key."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    return team


@pytest.fixture
def ids(team, alice, account, key, table, ready) -> dict[str, object]:
    account.add(fileName="in the bin.csv")
    [binned] = (source for source in synced(key) if source != table)
    carol = User.objects.create_user("carol@example.com")
    return {
        "source": table.datasource_id,
        "link": ready.pk,
        "share": shares.make(alice, table.key, [table]).pk,
        "deletion": put_away(binned, alice).pk,
        "team": team.pk,
        "key": table.key_id,
        "member": Membership.objects.create(team=team, user=carol, role=Role.VIEWER).pk,
        "view": SavedView.objects.create(name="Failed", team=team, page="sources:list", query="status=failed").pk,
        "invitation": teams.invite(team, alice, Role.VIEWER, timezone.now() + timedelta(days=1)).pk,
    }


@pytest.mark.parametrize("role", [*Role, None], ids=lambda role: role.label if role else "nobody")
@pytest.mark.parametrize(("method", "path"), PATHS, ids=lambda part: part)
def test_the_table_decides(client_of, bob, team, ids, role, method, path):
    if role:
        Membership.objects.create(team=team, user=bob, role=role)
    needed = PATHS[method, path]
    status = client_of(bob).generic(method, path.format(**ids)).status_code
    if needed == OWNER_OF_THE_KEY or (role is None and "{" in path):
        assert status == 404
    elif role is None or may(role, needed):
        assert status in (200, 302, 422)
    else:
        assert status == 403


def test_the_key_s_owner_may_all_with_it_and_only_that_in_the_team(client_of, alice, bob, team, ids):
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    teams.set_role(team.memberships.get(user=alice), Role.VIEWER)
    web = client_of(alice)
    assert web.get(f"/sources/{ids['source']}/delete/").status_code == 200
    assert web.get(f"/keys/{ids['key']}/edit/").status_code == 200
    assert web.post(f"/teams/{team.pk}/people/{ids['member']}/remove/").status_code == 403


@pytest.mark.parametrize("role", Role, ids=lambda role: role.label)
def test_the_page_offers_what_one_may_do(client_of, bob, team, ids, role):
    Membership.objects.create(team=team, user=bob, role=role)
    web = client_of(bob)
    for path in ("/sources/", f"/sources/{ids['source']}/"):
        assert (f"/sources/{ids['source']}/delete/" in web.get(path).content.decode()) == may(role, Action.DELETE)
    page = web.get(f"/teams/{team.pk}/").content.decode()
    for part, action in {"/remove/": Action.PEOPLE, "/unshare/": Action.KEYS, "/rename/": Action.OWN}.items():
        assert (part in page) == may(role, action)


@pytest.mark.parametrize("role", [*Role, None], ids=lambda role: role.label if role else "nobody")
def test_who_may_reads_what_happened(client_of, alice, bob, team, ids, role):
    if role:
        Membership.objects.create(team=team, user=bob, role=role)
    audit.record(What.KEY_CHECKED, alice, key=team.key_shares.get().key, outcome="all-is-well")
    for path in ("/activity/", "/activity/export/"):
        response = client_of(bob).get(path)
        assert ("all-is-well" in response.getvalue().decode()) == may(role, Action.LOG)


def test_an_admin_changes_no_owner_and_makes_none(client_of, alice, bob, team, ids):
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    web, owner = client_of(bob), team.memberships.get(user=alice)
    assert web.post(f"/teams/{team.pk}/people/{owner.pk}/remove/").status_code == 403
    assert web.post(f"/teams/{team.pk}/people/{owner.pk}/role/", {"role": Role.VIEWER}).status_code == 403
    web.post(f"/teams/{team.pk}/people/{ids['member']}/role/", {"role": Role.OWNER})
    assert "That is no role that you can give." in told(web.get(f"/teams/{team.pk}/"))
    assert web.post(f"/teams/{team.pk}/", {"role": Role.OWNER, "days": 7}).status_code == 422
    assert team.memberships.filter(role=Role.OWNER).get() == owner


def test_nobody_but_its_owner_sees_of_a_shared_key_more_than_its_name(client_of, bob, key, team, ids):
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    ApiKey.objects.filter(pk=key.pk).update(hint="Zx9q")
    for path in ("/keys/", "/sources/", f"/sources/{ids['source']}/", f"/teams/{team.pk}/"):
        page = client_of(bob).get(path).content.decode()
        assert "Zx9q" not in page
        assert key.fingerprint not in page
