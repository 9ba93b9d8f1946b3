"""Every role at every path that has to do with a team or with what is behind a shared key."""

import pytest

from accounts import teams
from accounts.models import Membership, User
from accounts.roles import Action, Role, may
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import ApiKey, KeyShare
from tests.support.html import told, words

# What each path needs; the key's own pages are its owner's alone, whatever the role in a team.
OWNER_OF_THE_KEY, OWNER_OF_THE_RECEIPT = "owner of the key", "owner of the receipt"
OWNER_OF_THE_UPLOAD, OWNER_OF_THE_BATCH = "owner of the upload", "owner of the batch"
RECEIVER_OF_THE_OFFER = "receiver of the offer"
OWNERS = (OWNER_OF_THE_KEY, OWNER_OF_THE_RECEIPT, OWNER_OF_THE_UPLOAD, OWNER_OF_THE_BATCH, RECEIVER_OF_THE_OFFER)
PATHS = {
    ("GET", "/sources/"): Action.BROWSE,
    ("POST", "/sources/refresh/"): Action.BROWSE,
    ("GET", "/sources/reasons/"): Action.BROWSE,
    # Without a selection.
    ("POST", "/sources/chosen/reasons/"): Action.BROWSE,
    # Without a file; with one: tests/datasources/views/test_marks.py.
    ("POST", "/sources/favourite/"): Action.BROWSE,
    ("GET", "/sources/upload/"): Action.UPLOAD,
    # Without a file.
    ("POST", "/sources/upload/"): Action.UPLOAD,
    ("POST", "/sources/upload/check/"): Action.UPLOAD,
    ("GET", "/sources/{datasource_id}/correct/"): Action.UPLOAD,
    ("GET", "/sources/upload/?corrects={datasource_id}"): Action.UPLOAD,
    ("POST", "/sources/upload/?corrects={datasource_id}"): Action.UPLOAD,
    # Nobody may move views and links of others; that has tests of its own.
    ("GET", "/sources/{datasource_id}/move/"): Action.BROWSE,
    ("POST", "/sources/{datasource_id}/move/"): Action.BROWSE,
    ("GET", "/uploads/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/first-rows/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/rows/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/rows/1/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/rows/filter/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/rows/filter/form/"): Action.BROWSE,
    # Of a table without a copy, and without a column.
    ("GET", "/sources/{datasource_id}/rows/heads/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/rows/column/"): Action.BROWSE,
    # Without a copy.
    ("GET", "/sources/{datasource_id}/plot/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/rows/chooser/"): Action.BROWSE,
    # Without a change.
    ("POST", "/sources/{datasource_id}/rows/columns/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/rows/menu/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/copy/"): Action.BROWSE,
    ("GET", "/sources/{datasource_id}/rows/export/"): Action.EXPORT,
    # Without a format.
    ("POST", "/sources/{datasource_id}/rows/export/"): Action.EXPORT,
    # Without another table.
    ("GET", "/sources/{datasource_id}/compare/"): Action.BROWSE,
    ("POST", "/sources/{datasource_id}/compare/"): Action.BROWSE,
    ("GET", "/exports/"): Action.BROWSE,
    # A small table; larger ones, stopping and deleting: tests/datasources/views/test_copies.py.
    ("POST", "/sources/{datasource_id}/copy/"): Action.BROWSE,
    ("POST", "/sources/{datasource_id}/download/"): Action.DOWNLOAD,
    ("GET", "/downloads/{link_id}/"): Action.DOWNLOAD,
    ("GET", "/downloads/{link_id}/file/"): Action.DOWNLOAD,
    ("POST", "/downloads/{link_id}/url/"): Action.DOWNLOAD,
    # The batch of another user, whatever the role.
    ("GET", "/downloads/batches/{batch_id}/"): OWNER_OF_THE_BATCH,
    ("POST", "/downloads/batches/{batch_id}/begin/"): OWNER_OF_THE_BATCH,
    ("POST", "/downloads/batches/{batch_id}/retry/"): OWNER_OF_THE_BATCH,
    ("POST", "/downloads/batches/{batch_id}/urls/"): OWNER_OF_THE_BATCH,
    ("GET", "/downloads/batches/{batch_id}/1/"): OWNER_OF_THE_BATCH,
    ("GET", "/sources/{datasource_id}/share/"): Action.SHARE,
    ("POST", "/sources/{datasource_id}/share/"): Action.SHARE,
    ("GET", "/shares/"): Action.BROWSE,
    ("GET", "/shares/{share_id}/"): Action.BROWSE,
    ("POST", "/shares/{share_id}/link/"): Action.SHARE,
    ("POST", "/shares/{share_id}/address/"): Action.SHARE,
    ("GET", "/shares/{share_id}/qr/"): Action.SHARE,
    ("GET", "/shares/{share_id}/edit/"): Action.END_SHARES,
    ("POST", "/shares/{share_id}/edit/"): Action.END_SHARES,
    ("POST", "/shares/{share_id}/pause/"): Action.END_SHARES,
    ("POST", "/shares/{share_id}/resume/"): Action.END_SHARES,
    ("GET", "/shares/{share_id}/rotate/"): Action.END_SHARES,
    ("POST", "/shares/{share_id}/rotate/"): Action.END_SHARES,
    ("GET", "/shares/{share_id}/end/"): Action.END_SHARES,
    ("POST", "/shares/{share_id}/end/"): Action.END_SHARES,
    ("POST", "/shares/{share_id}/undo/"): Action.END_SHARES,
    ("GET", "/sources/{datasource_id}/delete/"): Action.DELETE,
    ("GET", "/activity/"): Action.BROWSE,
    ("GET", "/activity/export/"): Action.BROWSE,
    ("GET", "/activity/?team={team_id}"): Action.BROWSE,
    ("POST", "/sources/{datasource_id}/follow/"): Action.BROWSE,
    ("POST", "/notices/choices/{key_id}/"): Action.BROWSE,
    ("GET", "/views/"): Action.BROWSE,
    ("GET", "/views/?team={team_id}"): Action.BROWSE,
    ("GET", "/views/add/?path=/sources/{datasource_id}/rows/"): Action.BROWSE,
    ("GET", "/views/{view_id}/rename/"): Action.SAVE_VIEWS,
    ("POST", "/views/{view_id}/rename/"): Action.SAVE_VIEWS,
    ("GET", "/views/{view_id}/update/?path=/sources/"): Action.SAVE_VIEWS,
    ("POST", "/views/{view_id}/update/?path=/sources/"): Action.SAVE_VIEWS,
    ("GET", "/views/{view_id}/move/"): Action.SAVE_VIEWS,
    ("POST", "/views/{view_id}/move/"): Action.SAVE_VIEWS,
    # The order of the views is each user's own.
    ("POST", "/views/{view_id}/place/"): Action.BROWSE,
    ("GET", "/views/{view_id}/delete/"): Action.SAVE_VIEWS,
    ("POST", "/views/{view_id}/delete/"): Action.SAVE_VIEWS,
    ("GET", "/sources/{datasource_id}/tags/"): Action.BROWSE,
    # Without a tag; the tags of teams: tests/datasources/views/test_tags.py.
    ("POST", "/sources/{datasource_id}/tags/"): Action.BROWSE,
    ("GET", "/tags/"): Action.BROWSE,
    ("GET", "/tags/{tag_id}/rename/"): Action.TAG,
    ("POST", "/tags/{tag_id}/rename/"): Action.TAG,
    ("GET", "/tags/{tag_id}/delete/"): Action.TAG,
    ("POST", "/tags/{tag_id}/delete/"): Action.TAG,
    ("GET", "/bin/"): Action.BROWSE,
    ("GET", "/bin/bar/"): Action.BROWSE,
    ("GET", "/above/"): Action.BROWSE,
    ("GET", "/palette/"): Action.BROWSE,
    ("GET", "/shortcuts/"): Action.BROWSE,
    ("POST", "/bin/{deletion_id}/undo/"): Action.SHARE,
    ("GET", "/bin/{deletion_id}/now/"): Action.DELETE,
    ("POST", "/bin/{deletion_id}/now/"): Action.DELETE,
    ("GET", "/teams/{team_id}/"): Action.BROWSE,
    ("POST", "/teams/{team_id}/"): Action.PEOPLE,
    ("POST", "/teams/{team_id}/people/{membership_id}/role/"): Action.PEOPLE,
    ("GET", "/teams/{team_id}/people/{membership_id}/remove/"): Action.PEOPLE,
    ("POST", "/teams/{team_id}/people/{membership_id}/remove/"): Action.PEOPLE,
    ("POST", "/teams/{team_id}/invitations/{invitation_id}/link/"): Action.PEOPLE,
    ("GET", "/teams/{team_id}/invitations/{invitation_id}/revoke/"): Action.PEOPLE,
    ("POST", "/teams/{team_id}/invitations/{invitation_id}/revoke/"): Action.PEOPLE,
    # Without a key.
    ("POST", "/teams/{team_id}/keys/share/"): Action.KEYS,
    ("GET", "/teams/{team_id}/keys/{key_id}/unshare/"): Action.KEYS,
    ("POST", "/teams/{team_id}/keys/{key_id}/unshare/"): Action.KEYS,
    ("GET", "/teams/{team_id}/rename/"): Action.OWN,
    ("GET", "/teams/{team_id}/delete/"): Action.OWN,
    ("GET", "/teams/{team_id}/transfer/"): Action.OWN,
    # Without a member, and without an offer.
    ("POST", "/teams/{team_id}/transfer/"): Action.OWN,
    ("POST", "/teams/{team_id}/transfer/withdraw/"): Action.OWN,
    ("GET", "/teams/{team_id}/leave/"): Action.BROWSE,
    ("POST", "/teams/{team_id}/leave/"): Action.BROWSE,
    ("GET", "/keys/{key_id}/edit/"): OWNER_OF_THE_KEY,
    ("GET", "/keys/{key_id}/share/"): OWNER_OF_THE_KEY,
    ("GET", "/keys/{key_id}/delete/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key_id}/delete/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key_id}/check/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key_id}/hook/"): OWNER_OF_THE_KEY,
    ("GET", "/keys/{key_id}/copies/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key_id}/copies/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key_id}/export/"): OWNER_OF_THE_KEY,
    ("GET", "/keys/{key_id}/transfer/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key_id}/transfer/"): OWNER_OF_THE_KEY,
    ("POST", "/keys/{key_id}/transfer/withdraw/"): OWNER_OF_THE_KEY,
    ("GET", "/transfers/{transfer_id}/"): RECEIVER_OF_THE_OFFER,
    ("POST", "/transfers/{transfer_id}/"): RECEIVER_OF_THE_OFFER,
    # The receipt of another user, whatever the role.
    ("GET", "/exports/{export_id}/"): OWNER_OF_THE_RECEIPT,
    ("GET", "/exports/{export_id}/file/"): OWNER_OF_THE_RECEIPT,
    ("POST", "/uploads/{upload_id}/confirm/"): OWNER_OF_THE_UPLOAD,
    ("POST", "/uploads/{upload_id}/retry/"): OWNER_OF_THE_UPLOAD,
    ("POST", "/uploads/{upload_id}/remove/"): OWNER_OF_THE_UPLOAD,
}


@pytest.mark.parametrize("role", [*Role, None], ids=lambda role: role.label if role else "nobody")
@pytest.mark.parametrize(("method", "path"), PATHS, ids=lambda part: part)
def test_the_table_decides(client_of, bob, team, ids, role, method, path):
    if role:
        Membership.objects.create(team=team, user=bob, role=role)
    needed = PATHS[method, path]
    status = client_of(bob).generic(method, path.format(**ids)).status_code
    if needed in OWNERS or (role is None and "{" in path):
        assert status == 404
    elif role is None or may(role, needed):
        assert status in (200, 204, 302, 400, 422)
    else:
        assert status == 403


def test_a_refusal_names_who_may(client_of, bob, team, ids):
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    web = client_of(bob)
    User.objects.filter(email="alice@example.com").update(name="Alice Ames")
    for n, role in enumerate([Role.MEMBER, Role.ADMIN, Role.ADMIN, Role.ADMIN, Role.ADMIN, Role.ADMIN]):
        user = User.objects.create_user(f"{role.name.lower()}{n}@example.com", is_active=n != 1)
        Membership.objects.create(team=team, user=user, role=role)
    alice, admins = "Alice Ames (alice@example.com)", ", ".join(f"admin{n}@example.com" for n in range(2, 6))
    for path, asked in {
        f"/sources/{ids['datasource_id']}/delete/": f"Ask an owner or admin of {team}: {alice}, {admins}.",
        f"/teams/{team.pk}/rename/": f"Ask an owner of {team}: {alice}.",
        f"/views/{ids['view_id']}/rename/": f"Ask an owner, admin or member of {team}: {alice}, {admins} and 1 more.",
        "/sources/upload/": f"{admins} and 1 more.",
        f"/bin/{ids['deletion_id']}/now/": f"Ask an owner or admin of {team}: {alice}, {admins}.",
    }.items():
        assert "You don't have permission. Ask an owner" in words(web.get(path))
        assert asked in words(web.get(path))


def test_a_refusal_names_nobody_of_a_team_where_the_reader_is_not(client_of, alice, bob, key, team, ids):
    other = teams.create("Secret", User.objects.create_user("eve@example.com"))
    KeyShare.objects.create(key=key, team=other)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    for path in (f"/sources/{ids['datasource_id']}/delete/", f"/bin/{ids['deletion_id']}/now/", "/sources/upload/"):
        shown = words(client_of(bob).get(path))
        assert "alice@example.com" in shown
        assert "eve@" not in shown
        assert "Secret" not in shown


def test_the_key_s_owner_may_all_with_it_and_only_that_in_the_team(client_of, alice, bob, team, ids):
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    teams.set_role(team.memberships.get(user=alice), Role.VIEWER)
    web = client_of(alice)
    assert web.get(f"/sources/{ids['datasource_id']}/delete/").status_code == 200
    assert web.get(f"/keys/{ids['key_id']}/edit/").status_code == 200
    assert web.post(f"/teams/{team.pk}/people/{ids['membership_id']}/remove/").status_code == 403


@pytest.mark.parametrize("role", Role, ids=lambda role: role.label)
def test_the_page_offers_what_one_may_do(client_of, bob, team, ids, role):
    Membership.objects.create(team=team, user=bob, role=role)
    web = client_of(bob)
    for path in ("/sources/", f"/sources/{ids['datasource_id']}/"):
        assert (f"/sources/{ids['datasource_id']}/delete/" in web.get(path).content.decode()) == may(
            role, Action.DELETE
        )
    page = web.get(f"/teams/{team.pk}/").content.decode()
    for part, action in {"/remove/": Action.PEOPLE, "/unshare/": Action.KEYS, "/rename/": Action.OWN}.items():
        assert (part in page) == may(role, action)


@pytest.mark.parametrize("role", [*Role, None], ids=lambda role: role.label if role else "nobody")
def test_who_may_reads_what_happened(client_of, alice, bob, team, ids, role):
    if role:
        Membership.objects.create(team=team, user=bob, role=role)
    log.record(What.KEY_CHECKED, alice, key=team.key_shares.get().key, outcome="all-is-well")
    for path in ("/activity/", "/activity/export/"):
        response = client_of(bob).get(path)
        assert ("all-is-well" in response.getvalue().decode()) == may(role, Action.LOG)


def test_an_admin_changes_no_owner_and_makes_none(client_of, alice, bob, team, ids):
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    web, owner = client_of(bob), team.memberships.get(user=alice)
    assert web.post(f"/teams/{team.pk}/people/{owner.pk}/remove/").status_code == 403
    assert web.post(f"/teams/{team.pk}/people/{owner.pk}/role/", {"role": Role.VIEWER}).status_code == 403
    web.post(f"/teams/{team.pk}/people/{ids['membership_id']}/role/", {"role": Role.OWNER})
    assert "You can't assign this role." in told(web.get(f"/teams/{team.pk}/"))
    assert web.post(f"/teams/{team.pk}/", {"role": Role.OWNER, "days": 7}).status_code == 422
    assert team.memberships.filter(role=Role.OWNER).get() == owner


def test_nobody_but_its_owner_sees_of_a_shared_key_more_than_its_name(client_of, bob, key, team, ids):
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    ApiKey.objects.filter(pk=key.pk).update(hint="Zx9q")
    for path in ("/keys/", "/sources/", f"/sources/{ids['datasource_id']}/", f"/teams/{team.pk}/"):
        page = client_of(bob).get(path).content.decode()
        assert "Zx9q" not in page
        assert key.fingerprint not in page
