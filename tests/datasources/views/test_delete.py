from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from datasources import gateway, keys, mirror
from datasources.downloads import links
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, AuditEvent, Deletion, DownloadLink, Opened, SavedView, Source
from datasources.sharing import shares
from tests.conftest import emptied, synced
from tests.datasources.views.conftest import made
from tests.support.html import dom, field, link, told, words


@pytest.fixture
def path(source) -> str:
    return f"/sources/{source.datasource_id}/delete/"


def deletions(account) -> int:
    return len(account.calls(method="DELETE"))


def listed(web) -> str:
    """The words of the list itself, without what is said above it."""
    return words(dom(web.get("/sources/")).find(".//section"))


def test_a_source_goes_into_the_bin_once_its_name_was_typed_and_from_there_at_claro(web, account, source, path):
    with time_machine.travel(timezone.now(), tick=False):
        page = web.post(path, {"confirm": "things.csv"}, follow=True)
        assert page.redirect_chain == [("/sources/", 302)]
        assert "things.csv will be deleted in 15 min" in words(page)
        assert Deletion.objects.get().due_at == timezone.now() + timedelta(minutes=15)
    assert "things.csv" not in listed(web)
    assert deletions(account) == 0
    assert emptied() == ["done"]
    assert deletions(account) == 1
    assert account.sandbox.store.sources_of(account.name) == []
    assert "things.csv" not in words(web.get("/sources/"))
    assert web.get(path).status_code == 404


def test_it_can_be_deleted_now(web, account, source, path):
    page = web.post(path, {"confirm": "things.csv", "when": "now"}, follow=True)
    assert "things.csv is being deleted" in words(page)
    assert Deletion.objects.get().due_at <= timezone.now()
    assert emptied() == ["done"]
    assert "things.csv" not in words(web.get("/sources/"))


@pytest.mark.parametrize("when", ["sometime", "NOW"])
def test_another_time_deletes_nothing(web, path, when):
    assert web.post(path, {"confirm": "things.csv", "when": when}).status_code == 422
    assert not Deletion.objects.exists()


def test_how_long_it_waits_is_a_setting(web, path, settings):
    settings.BIN_TIME = timedelta(hours=2)
    page = web.get(path)
    assert "The file stays in the bin for 2 h first. You can restore it until then." in words(page)
    assert [words(one) for one in dom(page).iter("button") if one.get("name") == "when"] == [
        "Move to bin",
        "Delete permanently",
    ]
    settings.BIN_TIME = timedelta(0)
    page = web.get(path)
    assert "bin" not in words(dom(page).find(".//main"))
    assert [one.get("value") for one in dom(page).iter("button") if one.get("name") == "when"] == ["now"]


def test_the_page_says_what_depends_on_the_source(web, client_of, alice, bob, account, source, path):
    """Whoever knows it through another key counts, but has no name here."""
    page = words(web.get(path))
    for said in ("things.csv", "1.2 kB", "1 min ago", "No one else opened it here in the last 30 days"):
        assert said in page
    made(links.ask(source, alice, 3600))
    theirs = keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID)
    [copy] = synced(theirs)
    made(links.ask(copy, bob, 3600))
    client_of(bob).get(f"/sources/{source.datasource_id}/")
    page = web.get(path)
    assert "1 user with other keys opened it in the last 30 days" in words(page)
    assert "bob@example.com" not in words(page)
    assert "2 active download links created here" in words(page)
    shares.make(alice, source.key, [source])
    shares.end(shares.make(alice, source.key, [source]))
    assert "1 share link to it will stop working" in words(web.get(path))
    SavedView.objects.create(name="Cheap", owner=alice, page="sources:rows", datasource_id=source.datasource_id)
    assert "1 saved view shows its rows" in words(web.get(path))
    Opened.objects.update(source=source)
    assert "bob@example.com opened it just now" in words(web.get(path))
    assert link(page, "Cancel") == f"/sources/{source.datasource_id}/"
    assert deletions(account) == 0


@pytest.mark.parametrize("typed", ["things", "THINGS.CSV", "things.csv.", "thing s.csv2"])
def test_another_name_deletes_nothing_and_is_kept_to_mend(web, account, source, path, typed):
    page = web.post(path, {"confirm": typed})
    assert page.status_code == 422
    assert "The name doesn't match. Nothing was deleted." in words(page)
    assert field(page, "confirm").get("value") == typed
    assert not Deletion.objects.exists()
    assert web.get(path).status_code == 200


@pytest.mark.parametrize("typed", [{}, {"confirm": ""}, {"confirm": "  "}])
def test_without_a_name_nothing_is_deleted(web, account, path, typed):
    page = web.post(path, typed)
    assert page.status_code == 422
    assert "This field is required." in words(page)
    assert not Deletion.objects.exists()


def test_deleting_again_leads_to_the_bin(web, source, path):
    web.post(path, {"confirm": "things.csv"})
    for answer in (web.get(path, follow=True), web.post(path, {"confirm": "things.csv", "when": "now"}, follow=True)):
        assert answer.redirect_chain == [("/bin/", 302)]
        assert "things.csv is already in the bin." in told(answer)
    assert Deletion.objects.get().due_at > timezone.now()


def test_its_own_pages_and_links_work_until_it_is_deleted(web, account, alice, table):
    path = f"/sources/{table.datasource_id}/"
    link = made(links.ask(table, alice, 3600))
    web.post(f"{path}delete/", {"confirm": "things.csv"})
    page = web.get(path)
    assert "This file is in the bin. It will be deleted in" in told(page)
    assert f"{path}delete/" not in page.content.decode()
    assert "thing 1" in words(web.get(f"{path}rows/"))
    assert web.get(f"/downloads/{link.pk}/file/").status_code == 302
    assert "things.csv" in words(dom(web.get("/downloads/")).find(".//section"))


def test_what_is_gone_already_counts_as_done(web, account, source, path):
    account.sandbox.store.sources.clear()
    web.post(path, {"confirm": "things.csv", "when": "now"})
    assert emptied() == ["done"]
    assert "things.csv" not in words(web.get("/sources/"))
    assert deletions(account) == 1


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        ("ACCESS_DENIED", 403, "This key has no permission for that."),
        ("PROCESSING_IN_PROGRESS", 409, "Claro is still processing this file."),
        ("INVALID_PARAMETERS", 400, "Not like that."),
        ("LOCKED", 423, "Claro answered: Not like that."),
    ],
)
def test_what_claro_does_not_delete_is_listed_again_and_says_why(web, account, source, path, code, status, sentence):
    account.refuse(code, status, "Not like that.")
    web.post(path, {"confirm": "things.csv"})
    assert emptied() == ["failed"]
    assert Source.objects.get().gone_at is None
    assert "things.csv was not deleted. See why" in words(web.get("/sources/"))
    assert "things.csv" in listed(web)
    assert f"Not deleted. {sentence}" in words(web.get("/bin/"))
    web.post(path, {"confirm": "things.csv"})
    assert Deletion.objects.get().state == "waiting"


def test_a_deleted_source_is_gone_from_every_list(web, client_of, bob, alice, account, source, path):
    """Also where another key sees it, be it one's own or another person's."""
    others = [keys.add(person, "Other", account.another_key(), ApiKey.State.VALID) for person in (alice, bob)]
    for key in others:
        [copy] = synced(key)
        links.ask(copy, key.owner, 300)
    web.post(f"{path}?key={source.key.pk}", {"confirm": "things.csv"})
    for browser in (web, client_of(bob)):
        assert "things.csv" not in listed(browser)
    emptied()
    for browser in (web, client_of(bob)):
        for page in ("/sources/", "/downloads/"):
            assert "things.csv" not in words(browser.get(page))
        assert browser.get(f"/sources/{source.datasource_id}/").status_code == 404
    assert not DownloadLink.objects.exists()


def test_a_source_that_one_key_no_longer_sees_stays_with_the_others(web, alice, account, source, sandbox, path):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    synced(other)
    account.refuse("DATASOURCE_NOT_FOUND", 404)
    web.post(f"{path}?key={source.key.pk}", {"confirm": "things.csv"})
    emptied()
    assert list(Source.objects.filter(gone_at=None).values_list("key", flat=True)) == [other.pk]
    assert "things.csv" in listed(web)


def test_a_slow_answer_from_before_does_not_bring_it_back(web, source, path):
    asked_at = timezone.now()
    with gateway.client(source.key, Lane.COPY) as claro:
        answer = claro.list_datasources()
    web.post(path, {"confirm": "things.csv"})
    emptied()
    mirror.record(source.key, answer.sources, asked_at)
    assert web.get(path).status_code == 404


def test_it_is_written_down_who_asked_for_it_and_that_it_was_done(web, alice, source, path):
    web.post(path, {"confirm": "things.csv"})
    emptied()
    lines = [(one.what, one.actor, one.about, one.details) for one in AuditEvent.objects.order_by("pk")]
    assert lines == [
        ("source_deleted", alice, "things.csv", {"when": "later"}),
        ("source_delete_done", alice, "things.csv", {"was_there": True}),
    ]
