"""Events over a real Redis to the open pages of one web process."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import time_machine
from django.db import transaction

from core import live, redis
from core.live import hub
from tests.support.asgi import Server, Stream
from tests.support.processes import wait_for
from tests.support.threads import at_once


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.fixture
def page(server, web) -> Stream:
    """Alice's."""
    return server.open(web)


@pytest.fixture
def bobs(server, client_of, bob) -> Stream:
    return server.open(client_of(bob))


def presence(user) -> str:
    return f"claro:present:{user.pk}"


def test_an_event_reaches_every_page_of_the_people_meant(server, web, page, bobs, alice, bob):
    another = server.open(web)
    live.publish([alice.pk, bob.pk], "sources-changed", "keys-changed")
    for one in (page, another, bobs):
        assert {one.event(), one.event()} == {"sources-changed", "keys-changed"}


def test_an_event_reaches_nobody_else(page, bobs, alice, bob):
    live.publish([alice.pk], "keys-changed")
    live.publish([alice.pk, bob.pk], "last")
    assert page.events_until("last") == ["keys-changed"]
    assert bobs.events_until("last") == []


@pytest.mark.parametrize("message", ["nonsense", "[]", '{"users": [1]}', '{"users": 5, "names": ["x"]}'])
def test_a_message_that_cannot_be_read_stops_no_later_one(page, alice, message):
    redis.connection().publish(live.CHANNEL, message.replace("[1]", f"[{alice.pk}]"))
    live.publish([alice.pk], "last")
    assert page.events_until("last") == []


def test_an_event_is_sent_once_its_transaction_is_committed(page, alice):
    with transaction.atomic():
        live.publish([alice.pk], "later")
        at_once(1, lambda: live.publish([alice.pk], "now"))
        assert page.event() == "now"
    assert page.event() == "later"


def test_nothing_is_sent_of_what_was_rolled_back(page, alice):
    with transaction.atomic():
        live.publish([alice.pk], "sources-changed")
        transaction.set_rollback(True)
    live.publish([alice.pk], "last")
    assert page.events_until("last") == []


def test_a_slow_reader_is_told_once_however_often_it_happened(server, web, page, alice):
    another = server.open(web)
    page.stop_reading()
    live.publish([alice.pk], "on its way")
    assert another.event() == "on its way"
    for name in ("sources-changed", "keys-changed", "sources-changed", "keys-changed", "last"):
        live.publish([alice.pk], name)
    another.events_until("last")
    page.read_on()
    assert page.events_until("last") == ["on its way", "sources-changed", "keys-changed"]


def test_a_heartbeat_keeps_the_stream_alive_and_dated(server, web, alice, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.05)
    page = server.open(web)
    blocks = [page.block(), page.block()]
    assert [one.pop("") for one in blocks] == ["still here", "still here"]
    assert all(list(one) == ["id"] and int(one["id"]) <= live.now_ms() for one in blocks)
    live.publish([alice.pk], "sources-changed")
    assert page.event() == "sources-changed"


def test_a_stream_that_nobody_noticed_to_be_dead_ends_by_itself(server, web, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(live, "LONGEST_S", 0.1)
    assert server.open(web).has_ended()


# --- Ended from outside ----------------------------------------------------------------------------------------------
def test_signing_out_ends_the_streams_of_that_session_only(server, web, page, client_of, alice):
    same_session, elsewhere = server.open(web), server.open(client_of(alice))
    live.sign_out(web.session.session_key)
    assert page.has_ended()
    assert same_session.has_ended()
    live.publish([alice.pk], "sources-changed")
    assert elsewhere.event() == "sources-changed"


def test_sending_away_ends_all_streams_of_that_person_only(server, page, bobs, client_of, alice, bob):
    elsewhere = server.open(client_of(alice))
    live.send_away(alice.pk)
    assert page.has_ended()
    assert elsewhere.has_ended()
    live.publish([bob.pk], "sources-changed")
    assert bobs.event() == "sources-changed"


def test_the_session_key_itself_does_not_go_through_redis(web, alice):
    with redis.connection().pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(live.CHANNEL)
        live.sign_out(web.session.session_key)
        message = wait_for(channel.get_message)
    assert web.session.session_key.encode() not in message["data"]


def test_closing_ends_all_streams_and_the_next_one_starts_anew(server, web, page, bobs, alice):
    hub.close()
    assert page.has_ended()
    assert bobs.has_ended()
    again = server.open(web)
    assert again.event() == "reconnected"
    live.publish([alice.pk], "sources-changed")
    assert again.event() == "sources-changed"


class Deaf:
    """A client of Redis whose calls swallow that their task was cancelled, as a real one did."""

    async def __aenter__(self) -> "Deaf":
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    def pubsub(self) -> "Deaf":
        return self

    def pipeline(self, *, transaction: bool) -> "Deaf":
        return self

    def set(self, *args: object, ex: int) -> None:
        pass

    async def execute(self, *args: object) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    subscribe = execute

    async def listen(self) -> AsyncIterator[None]:
        for nothing in ():
            yield nothing


def test_closing_ends_the_work_of_a_client_that_does_not_hear_of_it(monkeypatch):
    monkeypatch.setattr(live, "_client", Deaf)

    async def closed() -> None:
        own = live.Hub()
        with own.stream(1, "session"):
            await asyncio.sleep(0)
            tasks = [*own._tasks]
            own._close_all()
            done, late = await asyncio.wait(tasks, timeout=30)
        assert (len(done), late) == (2, set())

    asyncio.run(closed())


def test_closing_where_nothing_was_open_is_fine():
    live.Hub().close()


# --- Missed ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def later(page):
    """A clock that stands still, a minute after the process has begun to listen."""
    with time_machine.travel(time.time() + 60, tick=False) as clock:
        yield clock


def told_again(server, client, user, since_ms: int) -> list[str]:
    """What a page is told that comes (back) and knows all until then."""
    page = server.open(client, f"since={since_ms}")
    live.publish([user.pk], "last")
    return page.events_until("last")


@pytest.mark.parametrize(
    ("since_ms", "names"),
    # the clocks of two machines may differ by two seconds: rather once too often than never
    [(-30_000, ["sources-changed"]), (0, ["sources-changed"]), (2000, ["sources-changed"]), (2001, [])],
)
def test_who_comes_back_is_told_what_it_missed_and_no_more(server, web, later, page, alice, bob, since_ms, names):
    live.publish([bob.pk], "keys-changed")
    live.publish([alice.pk], "sources-changed")
    assert page.event() == "sources-changed"
    assert told_again(server, web, alice, live.now_ms() + since_ms) == names


def test_what_was_missed_several_times_is_told_once(server, web, later, page, alice):
    for name in ("sources-changed", "keys-changed", "sources-changed", "heard"):
        live.publish([alice.pk], name)
    page.events_until("heard")
    assert told_again(server, web, alice, live.now_ms()) == ["sources-changed", "keys-changed", "heard"]


def test_who_missed_more_than_is_remembered_looks_again(server, web, later, page, alice, bob):
    away_since = live.now_ms()
    for _ in range(live.REMEMBERED):
        live.publish([bob.pk], "budget-changed")
    live.publish([alice.pk], "links-changed")
    assert page.event() == "links-changed"  # by now the process has heard of all of them
    later.shift(60)
    live.publish([alice.pk], "sources-changed")
    assert page.event() == "sources-changed"
    assert told_again(server, web, alice, away_since) == ["reconnected"]
    assert told_again(server, web, alice, live.now_ms()) == ["sources-changed"]


def test_who_was_there_before_the_process_began_to_listen_looks_again(server, web, later, page, alice):
    assert told_again(server, web, alice, live.now_ms() - 70_000) == ["reconnected"]


def test_what_happened_while_the_process_did_not_listen_is_not_taken_for_nothing(server, web, later, page, alice):
    hub.close()
    assert page.has_ended()
    assert server.open(web, f"since={live.now_ms()}").event() == "reconnected"


def test_after_redis_was_away_every_page_looks_again(page, bobs, redis_server, alice):
    redis_server.stop()
    try:
        live.publish([alice.pk], "sources-changed")
        assert not live.is_present([alice.pk])
    finally:
        redis_server.start()
    assert (page.event(), bobs.event()) == ("reconnected", "reconnected")
    live.publish([alice.pk], "keys-changed")
    assert page.event() == "keys-changed"


def test_after_a_lost_connection_to_redis_every_page_looks_again(page, bobs, alice):
    redis.connection().client_kill_filter(_type="pubsub")
    assert (page.event(), bobs.event()) == ("reconnected", "reconnected")


# --- Presence --------------------------------------------------------------------------------------------------------
def test_who_has_a_page_open_is_present_for_a_while(page, alice, bob):
    wait_for(lambda: live.is_present([bob.pk, alice.pk]))
    assert not live.is_present([bob.pk])
    assert not live.is_present([])
    assert 0 < redis.connection().ttl(presence(alice)) <= live.PRESENT_S


@pytest.mark.slow
def test_presence_is_renewed_while_a_page_is_open_and_no_longer(server, web, client_of, alice, bob, monkeypatch):
    monkeypatch.setattr(live, "PRESENT_S", 4)  # renewed every second
    page = server.open(web)
    for _ in range(2):
        wait_for(lambda: live.is_present([alice.pk]))
        redis.connection().delete(presence(alice))
    page.leave()
    server.open(client_of(bob))
    wait_for(lambda: live.is_present([bob.pk]))
    redis.connection().delete(presence(alice), presence(bob))
    wait_for(lambda: live.is_present([bob.pk]))
    assert not live.is_present([alice.pk])
