"""Exports over real connections: a reader has the whole file, or sees that it is not whole."""

import hashlib
import http.client

import pytest

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources.copies.exports import receipts, streaming
from datasources.models import Export, KeyShare, TableCopy
from tests.support.copies import copied
from tests.support.http import HttpServer
from tests.support.processes import wait_for

# More than the buffers of a connection hold.
ROWS = [[n, f"{n} " + "x" * 2000] for n in range(1, 4001)]
CUT = (http.client.IncompleteRead, ConnectionError)


@pytest.fixture
def copy(table) -> TableCopy:
    return copied(table, ["id", "text"], ROWS)


@pytest.fixture
def member(client_of, bob, alice, key):
    """Bob's browser, in a team that works through Alice's key."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    return client_of(bob)


@pytest.fixture
def export(path) -> str:
    return f"{path}?format=csv"


def ended(reason: str) -> bool:
    return wait_for(lambda: Export.objects.get().state == "broken") and Export.objects.get().reason == reason


def test_a_file_arrives_whole(web, copy, export):
    with HttpServer() as server:
        response = server.get(web, export)
        assert (response.status, response.headers["Transfer-Encoding"]) == (200, "chunked")
        assert response.headers["Content-Encoding"] == "identity"
        content = response.read()
    assert content.count(b"\n") == len(ROWS) + 1
    noted = Export.objects.get()
    assert (noted.state, noted.bytes_written) == ("finished", len(content))
    assert noted.sha256 == hashlib.sha256(content).hexdigest()


def test_a_key_that_is_not_shared_any_more_ends_exports_that_are_running(member, copy, export, monkeypatch):
    monkeypatch.setattr(streaming, "CHECKED_EVERY_S", 0.0)
    with HttpServer() as server:
        response = server.get(member, export)
        begun = response.read(100_000)
        KeyShare.objects.all().delete()
        with pytest.raises(CUT):
            response.read()
    assert begun.startswith(b"id,text")
    assert ended("You no longer have access to this file.")
    assert Export.objects.get().bytes_written < 8_000_000


def test_a_reader_that_takes_nothing_more_is_cut_off(web, copy, export):
    with HttpServer(stall_s=0.2) as server:
        response = server.get(web, export)
        assert ended(streaming.CANCELLED)
        with pytest.raises(CUT):
            response.read()


def test_a_reader_that_leaves_ends_the_export(web, copy, export):
    with HttpServer() as server:
        response = server.get(web, export)
        response.read(1000)
        server.leave(response)
        assert ended(streaming.CANCELLED)


def test_exports_that_wait_for_their_readers_hold_no_thread(web, copy, export, monkeypatch):
    monkeypatch.setattr(receipts, "AT_ONCE", 10)
    with HttpServer(threads=1) as server:
        answers = [server.get(web, export) for _ in range(streaming.AT_ONCE)]
        wait_for(lambda: server.gauge.busy == 0)
        assert server.get(web, "/exports/").status == 200
        assert server.get(web, export).status == 429
        for answer in answers:
            server.leave(answer)
        wait_for(lambda: not Export.objects.filter(state="writing").exists())
    assert streaming.has_room()
