"""A worker killed with kill -9 while it copies a table."""

import os

import pytest

from datasources import keys, tasks
from datasources.copies import jobs, store
from datasources.models import ApiKey, Source, TableCopy
from tests.faults.conftest import HELD_UP_S, PATIENCE_S, end_leases, read
from tests.support.copies import contents
from tests.support.processes import wait_for
from tests.support.rows import asked

pytestmark = pytest.mark.slow
ROWS = 6000


def test_a_worker_killed_while_it_copies_costs_one_call(crew, alice, account):
    lines = "\n".join(f"{number},thing {number}" for number in range(1, ROWS + 1))
    account.upload("many.csv", f"id,name\n{lines}\n")
    read(keys.add(alice, "Main", account.key, ApiKey.State.VALID))
    source = Source.objects.select_related("key").get(file_name="many.csv")
    account.fault("slow", seconds=HELD_UP_S, path="/data", skip=2)
    copy = jobs.start(source, alice)
    tasks.start(copy)
    wait_for(account.held_up, PATIENCE_S)
    crew.lose_the_worker()
    account.sandbox.faults.clear()
    copy.refresh_from_db()
    assert copy.rows_read == 2000
    crew.replace_the_worker()
    end_leases(TableCopy)
    wait_for(lambda: TableCopy.objects.ready().exists(), PATIENCE_S)
    assert len(asked(account)) == ROWS / 1000 + 1
    copy.refresh_from_db()
    _, rows = contents(store.fetch(copy))
    assert rows == [[number, f"thing {number}"] for number in range(1, ROWS + 1)]
    assert not [name for name in os.listdir(store.folder()) if name.startswith(f"{copy.pk}.part")]
