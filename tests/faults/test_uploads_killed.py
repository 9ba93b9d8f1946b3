"""A worker killed with kill -9 while it sends a file to Claro."""

import pytest
from django.utils import timezone

from datasources import keys, tasks
from datasources.models import ApiKey, Source, Upload
from datasources.uploads import queue
from tests.faults.conftest import HELD_UP_S, PATIENCE_S, end_leases, read
from tests.support.processes import wait_for
from tests.support.uploads import ROWS, received

pytestmark = pytest.mark.slow
State = Upload.State


def hurry() -> bool:
    """Makes the next search due now, instead of a minute later; true when the file is uploaded."""
    Upload.objects.filter(due_at__gt=timezone.now(), leased_until=None).update(due_at=timezone.now())
    return Upload.objects.filter(state=State.DONE).exists()


# A small file is with the sandbox when the worker dies, and of a large one the rest never arrives.
@pytest.mark.parametrize("size", [len(ROWS), 20_000_000])
def test_a_worker_killed_while_it_sends_leaves_one_source_with_all_bytes(crew, alice, account, size):
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    read(key)
    content = (ROWS * (size // len(ROWS) + 1))[:size]
    upload = queue.add(alice, key, received(content))
    account.fault("slow", seconds=HELD_UP_S, path="/upload")
    tasks.start(upload)
    wait_for(account.held_up, PATIENCE_S)
    crew.lose_the_worker()
    account.sandbox.faults.clear()
    upload.refresh_from_db()
    assert (upload.state, upload.may_be_at_claro) == (State.SENDING, True)
    crew.replace_the_worker()
    end_leases(Upload)
    wait_for(hurry, PATIENCE_S)
    source = Source.objects.get()
    account.sandbox.store.wait()
    kept = account.sandbox.store.sources_of(account.name)
    assert [(one.id, one.size) for one in kept] == [(str(source.datasource_id), size)]
    assert account.sandbox.store.path(kept[0]).read_bytes() == content
