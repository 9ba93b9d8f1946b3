"""What is another person's does not exist, with any method. Every path that has an id in it is tried, new ones too."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.urls import URLPattern, get_resolver

from datasources import keys
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, Export, SavedView, Source, TableCopy
from tests.conftest import htmx, synced
from tests.support.html import words

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def routes(resolver, before: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from routes(entry, route)


WITH_AN_ID = sorted(route for route in routes(get_resolver()) if "<uuid:" in route)


NOWHERE = {"membership_id": 987_654}


@pytest.fixture
def ids(ids, alice) -> dict[str, object]:
    """What Alice has; the saved view is hers alone. `number` is that of a row."""
    return ids | {
        "view_id": SavedView.objects.create(name="Failed", owner=alice, page="sources:list").pk,
        "number": 1,
    }


def address(route: str, ids: dict[str, object]) -> str:
    return "/" + re.sub(r"<(?:uuid|int):(\w+)>", lambda found: str(ids[found[1]]), route)


def test_there_are_paths_to_look_at():
    assert "sources/<uuid:datasource_id>/rows/" in WITH_AN_ID
    assert len(WITH_AN_ID) >= 10


@pytest.mark.parametrize("route", WITH_AN_ID)
def test_the_owner_gets_there(client_of, alice, ids, route):
    web = client_of(alice)
    answers = {method: web.generic(method, address(route, ids)).status_code for method in ("GET", "POST")}
    assert 404 not in answers.values()


def everything() -> list[list[dict]]:
    return [list(model.objects.values()) for model in (ApiKey, Source, DownloadLink, TableCopy, Export)]


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
@pytest.mark.parametrize("route", WITH_AN_ID)
def test_a_stranger_finds_nothing_with_any_method(client_of, bob, ids, account, route, headers):
    web, calls = client_of(bob), len(account.calls())
    before = everything()
    absent_ids = dict.fromkeys(ids, uuid4()) | NOWHERE
    here, nowhere = address(route, ids), address(route, absent_ids)
    for method in METHODS:
        response, absent = (web.generic(method, path, headers=headers) for path in (here, nowhere))
        assert response.status_code == absent.status_code == 404, method
        assert words(response) == words(absent)
        assert response.headers.keys() == absent.headers.keys()
    assert everything() == before
    assert len(account.calls()) == calls


def test_the_owner_is_told_which_methods_there_are(web, ids):
    response = web.get(address("sources/<uuid:datasource_id>/download/", ids))
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("", "GET"),
        ("rows/", "GET"),
        ("rows/1/", "GET"),
        ("rows/filter/", "GET"),
        ("rows/filter/form/", "GET"),
        ("rows/heads/", "GET"),
        ("rows/column/", "GET"),
        ("rows/menu/", "GET"),
        ("rows/export/", "GET"),
        ("rows/export/", "POST"),
        ("compare/", "GET"),
        ("compare/", "POST"),
        ("plot/", "GET"),
        ("copy/", "GET"),
        ("correct/", "GET"),
        ("copy/", "POST"),
        ("delete/", "GET"),
        ("delete/", "POST"),
        ("download/", "POST"),
    ],
)
def test_anothers_key_opens_nothing_and_ones_own_nothing_of_others(client_of, bob, key, table, sandbox, path, method):
    theirs = sandbox.account()
    mine = keys.add(bob, "Bob's", theirs.key, ApiKey.State.VALID)
    theirs.upload("bobs.csv", "id\n1\n")
    [source] = synced(mine)
    web = client_of(bob)
    for source_id, key_id in ((source.datasource_id, key.pk), (table.datasource_id, mine.pk)):
        assert web.generic(method, f"/sources/{source_id}/{path}?key={key_id}").status_code == 404
    assert web.generic(method, f"/sources/{source.datasource_id}/{path}?key={mine.pk}").status_code != 404


def test_lists_hold_ones_own_only(client_of, bob, key, table):
    web = client_of(bob)
    for path in ("/keys/", "/sources/", f"/sources/?key={key.pk}", "/sources/?q=things", "/downloads/", "/exports/"):
        assert key.label not in words(web.get(path))
        assert table.name not in words(web.get(path))


def test_one_source_seen_by_two_keeps_their_links_apart(client_of, alice, bob, account, table):
    theirs = keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID)
    assert table.datasource_id in {source.datasource_id for source in synced(theirs)}
    link = links.ask(table, alice, 3600)
    web = client_of(bob)
    assert web.get(f"/sources/{table.datasource_id}/").status_code == 200
    assert web.get(f"/downloads/{link.pk}/").status_code == 404
    assert "No download links yet" in words(web.get("/downloads/"))
