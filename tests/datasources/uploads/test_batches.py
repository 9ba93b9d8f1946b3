"""A batch of uploads that needs more calls than the key has."""

from django.utils import timezone

from datasources import gateway, keys
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, Upload
from datasources.uploads import queue, search, sending
from tests.conftest import taken
from tests.support.uploads import ROWS, received


def test_a_batch_waits_its_turn_and_delays_no_other_user_no_link_and_no_status_check(still, sandbox, alice, bob):
    account = sandbox.account(100)
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    for _ in range(2):  # the call that opens a window counts for nobody
        _call(key, Lane.PERSON, bob.pk)
    for _ in range(42):  # pages that she opened before
        _call(key, Lane.PERSON, alice.pk)
    batch = [queue.add(alice, key, received(ROWS + b"%d,x\n" % number, f"{number}.csv")) for number in range(10)]
    outcomes = [sending.send(str(upload.pk), taken(upload)) for upload in batch if not _is_put_off(upload)]
    sent = outcomes.index("waits")
    assert outcomes == ["done"] * sent + ["waits"]
    assert sent > 0
    assert all(_is_put_off(upload) for upload in batch[sent:])
    assert len(account.calls("/upload")) == sent  # one call for each file
    for lane, person in ((Lane.PERSON, bob.pk), (Lane.LINK, ""), (Lane.WATCH, "")):
        _call(key, lane, person)


def test_uploads_that_break_do_not_close_the_key_for_others(alice, key, account):
    account.fault("cut", path="/upload", times=4)
    batch = [queue.add(alice, key, received(ROWS * number, f"{number}.csv")) for number in range(1, 5)]
    assert [sending.send(str(upload.pk), taken(upload)) for upload in batch] == ["unknown"] * 4
    _call(key, Lane.PERSON)


def test_a_list_that_is_too_long_to_search_is_left_to_the_user(alice, key, account, monkeypatch):
    monkeypatch.setattr(search, "PAGES_MAX", 1)
    account.add_many([{"fileName": f"{number}.csv", "age": number % 7} for number in range(150)])
    upload = queue.add(alice, key, received())
    account.fault("answer", status=500, path="/upload")
    assert [sending.send(str(upload.pk), taken(upload)) for _ in range(2)] == ["unknown", "asks"]
    upload.refresh_from_db()
    [question] = upload.questions
    assert "its list is too long to search" in question
    assert queue.confirm(upload)
    assert sending.send(str(upload.pk), taken(upload)) == "done"


def _call(key: ApiKey, lane: Lane, person: object = "") -> None:
    """A call that is made at once. Raises NotNow otherwise."""
    with gateway.client(key, lane, person) as claro:
        claro.list_datasources(limit=1)


def _is_put_off(upload: Upload) -> bool:
    upload.refresh_from_db()
    return upload.state == Upload.State.QUEUED and upload.due_at > timezone.now()
