"""Share links, seen by those who look after them."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import vault
from datasources import access
from datasources.activity.words import What
from datasources.models import AuditEvent, KeyShare, ShareLink
from datasources.sharing import shares
from tests.conftest import htmx, synced
from tests.support.html import all_words, as_shown, dom, field, link, told, words

MONTH = {"ends": "month"}


@pytest.fixture
def share(alice, table) -> ShareLink:
    return shares.make(alice, table.key, [table], note="For the supplier")


@pytest.fixture
def form_at(table) -> str:
    return f"/sources/{table.datasource_id}/share/"


@pytest.fixture
def team(alice, bob, key):
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    return team


def what_happened() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("what", flat=True))


# --- Making ---


def test_share_makes_a_link_of_thirty_days_that_can_be_copied(web, client, form_at, table, alice):
    actions = dom(web.get(f"/sources/{table.datasource_id}/")).find(".//*[@class='actions']")
    assert [one.get("href") for one in actions.iter("a") if words(one) == "Share"] == [form_at]
    page = web.get(form_at)
    assert field(page, "ends").find("./option[@selected]").get("value") == "month"
    with time_machine.travel(timezone.now(), tick=False):
        response = web.post(form_at, MONTH)
        made = ShareLink.objects.get()
        assert made.ends_at == timezone.now() + timedelta(days=30)
    assert response.headers["Location"] == f"/shares/{made.pk}/"
    assert (made.made_by, made.key, made.most_uses, made.password) == (alice, table.key, None, "")
    copied = web.post(f"/shares/{made.pk}/link/")
    assert copied.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "no-store" in copied.headers["Cache-Control"]
    address = copied.content.decode()
    assert address.startswith("http://testserver/d/cd_")
    assert client.get(address).status_code == 200
    assert what_happened() == [What.SHARE_MADE]


@pytest.mark.parametrize(("ends", "days"), [("day", 1), ("week", 7), ("month", 30), ("never", None)])
def test_it_ends_when_chosen(web, form_at, ends, days):
    with time_machine.travel(timezone.now(), tick=False):
        web.post(form_at, {"ends": ends})
        assert ShareLink.objects.get().ends_at == (days and timezone.now() + timedelta(days=days))


def test_a_date_is_a_day_in_the_reader_s_zone_and_belongs_to_it(web, form_at):
    web.cookies["timezone"] = "America/New_York"
    with time_machine.travel("2026-11-24T12:00Z", tick=False):
        web.post(form_at, {"ends": "date", "ends_on": "2026-12-24"})
    assert ShareLink.objects.get().ends_at.isoformat() == "2026-12-25T05:00:00+00:00"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"ends": "date"}, "Choose a date."),
        ({"ends": "date", "ends_on": "2020-01-01"}, "This date is in the past."),
        ({"ends": "date", "ends_on": "soon"}, "Enter a valid date."),
        ({"ends": "sometime"}, "Select a valid choice."),
        ({}, "This field is required."),
        (MONTH | {"most_uses": "0"}, "greater than or equal to 1"),
        (MONTH | {"password": "7 signs"}, "at least 8 characters"),
        (MONTH | {"note": "x" * 501}, "at most 500 characters"),
    ],
)
def test_what_can_t_be_used_is_told(web, form_at, typed, sentence):
    page = web.post(form_at, typed)
    assert page.status_code == 422
    assert sentence in words(page)
    assert not ShareLink.objects.exists()


def test_all_settings_are_kept_and_no_password_is_sent_back(web, form_at):
    typed = MONTH | {"most_uses": "3", "password": "open sesame", "note": "For you"}
    made = ShareLink.objects.get(pk=web.post(form_at, typed).headers["Location"].split("/")[2])
    assert (made.most_uses, made.note) == (3, "For you")
    assert made.password.partition("$")[0] == "md5"
    event = AuditEvent.objects.get()
    assert event.details == {"share": str(made.pk), "ends": "month", "has_password": True}
    refused = web.post(form_at, typed | {"most_uses": "0"})
    assert "sesame" not in refused.content.decode()
    assert "Enter the password again. It was not kept." in words(refused)
    assert "password again" not in words(web.post(form_at, MONTH | {"most_uses": "0"}))
    at = f"/shares/{made.pk}/edit/"
    assert "Enter the password again." in words(web.post(at, typed | {"password": "another one", "most_uses": "0"}))
    refused = web.post(at, MONTH | {"password": "another one", "remove_password": "on"})
    assert "Remove the password, or set another one." in words(refused)
    before, _ = made.password, made.refresh_from_db()
    assert made.password == before


def test_a_password_that_was_not_kept_is_insisted_on_once(web, form_at):
    page = web.post(form_at, MONTH | {"password": "open sesame", "most_uses": "0"})
    form = as_shown(page)
    assert form["lost_password"] == ["1"]
    page = web.post(form_at, form | {"most_uses": ""})
    assert page.status_code == 422
    assert "You entered a password before." in words(page)
    form = as_shown(page)
    assert "lost_password" not in form
    web.post(form_at, form)
    assert not ShareLink.objects.get().password


def test_several_sources_of_a_key_are_shared_as_one_page(web, account, key, table, form_at):
    more = account.upload("more.csv", "id\n1\n")
    synced(key)
    page = web.get(f"{form_at}?with={more}")
    assert "Share 2 files as one page" in words(page)
    web.post(f"{form_at}?with={more}&with={table.datasource_id}", MONTH)
    made = ShareLink.objects.get()
    assert [file.source.name for file in made.files.all()] == ["things.csv", "more.csv"]
    assert "and 1 more" in words(web.get("/shares/"))


def test_a_file_that_vanished_meanwhile_costs_no_typed_settings(web, account, key, form_at):
    more = account.upload("more.csv", "id\n1\n")
    synced(key)
    gone = "00000000-0000-0000-0000-000000000000"
    at = f"{form_at}?with={more}&with={gone}"
    assert "1 more file is no longer available." in words(web.get(at))
    refused = web.post(at, MONTH | {"note": "For you"})
    assert refused.status_code == 422
    assert "Nothing was shared yet." in words(refused)
    assert "For you" in words(refused)
    assert not ShareLink.objects.exists()
    [form] = list(dom(refused).iterfind(".//form[@class='card']"))
    assert gone not in form.get("action")
    web.post(form.get("action"), MONTH)
    assert [file.source.name for file in ShareLink.objects.get().files.all()] == ["things.csv", "more.csv"]


def test_an_id_that_is_none_is_not_found(web, form_at):
    assert web.post(f"{form_at}?with=x", MONTH).status_code == 404
    assert not ShareLink.objects.exists()


# --- Looking after ---


def test_the_list_tells_what_is_shared_and_how_it_goes(web, share):
    ShareLink.objects.filter(pk=share.pk).update(uses=7, most_uses=10, last_used_at=timezone.now())
    page = web.get("/shares/")
    [row] = dom(page).iterfind(".//tbody/tr")
    assert [words(cell) for cell in row][:5] == [
        "things.csv For the supplier",
        "alice@example.com",
        "7 of 10",
        "just now",
        "Never expires",
    ]
    assert link(page, "things.csv") == f"/shares/{share.pk}/"
    assert all_words(web.get("/sources/"), ".//nav/a")[:3] == ["Sources", "Shared", "Uploads"]


def test_the_source_s_page_shows_its_links(web, share, table):
    page = web.get(f"/sources/{table.datasource_id}/")
    assert link(page, "For the supplier") == f"/shares/{share.pk}/"
    shares.end(share)
    assert "For the supplier" not in words(web.get(f"/sources/{table.datasource_id}/"))


def test_without_links_the_list_says_how_to_make_one(web, key):
    assert "No share links yet" in words(web.get("/shares/"))


def test_the_list_costs_as_many_queries_for_many(web, alice, table, share, django_assert_num_queries):
    web.get("/keys/")  # notes, once in five minutes, that she is here
    with CaptureQueriesContext(connection) as for_one:
        web.get("/shares/")
    for _ in range(20):
        shares.make(alice, table.key, [table])
    with django_assert_num_queries(len(for_one)):
        page = web.get("/shares/")
    assert len(all_words(page, ".//tbody/tr")) == 21


@pytest.mark.parametrize(("query", "status"), [("?page=2", 404), ("?page=x", 400)])
def test_an_odd_page_is_told(web, share, query, status):
    assert web.get(f"/shares/{query}").status_code == status


def test_a_space_holds_what_was_shared_through_its_keys(client_of, alice, bob, team, share, account):
    assert "things.csv" in words(client_of(bob).get("/shares/"))
    assert "things.csv" in words(client_of(bob).get(f"/shares/?team={team.pk}"))
    assert "things.csv" not in words(client_of(bob).get("/shares/?team=own"))


def test_a_member_copies_links_of_others_and_ends_only_their_own(client_of, bob, team, share, table):
    web, theirs = client_of(bob), shares.make(bob, table.key, [table])
    page = web.get("/shares/").content.decode()
    assert f"/shares/{share.pk}/link/" in page
    assert f"/shares/{share.pk}/end/" not in page
    assert f"/shares/{theirs.pk}/end/" in page
    assert "Pause" not in words(web.get(f"/shares/{share.pk}/"))
    assert "Pause" in words(web.get(f"/shares/{theirs.pk}/"))
    assert web.post(f"/shares/{share.pk}/end/").status_code == 403
    assert web.post(f"/shares/{theirs.pk}/end/").status_code == 302
    assert access.open_share(theirs.unseal()) is None


def test_a_viewer_sees_links_and_can_t_open_them(client_of, bob, team, share):
    team.memberships.filter(user=bob).update(role=Role.VIEWER)
    web = client_of(bob)
    page = web.get(f"/shares/{share.pk}/")
    assert page.status_code == 200
    for part in ("link/", "address/", "qr/", "end/", "rotate/"):
        assert part not in page.content.decode()


def test_pausing_going_on_rotating_and_ending(web, client, share):
    old, page = f"/d/{share.unseal()}/", f"/shares/{share.pk}/"
    web.post(f"{page}pause/")
    assert client.get(old).status_code == 404
    assert "Paused" in words(web.get(page))
    web.post(f"{page}resume/")
    assert client.get(old).status_code == 200
    web.post(f"{page}rotate/")
    assert client.get(old).status_code == 404
    new = web.post(f"{page}link/").content.decode()
    assert client.get(new).status_code == 200
    assert web.post(f"{page}end/").headers["Location"] == "/shares/"
    assert client.get(new).status_code == 404
    assert "Link revoked." in told(web.get("/shares/"))
    assert "Copy link" not in words(web.get(page))
    expected = [What.SHARE_PAUSED, What.SHARE_RESUMED, What.SHARE_ROTATED, What.SHARE_ENDED]
    assert what_happened() == expected
    assert all(event.details["share"] == str(share.pk) for event in AuditEvent.objects.all())


def test_a_form_that_was_open_for_long_changes_only_what_was_changed_in_it(web, share):
    at = f"/shares/{share.pk}/edit/"
    page = web.get(at)
    later = timezone.now() + timedelta(days=2)
    shares.change(share, ends_at=later, most_uses=5, note="Ours")
    for sent in (as_shown(page), as_shown(web.post(at, as_shown(page) | {"most_uses": "0"}))):
        assert web.post(at, sent | {"most_uses": "7"}).status_code == 302
        share.refresh_from_db()
        assert (share.ends_at, share.most_uses, share.note) == (later, 7, "Ours")
        shares.change(share, most_uses=5)


def test_a_revoked_link_is_not_changed(web, share):
    shares.end(share)
    page = web.post(f"/shares/{share.pk}/edit/", MONTH | {"note": "New"}, follow=True)
    assert "already revoked or expired. Nothing was changed." in told(page)
    share.refresh_from_db()
    assert share.note != "New"


def test_settings_are_changed_later(web, alice, table):
    ends_at = timezone.now() + timedelta(days=3, hours=2)
    share = shares.make(alice, table.key, [table], ends_at=ends_at, password="open sesame")
    at, before = f"/shares/{share.pk}/edit/", share.password
    assert web.post(at, as_shown(web.get(at)) | {"note": "New"}).status_code == 302
    share.refresh_from_db()
    assert (share.note, share.ends_at, share.password) == ("New", ends_at, before)
    web.post(at, as_shown(web.get(at)) | {"ends": "never", "most_uses": "5", "remove_password": "on", "note": ""})
    share.refresh_from_db()
    assert (share.note, share.ends_at, share.most_uses, share.password) == ("", None, 5, "")
    assert field(web.get(at), "remove_password") is None
    web.post(at, as_shown(web.get(at)) | {"ends": "week", "password": "another one"})
    share.refresh_from_db()
    assert share.password
    assert share.ends_at
    assert web.post(at, {"ends": "date"}).status_code == 422
    assert what_happened() == [What.SHARE_CHANGED] * 3


def test_the_qr_code_is_a_picture_for_nobody_s_cache(web, share):
    response = web.get(f"/shares/{share.pk}/qr/")
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert "no-store" in response.headers["Cache-Control"]
    assert response.content.decode().startswith("<svg")
    assert "style=" not in response.content.decode()


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_the_address_is_text_beside_the_qr_code_by_post_only(web, share, headers):
    at = f"/shares/{share.pk}/address/"
    assert f'action="{at}"' in web.get(f"/shares/{share.pk}/").content.decode()
    page = web.post(at, headers=headers)
    assert f"http://testserver/d/{share.unseal()}/" in all_words(page, ".//p")
    assert "no-store" in page.headers["Cache-Control"]
    assert [image.get("src").partition("?")[0] for image in dom(page).iter("img") if "qr" in image.get("src")] == [
        f"/shares/{share.pk}/qr/"
    ]
    assert web.get(at).status_code == 405


def test_a_link_whose_token_can_t_be_read_any_more_is_told(web, share, settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert web.post(f"/shares/{share.pk}/link/").status_code == 410
    assert web.get(f"/shares/{share.pk}/qr/").status_code == 410
    unreadable = web.post(f"/shares/{share.pk}/address/")
    assert (unreadable.status_code, "This link can't be read. Replace it." in told(unreadable)) == (410, True)
    web.post(f"/shares/{share.pk}/rotate/")
    assert web.post(f"/shares/{share.pk}/link/").status_code == 200


def test_no_page_shows_a_token(web, share, table):
    for path in ("/shares/", f"/shares/{share.pk}/", f"/shares/{share.pk}/edit/", f"/sources/{table.datasource_id}/"):
        assert share.unseal() not in web.get(path).content.decode()
        assert share.unseal() not in web.get(path, headers=htmx()).content.decode()


def test_the_list_says_that_a_link_stopped_with_its_maker(client_of, alice, bob, team, table):
    shares.make(bob, table.key, [table])
    team.memberships.get(user=bob).delete()
    page = words(client_of(alice).get("/shares/"))
    assert "Its creator can no longer share this key" in page
