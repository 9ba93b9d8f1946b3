import csv
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts import teams
from accounts.models import Invitation, Membership, User
from accounts.roles import Role
from datasources import transfers
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import (
    ApiKey,
    AuditEvent,
    Deletion,
    DownloadLink,
    KeyShare,
    SavedView,
    ShareLink,
    Tag,
    Transfer,
    Upload,
)
from datasources.sharing import shares
from datasources.uploads import sending
from tests.conftest import asked_again, emptied, htmx, synced, taken
from tests.datasources.views.conftest import made
from tests.support.copies import copied
from tests.support.html import all_words, dom, field, link, told, words
from tests.support.mfa import app_of, code, codes_of, codes_shown, confirmed, secret_shown
from tests.support.webhooks import tended


@pytest.fixture
def team(alice, bob, key):
    """Alice's, working through her key; Bob looks on."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    return team


def lines(page) -> list[str]:
    return [words(one.find("./div")) for one in dom(page).iter("li") if one.get("id", "").startswith("event-")]


def exported(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_what_happened_stands_there_in_words_with_where_it_came_from(web, client_of, bob, team, table):
    client_of(bob).post(
        f"/sources/{table.datasource_id}/download/", headers={"User-Agent": "Mozilla (Linux) Firefox/130"}
    )
    page = web.get("/activity/")
    assert lines(page) == [
        "bob@example.com created a download link for things.csv just now details 127.0.0.1 Firefox on Linux"
    ]
    assert link(page, "things.csv") == f"/sources/{table.datasource_id}/?key={table.key_id}"


def test_a_source_that_is_gone_is_named_and_no_link(web, alice, table):
    log.record(What.SOURCE_DELETE_DONE, alice, source=table)
    table.key.sources.update(gone_at=timezone.now())
    page = web.get("/activity/")
    assert "deleted things.csv, key Main" in words(page)
    assert not [one for one in dom(page).iter("a") if "things.csv" in words(one)]


def test_hostile_names_are_text(web, alice, key):
    log.record(What.SOURCE_DELETED, alice, key=key, about="<img src=x onerror=alert(1)>\u202e={who}")
    page = web.get("/activity/")
    assert dom(page).find(".//section//img") is None
    assert "<img src=x onerror=alert(1)>�={who}" in words(page)
    [_, line] = exported(web.get("/activity/export/"))
    assert line[4] == "<img src=x onerror=alert(1)>�={who}"


def test_the_address_decides_what_is_shown_and_exported(web, alice, bob, key):
    log.record(What.SIGNED_IN, alice)
    log.record(What.DOWNLOAD_ASKED, bob, key=key, about="beans.csv")
    query = f"?what=downloads&who=bob&key={key.pk}&since=2026-01-01&q=beans"
    page = web.get(f"/activity/{query}")
    assert len(lines(page)) == 1
    assert (field(page, "who").get("value"), field(page, "since").get("value")) == ("bob", "2026-01-01")
    assert dom(page).find(".//select[@name='what']//option[@selected]").get("value") == "downloads"
    assert [line[2] for line in exported(web.get(link(page, "Export as CSV")))[1:]] == ["Download link created"]
    assert "No matching activity" in words(web.get("/activity/?what=teams"))


@pytest.mark.parametrize("query", ["what=nonsense", "before=abc", "after=99999999999999999999", "since=9999-99-99"])
def test_what_can_t_be_used_is_told(web, alice, query):
    log.record(What.SIGNED_IN, alice)
    page = web.get(f"/activity/?{query}")
    assert page.status_code == 400
    assert "in the address" in told(page)
    assert len(lines(page)) == 1


def test_pages_are_links(web, alice):
    for number in range(60):
        log.record(What.TEAM_MADE, alice, about=f"team {number}")
    first = web.get("/activity/?what=teams")
    assert len(lines(first)) == 50
    second = web.get("/activity/" + link(first, "Older"))
    assert len(lines(second)) == 10
    assert lines(web.get("/activity/" + link(second, "Newest"))) == lines(first)
    assert "No older activity" in words(web.get("/activity/?before=1"))


def test_more_events_cost_no_more_queries(web, alice, account, key, django_assert_max_num_queries):
    account.add_many([{"fileName": f"{n}.csv"} for n in range(20)])
    sources = synced(key)
    log.record(What.DOWNLOADED, alice, source=sources[0])
    web.get("/keys/")  # notes, once in five minutes, that she is here
    with django_assert_max_num_queries(10) as few:
        web.get("/activity/")
    for source in sources:
        log.record(What.DOWNLOADED, alice, source=source)
    with django_assert_max_num_queries(len(few)):
        assert len(lines(web.get("/activity/"))) == 21


def test_repeats_unfold_in_one_line(web, alice, table):
    for _ in range(3):
        log.record(What.DOWNLOADED, alice, source=table)
    page = web.get("/activity/")
    [folded] = dom(page).iterfind(".//ol/li//details[summary]/ol/..")
    assert words(folded.find("summary")) == "alice@example.com downloaded things.csv 3 times"
    assert folded.find("summary//a") is None
    assert len(lines(page)) == len(folded.findall("ol/li")) == 3


def test_a_part_is_the_same_without_the_page_around_it(web, alice):
    log.record(What.SIGNED_IN, alice)
    part = web.get("/activity/", headers=htmx())
    assert (len(lines(part)), b"<html" in part.content) == (1, False)


def test_it_is_shown_by_space(web, client_of, alice, bob, key, team):
    log.record(What.SIGNED_IN, bob, teams=[team])
    log.record(What.KEY_ADDED, alice, key=key, teams=[])
    assert [line.split()[0] for line in lines(web.get(f"/activity/?team={team.pk}"))] == ["bob@example.com"]
    assert [line.split()[0] for line in lines(web.get("/activity/?team=own"))] == ["alice@example.com"]
    assert len(lines(web.get("/activity/"))) == 2
    assert client_of(bob).get(f"/activity/?team={teams.create('Hers', alice).pk}").status_code == 404
    assert link(web.get(f"/sources/?team={team.pk}"), "Activity") == f"/activity/?team={team.pk}"


def test_a_stranger_reads_nothing_of_others(client_of, alice, key, team):
    for what in What:
        log.record(what, alice, key=key, about="secret plans")
    stranger = client_of(User.objects.create_user("carol@example.com"))
    for path in ("/activity/", f"/activity/?key={key.pk}", "/activity/?who=alice", "/activity/?q=plans"):
        page = stranger.get(path)
        assert lines(page) == []
        assert "plans" not in words(page.content and dom(page).find(".//ol"))
    assert len(exported(stranger.get("/activity/export/"))) == 1


def test_the_export_goes_out_piece_by_piece(web, alice, monkeypatch):
    from datasources.activity import search

    monkeypatch.setattr(search, "CHUNK", 2)
    for number in range(4):
        log.record(What.TEAM_MADE, alice, about=str(number))
    response = web.get("/activity/export/")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="activity-\d{4}-\d\d-\d\d\.csv"', response.headers["Content-Disposition"]
    )
    assert "no-store" in response.headers["Cache-Control"]
    assert len(list(response.streaming_content)) == 3


def test_whoever_loses_access_gets_no_more_of_the_export(client_of, bob, team, key, monkeypatch):
    from datasources.activity import search

    monkeypatch.setattr(search, "CHUNK", 1)
    mine = team.memberships.get(user=bob)
    teams.set_role(mine, Role.ADMIN)
    for _ in range(3):
        log.record(What.KEY_REFUSED, None, key=key)
    pieces = iter(client_of(bob).get("/activity/export/").streaming_content)
    assert [next(pieces)[:1], next(pieces)[:1]] != []
    teams.set_role(mine, Role.MEMBER)
    assert list(pieces) == []


def test_keys_and_teams_lead_to_what_happened_with_them(web, client_of, bob, key, team):
    assert link(web.get("/keys/"), f"Activity of {key.label}") == f"/activity/?key={key.pk}"
    assert f"/activity/?team={team.pk}" in web.get(f"/teams/{team.pk}/").content.decode()
    assert f"/activity/?team={team.pk}" not in client_of(bob).get(f"/teams/{team.pk}/").content.decode()


def test_a_source_tells_those_who_may_know_what_happened_with_it(web, client_of, alice, bob, team, table):
    path = f"/sources/{table.datasource_id}/"
    assert "What happened" not in words(web.get(path))
    for _ in range(7):
        log.record(What.DOWNLOADED, alice, source=table)
    page = web.get(path)
    assert sum("downloaded things.csv" in line for line in all_words(page, ".//ol/li")) == 5
    assert len(lines(web.get(link(page, "All activity")))) == 7
    assert "What happened" not in words(client_of(bob).get(path))


# --- No secrets ---


def handed_over(web: Client, receiver: Client, path: str, to: dict[str, object]) -> None:
    """Every end that an offer may have; at last it is accepted."""
    web.post(path, to)
    web.post(f"{path}withdraw/")
    for answer in ("decline", "expire", "accept"):
        web.post(path, to)
        offer = Transfer.objects.get(state=Transfer.State.OPEN)
        if answer == "expire":
            Transfer.objects.filter(pk=offer.pk).update(expires_at=timezone.now())
            transfers.tidy()
        else:
            receiver.post(f"/transfers/{offer.pk}/", {"answer": answer, "seen": transfers.edition(offer)})


@pytest.mark.slow
def test_no_secret_is_in_what_is_written_nor_in_the_export(
    client_of, account, sandbox, settings, alice, bob, monkeypatch
):
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    secrets = {"alices-password", "bobs-password", "wrong-password", "another-password", account.key}
    web = Client(headers={"User-Agent": "Firefox"})
    web.post("/accounts/login/", {"login": alice.email, "password": "wrong-password"})
    web.post("/accounts/login/", {"login": alice.email, "password": "alices-password"})
    web.post("/teams/", {"name": "Catalogue"})
    team = Membership.objects.get(user=alice).team
    web.post(f"/teams/{team.pk}/rename/", {"name": "Products"})
    for email in (bob.email, ""):
        web.post(f"/teams/{team.pk}/", {"email": email, "role": Role.MEMBER, "days": 7})
    for invitation in Invitation.objects.all():
        secrets.add(teams.token(invitation))
        web.post(f"/teams/{team.pk}/invitations/{invitation.pk}/link/")
    other = client_of(bob)
    other.post(f"/invitations/{teams.token(Invitation.objects.get(email=bob.email))}/")
    web.post(f"/teams/{team.pk}/invitations/{Invitation.objects.get(email='').pk}/revoke/")
    theirs = team.memberships.get(user=bob)
    web.post(f"/teams/{team.pk}/people/{theirs.pk}/role/", {"role": Role.ADMIN})

    web.post("/views/add/?path=/sources/&query=q%3Dx", {"name": "Ours", "team": team.pk})
    view_at = f"/views/{SavedView.objects.get().pk}"
    web.post(f"{view_at}/update/?path=/sources/&query=q%3Dy", {"revision": 1})
    for moved_to in ("", team.pk):
        web.post(f"{view_at}/move/", {"team": moved_to})
    web.post(f"{view_at}/delete/")

    web.post("/keys/add/", {"label": "Main", "secret": account.key})
    key = ApiKey.objects.get()
    another = account.another_key()
    secrets |= {another, key.secret, key.fingerprint}
    web.post(f"/keys/{key.pk}/edit/", {"label": "First", "secret": ""})
    web.post(f"/keys/{key.pk}/edit/", {"label": "First", "secret": another})
    web.post(f"/keys/{key.pk}/check/")
    web.post(f"/keys/{key.pk}/share/", {"teams": [team.pk]})
    web.post(f"/keys/{key.pk}/hook/", {"on": "1"})
    key.refresh_from_db()
    secrets |= {key.hook.derived("token"), key.hook.derived("signature"), key.hook.unseal()}
    tended(key.hook)
    web.post(f"/keys/{key.pk}/hook/", {"on": "0"})

    monkeypatch.setattr(transfers, "OFFERS_A_DAY", 10)
    second = account.another_key()
    secrets.add(second)
    web.post("/keys/add/", {"label": "Second", "secret": second})
    handed_over(web, other, f"/keys/{ApiKey.objects.get(label='Second').pk}/transfer/", {"email": bob.email})
    given = teams.create("Given", alice)
    theirs = Membership.objects.create(team=given, user=bob, role=Role.VIEWER)
    handed_over(web, other, f"/teams/{given.pk}/transfer/", {"member": theirs.pk})

    account.upload("things.csv", "id\n1\n")
    [source] = synced(key)
    secrets.add("planted-upload")
    uploads = [SimpleUploadedFile("up.csv", f"id\n{n},planted-upload\n".encode() * 20) for n in range(3)]
    web.post("/sources/upload/", {"file": uploads})
    queued = list(Upload.objects.order_by("pk"))
    secrets |= {upload.unseal() for upload in queued}
    web.post(f"/uploads/{queued[0].pk}/remove/")
    sending.send(str(queued[1].pk), taken(queued[1]))
    file = SimpleUploadedFile("new.csv", b"id\n1\n" * 20)
    web.post(f"/sources/upload/?corrects={source.datasource_id}", {"file": file})
    corrected = Upload.objects.get(name="new.csv")
    sending.send(str(corrected.pk), taken(corrected))
    account.sandbox.store.wait()
    synced(key)
    account.refuse("INVALID_FILE", 400)
    sending.send(str(queued[2].pk), taken(queued[2]))
    web.post(f"/sources/{source.datasource_id}/download/")
    asked = made(DownloadLink.objects.get())
    secrets |= {asked.unseal(), asked.unseal().split("signature=")[1]}
    web.get(f"/downloads/{asked.pk}/file/")
    other.post(f"/downloads/{asked.pk}/url/")
    share_at = f"/sources/{source.datasource_id}/share/"
    web.post(share_at, {"ends": "week", "password": "shares-password"})
    share = ShareLink.objects.get()
    secrets |= {"shares-password", share.unseal(), share.fingerprint, share.password}
    Client().post(f"/d/{share.unseal()}/?dl=1", {"password": "shares-password"})
    secrets.add("guessed-password")
    for _ in range(5):
        Client().post(f"/d/{share.unseal()}/", {"password": "guessed-password"})
    shares.write_uses()
    view = SavedView.objects.create(name="Mine", owner=alice, page="sources:rows", datasource_id=source.datasource_id)
    corrected.refresh_from_db()
    moved = {"view": view.pk, "share": share.pk, "history": "on"}
    web.post(f"/sources/{corrected.source.datasource_id}/move/", moved)
    for deed in ("edit", "pause", "resume", "link", "rotate", "end"):
        web.post(f"/shares/{share.pk}/{deed}/", {"ends": "never"})
    web.post(f"/shares/{share.pk}/undo/")
    share.refresh_from_db()
    secrets |= {share.unseal(), share.fingerprint}
    for deed in ("create", "stop", "drop"):
        web.post(f"/sources/{source.datasource_id}/copy/", {"action": deed})
    web.post(tags_at := f"/sources/{source.datasource_id}/tags/", {"new": "1", "name": "Autumn", "team": team.pk})
    web.post(tags_at, {"remove": (tag := Tag.objects.get()).pk})
    web.post(f"/tags/{tag.pk}/rename/", {"name": "Winter"})
    web.post(f"/tags/{tag.pk}/delete/")
    secrets |= {"planted-cell", "planted-filter"}
    copied(source, ["id", "text"], [[1, "planted-cell"]])
    rows_at = f"/sources/{source.datasource_id}/rows/?format=csv&filter=text <> 'planted-filter'"
    assert "planted-cell" in web.get(rows_at).getvalue().decode()
    web.get(rows_at).close()
    for switch in ("copies", "export"):
        web.post(f"/keys/{key.pk}/{switch}/", {"on": "0"})
        web.post(f"/keys/{key.pk}/{switch}/", {"on": "1"})
    web.post(f"/sources/{source.datasource_id}/delete/", {"confirm": "things.csv"})
    other.post(f"/bin/{Deletion.objects.get().pk}/undo/")
    web.post(f"/sources/{source.datasource_id}/delete/", {"confirm": "things.csv", "when": "now"})
    account.refuse("ACCESS_DENIED", 403)
    emptied()
    web.post(f"/bin/{Deletion.objects.get().pk}/now/")
    emptied()
    account.key = another
    account.revoke()
    web.post(f"/keys/{key.pk}/check/")
    asked_again(key)
    other.post(f"/teams/{team.pk}/keys/{key.pk}/unshare/")
    web.post(f"/keys/{key.pk}/delete/")
    other.post(f"/teams/{team.pk}/leave/")
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    web.post(f"/teams/{team.pk}/people/{team.memberships.get(user=bob).pk}/remove/")
    web.post(f"/teams/{team.pk}/delete/", {"confirm": "Products"})
    secrets.add(secret := app_of(alice))
    stranger = Client()
    stranger.post("/accounts/login/", {"login": alice.email, "password": "alices-password"})
    stranger.post("/accounts/2fa/authenticate/", {"code": "000000"})
    sure = confirmed(web, alice)
    secrets |= set(codes_of(alice))
    sure.post("/accounts/2fa/recovery-codes/generate/")
    secrets |= {"".join(one) for one in codes_shown(sure.get("/accounts/2fa/recovery-codes/").content.decode())}
    sure.post("/accounts/2fa/totp/deactivate/")
    secrets.add(secret := secret_shown(sure.get("/accounts/2fa/totp/activate/").content.decode()))
    sure.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    client_of(alice).get("/accounts/")
    web.post("/accounts/sessions/end/")
    web.post("/accounts/name/", {"name": "Alice Archer"})
    web.post(
        "/accounts/password/change/",
        {"oldpassword": "alices-password", "password1": "another-password", "password2": "another-password"},
    )
    web.post("/accounts/email/", {"action_add": "", "email": "alice@example.org"})
    secrets |= {web.cookies["sessionid"].value, web.cookies["csrftoken"].value}
    export = b"".join(web.get("/activity/export/").streaming_content).decode()
    web.post("/accounts/logout/")

    happened = set(AuditEvent.objects.values_list("what", flat=True))
    assert {what for what in What if what not in happened} <= {What.SIGNED_UP, What.EMAIL_CHANGED, What.TAKEN_OVER}
    stored = repr(list(AuditEvent.objects.values()))
    for secret in secrets:
        assert secret
        assert secret not in stored
        assert secret not in export
