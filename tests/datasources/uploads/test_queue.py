"""The queue: files that are refused, asked about, confirmed, retried and cancelled."""

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.quotas import QuotaReached
from accounts.roles import Role
from datasources import keys, mirror
from datasources.models import ApiKey, AuditEvent, KeyShare, Source, Upload
from datasources.uploads import queue, sending, stored
from datasources.uploads.queue import Refusal
from tests.conftest import synced, taken
from tests.support.threads import at_once
from tests.support.uploads import ROWS, received

State = Upload.State


def stored_files() -> set[str]:
    try:
        return set(storages["copies"].listdir(stored.FOLDER)[1])
    except FileNotFoundError:
        return set()


def test_a_file_is_queued_with_its_facts(alice, key):
    upload = queue.add(alice, key, received())
    upload.refresh_from_db()
    assert (upload.state, upload.name, upload.size_bytes, upload.questions) == (
        State.QUEUED,
        "things.csv",
        len(ROWS),
        [],
    )
    assert upload.content_type == "text/csv"
    assert upload.report["columns"] == ["id", "name"]
    assert b"".join(stored.pieces(upload)) == ROWS
    event = AuditEvent.objects.get()
    assert (event.what, event.about, event.key_label) == ("upload_queued", "things.csv", "Main")


def test_a_file_that_breaks_a_rule_is_refused_and_nothing_of_it_is_kept(alice, key):
    before, arrived = stored_files(), received(b"id\n1\n")
    refusal = queue.add(alice, key, arrived)
    assert isinstance(refusal, Refusal)
    assert "at least 10" in refusal.reason
    assert not Upload.objects.exists()
    assert stored_files() == before
    assert arrived.closed


def test_beyond_the_quota_nothing_is_kept(alice, key, settings):
    settings.QUOTAS = settings.QUOTAS | {"uploads": 1}
    queue.add(alice, key, received())
    before = stored_files()
    with pytest.raises(QuotaReached, match="files being uploaded"):
        queue.add(alice, key, received(ROWS * 2))
    assert stored_files() == before


@pytest.mark.parametrize(
    ("content", "name", "question"),
    [
        (ROWS, "other.csv", "The same content is already in the queue as “things.csv”."),
        (b"1,x\n" * 12, "numbers.csv", "The first row looks like data."),
    ],
)
def test_a_question_is_asked_before_anything_is_sent(alice, key, content, name, question):
    queue.add(alice, key, received())
    upload = queue.add(alice, key, received(content, name))
    assert upload.questions[0].startswith(question)
    assert (upload.state, upload.due_at) == (State.ASKS, None)
    assert queue.confirm(upload)
    upload.refresh_from_db()
    assert upload.state == State.QUEUED
    assert upload.due_at is not None
    assert not queue.confirm(upload)


def test_of_the_same_files_at_once_one_is_sent_without_a_question(alice, key):
    uploads = at_once(4, lambda: queue.add(alice, key, received()))
    assert sorted(upload.state for upload in uploads) == [State.ASKS] * 3 + [State.QUEUED]


def test_a_file_that_claro_has_is_asked_about(alice, key, account):
    account.add(fileName="things.csv", fileSize=len(ROWS))
    synced(key)
    assert queue.add(alice, key, received()).questions == ["Claro already has a file of this name and size."]


@pytest.mark.parametrize("forgotten", ["removed", "tidied"])
def test_the_content_of_a_source_is_remembered_as_long_as_claro_has_it(alice, key, forgotten):
    upload = queue.add(alice, key, received())
    sending.send(str(upload.pk), taken(upload))
    if forgotten == "removed":
        queue.forget(upload)
    else:
        Upload.objects.update(created_at=timezone.now() - sending.FORGET_AFTER * 2)
        sending.tidy()
    assert not Upload.objects.exists()
    [question] = queue.add(alice, key, received(name="renamed.csv")).questions
    assert question == "The same content was uploaded before as “things.csv”."
    Upload.objects.all().delete()
    mirror.mark_gone(Source.objects.get())
    assert not queue.add(alice, key, received(name="renamed.csv")).questions


@pytest.mark.parametrize("state", [State.QUEUED, State.ASKS, State.SENDING])
def test_what_waits_is_asked_about_when_its_key_is_that_of_another_account(alice, key, state):
    upload = queue.add(alice, key, received())
    Upload.objects.update(state=state, may_be_at_claro=state == State.SENDING, leased_until=None)
    queue.ask_again(key, "Another account.")
    upload.refresh_from_db()
    assert (upload.state, upload.due_at, upload.may_be_at_claro) == (State.ASKS, None, False)
    assert upload.questions == ["Another account."]


def test_cancelling_removes_the_file_unless_claro_may_have_it(alice, key):
    upload = queue.add(alice, key, received())
    name = upload.file_name
    Upload.objects.update(may_be_at_claro=True, state=State.SENDING)
    assert not queue.cancel(upload)
    Upload.objects.update(state=State.FAILED)  # a person decides: nothing is on its way any more
    assert queue.cancel(upload)
    assert not Upload.objects.exists()
    assert not storages["copies"].exists(name)
    assert not queue.cancel(upload)


def test_an_upload_goes_with_its_key_and_with_its_file(alice, key):
    name = queue.add(alice, key, received()).file_name
    keys.delete(key)
    assert not Upload.objects.exists()
    assert not storages["copies"].exists(name)


def test_keys_to_upload_are_those_of_members_that_claro_accepts(alice, bob, key, account):
    team = teams.create("Team", alice)
    member = Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    KeyShare.objects.create(key=key, team=team)
    own = keys.add(bob, "Zebra", account.another_key(), ApiKey.State.VALID)
    assert queue.keys_to_upload(bob) == [own, key]
    Membership.objects.filter(pk=member.pk).update(role=Role.VIEWER)
    assert queue.keys_to_upload(bob) == [own]
    ApiKey.objects.filter(pk=own.pk).update(state=ApiKey.State.INVALID)
    assert queue.keys_to_upload(bob) == []
