"""What holds for every page: whole and as a part, signed in or not, forged, and free of secrets."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from core import live
from datasources.deleting import bin
from datasources.downloads import links
from tests.conftest import htmx
from tests.support.html import all_words, dom, field, link, told, words

PAGES = [
    "/keys/",
    "/keys/add/",
    "/keys/{key}/edit/",
    "/keys/{key}/delete/",
    "/sources/",
    "/sources/{source}/",
    "/sources/{source}/rows/",
    "/sources/{source}/delete/",
    "/downloads/",
    "/downloads/{link}/",
]


@pytest.fixture
def address(key, table, alice):
    """The address of a page about Alice's things; her link is still being made."""
    link = links.ask(table, alice, 3600)
    return lambda path: path.format(key=key.pk, source=table.datasource_id, link=link.pk)


def test_the_front_door_leads_to_the_sources(web):
    assert web.get("/").headers["Location"] == "/sources/"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/sources/", "Sources"),
        ("/downloads/", "Sources"),
        ("/sources/upload/", "Uploads"),
        ("/keys/add/", "Keys"),
        ("/notices/", "Notices"),
    ],
)
def test_the_navigation_marks_the_place_of_a_page(web, path, place):
    page = dom(web.get(path))
    assert [words(one).split()[0] for one in page.iterfind(".//nav//a[@aria-current]")] == [place]


def test_downloads_are_reached_from_sources_and_shared(web, key):
    for path in ("/sources/", "/shares/"):
        assert link(web.get(f"{path}?team=own"), "Downloads") == "/downloads/?team=own"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_and_its_part_say_the_same(still, web, address, path):
    web.get(address(path))  # the first visit of a table has its rows copied
    whole, part = web.get(address(path)), web.get(address(path), headers=htmx())
    assert (whole.status_code, part.status_code) == (200, 200)
    assert dom(whole).find(".//main") is not None
    assert dom(part).find(".//main") is None
    assert words(part)
    assert words(part) in words(dom(whole).find(".//main"))
    for response in (whole, part):
        assert {"HX-Request", "HX-Request-Type"} <= set(response.headers["Vary"].split(", "))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "headers",
    [htmx() | {"HX-Request-Type": "full", "HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}],
    ids=["boosted", "history"],
)
def test_who_needs_the_whole_page_gets_it(web, address, path, headers):
    assert len(all_words(web.get(address(path), headers=headers), ".//main")) == 1


@pytest.mark.parametrize("path", [*PAGES, "/sources/refresh/", "/sources/{source}/download/", "/downloads/{link}/url/"])
def test_whoever_is_not_signed_in_is_led_to_do_so_and_back(address, path):
    away, here = Client(), address(path)
    for response in (away.get(here), away.post(here)):
        assert response.headers["Location"] == f"{reverse('account_login')}?next={here}"
    part = away.get(here, headers=htmx(**{"HX-Current-URL": "http://testserver/sources/?page=2"}))
    assert part.headers["HX-Redirect"] == f"{reverse('account_login')}?next=%2Fsources%2F%3Fpage%3D2"
    assert part.content == b""


@pytest.mark.parametrize(
    "path", [*PAGES, "/keys/{key}/check/", "/sources/refresh/", "/sources/{source}/download/", "/downloads/{link}/url/"]
)
def test_a_forged_post_changes_nothing(alice, address, account, path):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    calls = len(account.calls())
    response = strict.post(address(path), {"label": "x", "secret": "y", "confirm": "things.csv"})
    assert response.status_code == 403
    assert "Load the page again" in words(response)
    assert len(account.calls()) == calls


def test_a_form_of_ours_is_let_through(alice, key):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    page = strict.get(f"/keys/{key.pk}/delete/")
    token = field(page, "csrfmiddlewaretoken").get("value")
    assert strict.post(f"/keys/{key.pk}/delete/", {"csrfmiddlewaretoken": token}).status_code == 302


def test_the_body_carries_the_token_for_htmx(alice, key):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    page = strict.get("/sources/")
    token = re.search(r'"X-CSRFToken": "(\w+)"', dom(page).find(".//body").get("hx-headers:inherited"))[1]
    response = strict.post("/sources/refresh/", headers=htmx(**{"X-CSRFToken": token}))
    assert response.status_code == 200


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_neither_key_nor_signature_stands_in_any_page(web, key, account, table, ready, headers):
    signature = ready.unseal().split("signature=")[1]
    typed = {"label": "Again", "secret": account.key, "confirm": account.key, "expires_in": account.key}
    address = {"key": key.pk, "source": table.datasource_id, "link": ready.pk}
    pages = [web.get(path.format(**address), headers=headers) for path in [*PAGES, "/nothing/here/"]]
    forms = ["/keys/add/", "/sources/{source}/download/", "/sources/refresh/"]
    pages += [web.post(path.format(**address), typed, headers=headers) for path in forms]
    for page in pages:
        text = page.content.decode()
        assert account.key not in text
        assert signature not in text
        assert ready.url not in text
        assert key.secret not in text


def test_a_part_that_is_not_there_says_so_in_its_place(web):
    response = web.get("/nothing/here/", headers=htmx())
    assert response.status_code == 404
    assert "Page not found" in told(response)
    assert dom(response).find(".//main") is None


@pytest.mark.parametrize("path", ["/sources/not-a-uuid/", "/keys/1/edit/", "/downloads/x/", "/sources/%00/rows/"])
def test_a_malformed_id_leads_nowhere(web, path):
    assert web.get(path).status_code == 404


def test_a_page_that_takes_long_is_told_what_happened_meanwhile(still, web, monkeypatch):
    began_ms, batches = live.now_ms(), bin.batches
    monkeypatch.setattr(bin, "batches", lambda user: still.shift(5) or batches(user))
    [part] = [one for one in dom(web.get("/sources/")).iter() if one.get("data-live-since")]
    assert int(part.get("data-live-since")) == began_ms
