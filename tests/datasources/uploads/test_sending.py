"""Sending queued files: once, whatever happens to the answer or the worker."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.core.files.storage import storages
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import leases
from core.leases import LeaseLost
from datasources import keys, tasks
from datasources.models import ApiKey, AuditEvent, KeyShare, Source, Upload, Watch
from datasources.uploads import queue, sending, stored
from tests.conftest import asked_again, synced, taken
from tests.support.uploads import ROWS, received

State = Upload.State


@pytest.fixture
def upload(alice, key) -> Upload:
    return queue.add(alice, key, received())


def sent(upload: Upload) -> str:
    """One run, done here instead of by a worker; the row is read again."""
    outcome = sending.send(str(upload.pk), taken(upload))
    upload.refresh_from_db()
    return outcome


def at_claro(account) -> list[str]:
    return [source["fileName"] for source in account.list_sources().json()["dataSources"]]


def test_a_queued_file_is_sent_by_a_task_and_listed_as_processing(upload, account, key):
    account.sandbox.store.processing_s = 60
    tasks.tick()
    assert tasks.send_upload(str(upload.pk), taken(upload)) == "done"
    upload.refresh_from_db()
    source = Source.objects.get()
    assert (upload.state, upload.source, upload.datasource_id) == (State.DONE, source, source.datasource_id)
    assert (upload.bytes_sent, upload.file_name, upload.data_key) == (len(ROWS), "", "")
    assert (source.file_name, source.size_bytes, source.status) == ("things.csv", len(ROWS), "processing")
    assert Watch.objects.get(key=key).due_at <= timezone.now()
    account.sandbox.store.wait()
    assert account.sandbox.store.path(account.sandbox.store.sources[str(source.datasource_id)]).read_bytes() == ROWS
    assert list(AuditEvent.objects.order_by("pk").values_list("what", flat=True)) == ["upload_queued", "uploaded"]


def test_nothing_is_kept_here_of_a_file_that_claro_has(upload):
    name = upload.file_name
    assert storages["copies"].exists(name)
    sent(upload)
    assert not storages["copies"].exists(name)


LOST = [
    {"kind": "lost"},
    {"kind": "cut"},
    {"kind": "replaced", "status": 504, "body": "<h1>Gateway Timeout</h1>"},
    {"kind": "replaced", "status": 200, "body": '{"ok": true}'},
]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.get("body", fault["kind"]))
def test_a_file_whose_answer_was_lost_is_found_in_the_list_and_not_sent_again(upload, account, fault):
    account.fault(**fault, path="/upload")
    assert sent(upload) == "unknown"
    assert (upload.may_be_at_claro, upload.state) == (True, State.SENDING)
    assert timezone.now() < upload.due_at < timezone.now() + timedelta(seconds=6)
    assert sent(upload) == "done"
    assert at_claro(account) == ["things.csv"]
    assert upload.datasource_id is not None
    assert len(account.calls("/upload")) == 1


def test_a_file_that_is_not_found_is_searched_twice_and_then_sent_again(upload, account):
    account.fault("answer", status=500, path="/upload")
    assert [sent(upload) for _ in range(3)] == ["unknown", "not found yet", "not found"]
    assert (upload.state, upload.may_be_at_claro, upload.sends) == (State.QUEUED, False, 1)
    assert sent(upload) == "done"
    assert at_claro(account) == ["things.csv"]


@pytest.fixture
def unconfirmed(upload, account) -> Upload:
    """An upload that Claro answered with errors until it was given up."""
    account.fault("answer", status=500, path="/upload", times=9)
    outcomes = [sent(upload) for _ in range(9)]
    assert outcomes == ["unknown", "not found yet", "not found"] * 2 + ["unknown", "not found yet", "failed"]
    account.sandbox.faults.clear()
    return upload


def test_after_three_sends_without_a_trace_a_person_decides(unconfirmed, account):
    assert "does not list it" in unconfirmed.trouble.user_message
    assert storages["copies"].exists(unconfirmed.file_name)
    assert queue.retry(unconfirmed)
    assert [sent(unconfirmed) for _ in range(3)] == ["not found yet", "not found", "done"]
    assert at_claro(account) == ["things.csv"]


@pytest.mark.parametrize("is_synced", [True, False])
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=3)])
def test_a_retry_finds_the_file_that_turned_up_late(unconfirmed, account, key, is_synced, later):
    account.upload("things.csv", ROWS.decode())
    if is_synced:
        synced(key)
    with time_machine.travel(timezone.now() + later, tick=True):
        assert queue.retry(unconfirmed)
        assert sent(unconfirmed) == "done"
    assert at_claro(account) == ["things.csv"]


def test_a_retry_finds_a_file_of_the_first_call_that_was_refused_later(upload, account):
    account.fault("answer", status=500, path="/upload")
    assert [sent(upload) for _ in range(3)] == ["unknown", "not found yet", "not found"]
    account.fault("answer", status=400, path="/upload")
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=True):
        assert sent(upload) == "failed"
        account.add(fileName="things.csv", fileSize=len(ROWS), age=3 * 3600)
        assert queue.retry(upload)
        assert sent(upload) == "done"
    assert at_claro(account) == ["things.csv"]


def test_the_content_of_a_file_that_claro_never_confirmed_is_asked_about(unconfirmed, alice, key):
    [question] = queue.add(alice, key, received(name="renamed.csv")).questions
    assert question == "The same content was sent before, and Claro never confirmed it, as “things.csv”."


def test_a_file_of_the_same_name_that_was_there_before_is_not_taken_for_it(upload, account, key):
    other = account.add(fileName="things.csv", fileSize=len(ROWS), age=5)
    Source.objects.create(
        key=key,
        datasource_id=other,
        file_name="things.csv",
        first_seen_at=timezone.now() - timedelta(minutes=1),
        last_seen_at=timezone.now(),
    )
    account.fault("answer", status=500, path="/upload")
    assert [sent(upload) for _ in range(4)][-1] == "done"
    assert upload.datasource_id != other


def test_two_files_alike_are_not_taken_for_one_another(alice, key, account):
    first, second = (queue.add(alice, key, received()) for _ in range(2))
    queue.confirm(second)
    account.fault("lost", path="/upload", times=2)
    assert [sent(one) for one in (first, second, first, second)] == ["unknown", "unknown", "done", "done"]
    assert first.datasource_id != second.datasource_id


@pytest.mark.parametrize(("status", "body"), [(413, "<h1>Too large</h1>"), (400, "no"), (403, "no"), (404, "")])
def test_a_file_that_claro_refuses_fails_with_its_words(upload, account, status, body):
    account.fault("answer", status=status, body=body, path="/upload")
    assert sent(upload) == "failed"
    assert (upload.state, upload.may_be_at_claro, upload.due_at) == (State.FAILED, False, None)
    assert upload.trouble.user_message
    assert AuditEvent.objects.filter(what="upload_failed").exists()
    assert storages["copies"].exists(upload.file_name)


def test_at_the_limit_a_batch_waits_and_costs_one_call(alice, account, key):
    uploads = [queue.add(alice, key, received(ROWS + b"21,%d\n" % number)) for number in range(3)]
    account.fault("answer", status=429, headers={"Retry-After": "40"}, path="/upload")
    assert sent(uploads[0]) == "waits"
    assert uploads[0].sends == 0
    due = list(Upload.objects.values_list("due_at", "state", "may_be_at_claro"))
    assert all(at > timezone.now() + timedelta(seconds=35) for at, _, _ in due)
    assert {rest for _, *rest in due for rest in [tuple(rest)]} == {(State.QUEUED, False)}


def test_a_batch_stands_aside_for_long_and_each_that_is_done_wakes_the_next(alice, key):
    uploads = [queue.add(alice, key, received(ROWS + b"21,%d\n" % number)) for number in range(12)]
    first, *others = uploads
    places = {f"user:{alice.pk}": sending.AT_ONCE_OF_USER}
    for _ in range(sending.AT_ONCE_OF_USER):
        assert sending._slots.take(places)
    try:
        for upload in others:
            assert sent(upload) == "crowded"
        waits = [upload.due_at - timezone.now() for upload in others]
        assert min(waits) > timedelta(seconds=3)
        assert max(waits) < timedelta(seconds=6)
    finally:
        for _ in range(sending.AT_ONCE_OF_USER):
            sending._slots.give_back(places)
    assert sent(first) == "done"
    due = Upload.objects.filter(due_at__lte=timezone.now()).order_by("created_at")
    assert list(due) == others[: sending.AT_ONCE_OF_USER]


def test_a_refused_key_rests_its_uploads_until_it_is_replaced(still, upload, account, key):
    account.revoke()
    assert sent(upload) == "waits"
    assert asked_again(key) == "refused"
    assert sent(upload) == "waits"
    assert (upload.due_at, upload.state) == (None, State.QUEUED)
    keys.replace_secret(key, account.another_key(), ApiKey.State.VALID)
    upload.refresh_from_db()
    assert upload.due_at <= timezone.now()
    assert sent(upload) == "done"


def test_whoever_may_not_upload_any_more_sends_nothing(bob, alice, key, account):
    team = teams.create("Team", alice)
    member = Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    KeyShare.objects.create(key=key, team=team)
    upload = queue.add(bob, key, received())
    Membership.objects.filter(pk=member.pk).update(role=Role.VIEWER)
    assert sent(upload) == "failed"
    assert account.calls("/upload") == []


def test_a_stored_file_that_is_lost_fails_and_none_arrives(upload, account):
    stored.remove(upload.file_name)
    assert sent(upload) == "failed"
    assert "can't be read" in upload.trouble.user_message
    assert at_claro(account) == []


def test_a_storage_that_does_not_answer_is_waited_for(upload, account, monkeypatch):
    def away(*arguments: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(storages["copies"], "open", away)
        assert sent(upload) == "waits"
    assert (upload.state, upload.may_be_at_claro) == (State.QUEUED, False)
    assert sent(upload) == "done"


def test_a_lost_lease_breaks_the_call_off(alice, key, account, monkeypatch):
    upload = queue.add(alice, key, received(b"x" * 5_000_000, "a.txt"))

    def pieces(found: Upload) -> Iterator[bytes]:
        yield b"x" * 2_500_000
        Upload.objects.filter(pk=found.pk).update(leased_until=timezone.now() + timedelta(minutes=1))
        time.sleep(0.4)
        yield b"x" * 2_500_000

    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=0.4))
    monkeypatch.setattr(stored, "pieces", pieces)
    lease = taken(upload)
    with pytest.raises(LeaseLost):
        sending.send(str(upload.pk), lease)
    assert at_claro(account) == []


def test_old_uploads_are_forgotten_with_their_files(upload, account):
    account.fault("answer", status=413, path="/upload")
    sent(upload)
    with time_machine.travel(timezone.now() + timedelta(days=6)):
        sending.tidy()
        assert Upload.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        sending.tidy()
    assert not Upload.objects.exists()
    assert not storages["copies"].exists(upload.file_name)
