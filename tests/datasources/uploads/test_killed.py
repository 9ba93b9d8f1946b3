"""Processes killed with kill -9 at each step of an upload, from the file that has arrived to the one that Claro has."""

import os
from pathlib import Path

import pytest
from django.core.files.storage import storages

from datasources import keys
from datasources.models import ApiKey, AuditEvent, Upload
from datasources.uploads import queue, sending, stored
from tests.conftest import taken
from tests.support.killed import killed_after, name_of
from tests.support.uploads import received

pytestmark = pytest.mark.slow

ADD = """
from accounts.models import User
from datasources.models import ApiKey
from datasources.uploads import queue
from tests.support.uploads import received
queue.add(User.objects.get(), ApiKey.objects.get(), received())
"""
SEND = """
from datasources.uploads import sending
sending.send(*sys.argv[4:])
"""
QUEUEING = [
    ("datasources.uploads.stored", "", "keep"),
    ("datasources.models", "Upload", "save"),
    ("datasources.uploads.queue", "", "add"),
]
# With what becomes of the tries that follow.
SENDING = [
    (("core.leases", "Held", "renew"), ["done"]),
    (("datasources.uploads.queue", "", "publish"), ["not found yet", "not found", "done"]),
    (("datasources.claro.client", "ClaroClient", "upload_datasource"), ["done"]),
    (("datasources.mirror", "", "record"), ["done"]),
    (("core.leases", "Held", "finish"), ["done"]),
    (("datasources.uploads.sending", "", "_done"), []),
]


@pytest.fixture
def key(alice, account, transactional_db) -> ApiKey:
    return keys.add(alice, "Main", account.key, ApiKey.State.VALID)


def kept() -> list[str]:
    """The stored files, once those without a row are old and were tidied up."""
    folder = Path(storages["copies"].path(stored.FOLDER))
    for path in folder.glob("*"):
        os.utime(path, (1, 1))
    stored.tidy()
    return [path.name for path in folder.glob("*")]


def at_claro(account) -> list[str]:
    return [source["fileName"] for source in account.list_sources().json()["dataSources"]]


def tries(upload: Upload) -> list[str]:
    """What becomes of it, try by try, until it is done."""
    outcomes = []
    while upload.state != Upload.State.DONE:
        outcomes.append(sending.send(str(upload.pk), taken(upload)))
        upload.refresh_from_db()
    return outcomes


@pytest.mark.parametrize("step", QUEUEING, ids=name_of)
def test_a_process_killed_while_it_queues_a_file_has_queued_it_or_leaves_nothing(key, account, step):
    killed_after(step, ADD)
    uploads = list(Upload.objects.all())
    assert len(kept()) == len(uploads) == (step[2] == "add")
    for upload in uploads:
        assert tries(upload) == ["done"]
    assert at_claro(account) == ["things.csv"] * len(uploads)


@pytest.mark.parametrize(("step", "outcomes"), SENDING, ids=[name_of(step) for step, _ in SENDING])
def test_a_worker_killed_while_it_sends_leaves_one_source_and_no_file(alice, key, account, step, outcomes):
    upload = queue.add(alice, key, received())
    killed_after(step, SEND, upload.pk, taken(upload))
    upload.refresh_from_db()
    assert tries(upload) == outcomes
    assert at_claro(account) == ["things.csv"]
    assert kept() == []
    assert list(AuditEvent.objects.order_by("pk").values_list("what", flat=True)) == ["upload_queued", "uploaded"]
