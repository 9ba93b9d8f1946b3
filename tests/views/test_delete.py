import pytest
from django.utils import timezone

from datasources import gateway, keys, links, mirror
from datasources.budget import Lane
from datasources.models import ApiKey, DownloadLink, Source
from tests.conftest import synced
from tests.support.html import dom, field, link, told, words
from tests.support.sandbox import HTML_502


@pytest.fixture
def path(source) -> str:
    return f"/sources/{source.datasource_id}/delete/"


def deletions(account) -> int:
    return len(account.calls(method="DELETE"))


def test_a_source_is_deleted_at_claro_once_its_name_was_typed(web, account, source, path):
    page = web.post(path, {"confirm": "things.csv"}, follow=True)
    assert page.redirect_chain == [("/sources/", 302)]
    assert "things.csv is deleted." in told(page)
    assert deletions(account) == 1
    assert account.sandbox.store.sources_of(account.name) == []
    assert web.get(path).status_code == 404


def test_the_page_names_what_is_lost_and_deletes_nothing(web, account, source, path, alice):
    links.ask(source, alice, 300)
    page = web.get(path)
    shown = words(dom(page).find(".//main"))
    for said in ("things.csv", "1.2 kB", "1 min ago", "1 download link made here", "This can't be undone."):
        assert said in shown
    assert link(page, "Keep it") == f"/sources/{source.datasource_id}/"
    assert deletions(account) == 0


@pytest.mark.parametrize("typed", ["things", "THINGS.CSV", "things.csv.", "thing s.csv2"])
def test_another_name_deletes_nothing_and_is_kept_to_mend(web, account, source, path, typed):
    page = web.post(path, {"confirm": typed})
    assert page.status_code == 422
    assert "That is not the file's name. Nothing was deleted." in words(page)
    assert field(page, "confirm").get("value") == typed
    assert deletions(account) == 0
    assert web.get(path).status_code == 200


@pytest.mark.parametrize("typed", [{}, {"confirm": ""}, {"confirm": "  "}])
def test_without_a_name_nothing_is_deleted(web, account, path, typed):
    page = web.post(path, typed)
    assert page.status_code == 422
    assert "This field is required." in words(page)
    assert deletions(account) == 0


def test_what_is_gone_already_counts_as_done_and_is_said_so(web, account, source, path):
    account.sandbox.store.sources.clear()
    page = web.post(path, {"confirm": "things.csv"}, follow=True)
    assert "things.csv was gone at Claro already. It is off the list now." in told(page)
    assert "things.csv" not in words(dom(page).find(".//section"))
    assert deletions(account) == 1


@pytest.mark.parametrize(
    ("code", "status", "answer", "sentence"),
    [
        ("ACCESS_DENIED", 403, 502, "Claro says that this key may not do that."),
        ("PROCESSING_IN_PROGRESS", 409, 409, "Claro is still processing this data source."),
        ("INVALID_PARAMETERS", 400, 422, "Not like that."),
        ("UNAUTHORIZED", 401, 502, "Claro refuses this key."),
        ("LOCKED", 423, 502, "Claro answered: Not like that."),
    ],
)
def test_what_claro_does_not_delete_stays_and_says_why(web, account, source, path, code, status, answer, sentence):
    account.refuse(code, status, "Not like that.")
    page = web.post(path, {"confirm": "things.csv"})
    assert page.status_code == answer
    assert sentence in told(page)
    assert field(page, "confirm").get("value") == "things.csv"
    assert Source.objects.get().gone_at is None


def test_while_claro_is_down_nothing_is_lost(web, account, source, path):
    account.fault("answer", status=502, body=HTML_502, times=3)
    page = web.post(path, {"confirm": "things.csv"})
    assert page.status_code == 503
    assert "Claro can't be reached right now." in told(page)
    assert "things.csv" in words(web.get("/sources/"))


def test_a_deleted_source_is_gone_from_every_list(web, client_of, bob, alice, account, source, path):
    """Also where another key sees it, be it one's own or another person's."""
    others = [keys.add(person, "Other", account.another_key(), ApiKey.State.VALID) for person in (alice, bob)]
    for key in others:
        [copy] = synced(key)
        links.ask(copy, key.owner, 300)
    web.post(f"{path}?key={source.key.pk}", {"confirm": "things.csv"})
    for browser in (web, client_of(bob)):
        browser.get("/sources/")  # the message
        for page in ("/sources/", "/downloads/"):
            assert "things.csv" not in words(browser.get(page))
        assert browser.get(f"/sources/{source.datasource_id}/").status_code == 404
    assert not DownloadLink.objects.exists()


def test_a_source_that_one_key_no_longer_sees_stays_with_the_others(web, alice, account, source, sandbox, path):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    synced(other)
    account.refuse("DATASOURCE_NOT_FOUND", 404)
    web.post(f"{path}?key={source.key.pk}", {"confirm": "things.csv"})
    assert list(Source.objects.filter(gone_at=None).values_list("key", flat=True)) == [other.pk]


def test_a_slow_answer_from_before_does_not_bring_it_back(web, source, path):
    asked_at = timezone.now()
    with gateway.client(source.key, Lane.COPY) as claro:
        answer = claro.list_datasources()
    web.post(path, {"confirm": "things.csv"})
    mirror.record(source.key, answer.sources, asked_at)
    assert web.get(path).status_code == 404
