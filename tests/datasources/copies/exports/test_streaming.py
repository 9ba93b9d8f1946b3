"""The stream of a file: what it notes in the receipt, and what cuts it off."""

import gc
import hashlib
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, User
from accounts.roles import Role
from core.wsgi import Cut
from datasources import keys, mirror
from datasources.activity import log
from datasources.copies import jobs, opened, store
from datasources.copies.exports import receipts, streaming, writing
from datasources.copies.exports.receipts import AlreadyWritten, Crowded
from datasources.copies.store import CopyLost
from datasources.models import ApiKey, AuditEvent, Export, KeyShare, Source, TableCopy
from tests.support.copies import copied

ROWS = [[n, f"thing {n}"] for n in range(1, 1001)]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch) -> None:
    """Of files that are small too, and with a look at the rights before each."""
    monkeypatch.setattr(streaming, "SLICE", 500)
    monkeypatch.setattr(streaming, "CHECKED_EVERY_S", 0.0)


@pytest.fixture
def copy(table) -> TableCopy:
    return copied(table, ["id", "name"], ROWS)


@pytest.fixture
def export_of(table, copy, alice, bob, key):
    """An export that waits: of Alice, or of Bob, whose team works through her key."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)

    def export(user: User) -> Export:
        made = Export.objects.create(source=table, user=user, format="csv", options={"separator": ",", "decimal": "."})
        return Export.objects.select_related("source__key", "user").get(pk=made.pk)

    return export


def again(export: Export) -> Export:
    return Export.objects.get(pk=export.pk)


def free() -> bool:
    return streaming._slots.held[streaming._NAME] == 0


def test_the_receipt_has_what_the_file_has(export_of, alice, copy):
    export = export_of(alice)
    stream = streaming.stream(export, copy)
    assert again(export).state == "writing"
    assert not free()
    pieces = list(stream)
    content, noted = b"".join(pieces), again(export)
    assert max(map(len, pieces)) == 500
    assert (noted.state, noted.rows_expected, noted.rows_written) == ("finished", 1000, 1000)
    assert (noted.bytes_written, noted.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (noted.version, noted.columns) == (copy.version, ["id", "name"])
    assert noted.finished_at
    assert free()
    stream.close()
    assert again(export).state == "finished"


def test_a_file_that_is_being_written_says_so(export_of, alice, copy):
    export = export_of(alice)
    stream = streaming.stream(export, copy)
    taken = [len(next(stream)) for _ in range(3)]
    before = again(export)
    assert before.bytes_written == sum(taken[:2]) > 0
    assert before.heard_at > timezone.now() - timedelta(seconds=20)
    assert TableCopy.objects.get().last_read_at > timezone.now() - timedelta(seconds=20)
    stream.close()


def test_a_reader_that_leaves_breaks_the_file_off(export_of, alice, copy):
    export = export_of(alice)
    stream = streaming.stream(export, copy)
    taken = next(stream)
    stream.close()
    stream.close()
    noted = again(export)
    assert (noted.state, noted.reason, noted.bytes_written) == ("broken", streaming.CANCELLED, len(taken))
    assert (noted.sha256, noted.rows_written) == ("", 0)
    assert list(stream) == []
    assert free()
    assert AuditEvent.objects.filter(what="export_broken_off").count() == 1


# What ends Bob's export, and what its receipt says then (None: there is none).
NO_ACCESS = "You no longer have access to this file."
ENDS = {
    "unshared": (lambda export: KeyShare.objects.all().delete(), NO_ACCESS),
    "removed": (lambda export: teams.remove(export.user.memberships.get()), NO_ACCESS),
    "key deleted": (lambda export: keys.delete(ApiKey.objects.get()), None),
    "export off": (
        lambda export: ApiKey.objects.update(allows_export=False),
        "The owner of the key switched row exports off.",
    ),
    "deactivated": (
        lambda export: User.objects.filter(pk=export.user_id).update(is_active=False),
        "The account was deactivated.",
    ),
    "account deleted": (lambda export: User.objects.get(pk=export.user_id).delete(), "The account was deactivated."),
    "source gone": (lambda export: mirror.mark_gone(export.source), NO_ACCESS),
    "source purged": (lambda export: Source.objects.get(pk=export.source_id).delete(), None),
    "copy deleted": (
        lambda export: jobs.drop(export.source, export.source.key.owner),
        "The whole-table copy was deleted.",
    ),
    "lost": (lambda export: receipts.mark_lost(), receipts.LOST),
}


@pytest.mark.parametrize("end", ENDS)
def test_whoever_loses_the_right_gets_nothing_more(export_of, bob, copy, end, monkeypatch):
    act, reason = ENDS[end]
    export = export_of(bob)
    stream = streaming.stream(export, copy)
    for _ in range(2):
        next(stream)
    if end == "lost":
        monkeypatch.setattr(receipts, "LOST_AFTER", timedelta(0))
    act(export)
    with pytest.raises(Cut):
        next(stream)
    stream.close()
    assert [(one.state, one.reason) for one in Export.objects.all()] == ([("broken", reason)] if reason else [])
    assert free()
    event = AuditEvent.objects.filter(what="export_broken_off").first()
    assert (event.who, event.details["why"]) == ("bob@example.com", reason or NO_ACCESS)


def test_rights_are_checked_now_and_then(export_of, bob, copy, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(streaming, "CHECKED_EVERY_S", 60.0)
    stream = streaming.stream(export_of(bob), copy)
    with django_assert_num_queries(0):
        for _ in range(10):
            next(stream)
    stream._checked_at -= 60.1
    KeyShare.objects.all().delete()
    with pytest.raises(Cut):
        next(stream)


def test_a_file_whose_receipt_was_given_up_is_not_complete(export_of, alice, copy, monkeypatch):
    monkeypatch.setattr(streaming, "CHECKED_EVERY_S", 60.0)
    export = export_of(alice)
    stream = streaming.stream(export, copy)
    next(stream)
    Export.objects.update(state="broken")
    with pytest.raises(Cut):
        list(stream)


@pytest.mark.parametrize("function", ["go_on", "finish"])
def test_without_the_database_the_file_is_not_complete(export_of, alice, copy, monkeypatch, function, caplog):
    def fails(*_: object) -> bool:
        raise DatabaseError("secret")

    export = export_of(alice)
    stream = streaming.stream(export, copy)
    monkeypatch.setattr(receipts, function, fails)
    with pytest.raises(Cut):
        list(stream)
    assert "secret" not in caplog.text
    assert free()


def test_an_error_in_between_cuts_the_file_and_logs_no_cell(export_of, alice, copy, monkeypatch, caplog):
    def pieces(*_: object):
        yield b"x" * 500
        raise ValueError("a secret cell")

    monkeypatch.setattr(writing, "pieces", pieces)
    export = export_of(alice)
    stream = streaming.stream(export, copy)
    next(stream)
    with pytest.raises(Cut):
        next(stream)
    assert (again(export).state, again(export).reason) == ("broken", streaming.FAILED)
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text
    assert free()


def test_a_copy_that_cannot_be_read_any_more_is_marked_as_lost(export_of, alice, copy, monkeypatch):
    def pieces(*_: object):
        yield b"x" * 500
        raise opened.Unopened("damaged")

    monkeypatch.setattr(writing, "pieces", pieces)
    stream = streaming.stream(export_of(alice), copy)
    next(stream)
    with pytest.raises(Cut):
        next(stream)
    assert TableCopy.objects.get().state == "failed"


def test_the_file_is_over_before_its_reader(export_of, alice, copy, monkeypatch):
    closed = []

    def pieces(reader, *_: object):
        try:
            yield b"x" * 1000
            yield b"x"
        finally:
            closed.append(reader.run("SELECT 1"))

    monkeypatch.setattr(writing, "pieces", pieces)
    stream = streaming.stream(export_of(alice), copy)
    next(stream)
    stream.close()
    assert closed == [[(1,)]]


def test_an_answer_that_is_dropped_gives_its_place_back(export_of, alice, copy):
    stream = streaming.stream(export_of(alice), copy)
    assert not free()
    del stream
    gc.collect()
    assert free()


def test_what_does_not_begin_gives_its_place_back(export_of, alice, copy, monkeypatch):
    export = export_of(alice)
    streaming.stream(export, copy).close()
    with pytest.raises(AlreadyWritten):
        streaming.stream(export, copy)
    with monkeypatch.context() as patched:
        patched.setattr(receipts, "AT_ONCE", 0)
        with pytest.raises(Crowded):
            streaming.stream(export_of(alice), copy)
    store.purge(TableCopy.objects.all())
    with pytest.raises(CopyLost):
        streaming.stream(export_of(alice), copy)
    assert free()


def test_the_log_has_where_the_request_came_from(export_of, alice, copy):
    token = log.origin.set(log.Origin("192.0.2.7", "curl"))
    stream = streaming.stream(export_of(alice), copy)
    log.origin.reset(token)
    list(stream)
    events = AuditEvent.objects.filter(what__in=["export_started", "exported"])
    assert {(event.address, event.agent) for event in events} == {("192.0.2.7", "curl")}
    assert len(events) == 2


# --- Receipts that end without their process ---
def test_lost_and_forgotten_receipts_end(export_of, alice, bob, copy):
    lost, waiting, fresh, writes = (export_of(user) for user in (alice, alice, bob, bob))
    now = timezone.now()
    Export.objects.filter(pk=lost.pk).update(state="writing", heard_at=now - timedelta(minutes=3))
    Export.objects.filter(pk=writes.pk).update(state="writing", heard_at=now - timedelta(minutes=1))
    Export.objects.filter(pk=waiting.pk).update(created_at=now - timedelta(hours=25))
    assert receipts.mark_lost(bob) == 0
    receipts.tidy()
    states = [(again(one).state, again(one).reason) for one in (lost, waiting, fresh, writes)]
    assert states == [("broken", receipts.LOST), ("broken", receipts.NOT_FETCHED), ("waiting", ""), ("writing", "")]
    assert AuditEvent.objects.filter(what="export_broken_off").get().who == "alice@example.com"


def test_receipts_are_forgotten_as_the_log_is(export_of, alice, settings):
    old, new = export_of(alice), export_of(alice)
    Export.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=400))
    settings.AUDIT_DAYS = 0
    receipts.tidy()
    assert Export.objects.count() == 2
    settings.AUDIT_DAYS = 365
    receipts.tidy()
    assert Export.objects.get() == new


def test_receipts_go_with_the_account(export_of, alice, bob):
    export_of(bob)
    export = export_of(alice)
    bob.delete()
    receipts.tidy()
    assert Export.objects.get() == export
