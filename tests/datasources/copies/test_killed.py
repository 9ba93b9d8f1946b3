"""Processes killed with kill -9 while they publish a copy, or open one."""

import os
from pathlib import Path

import pytest
from django.core.files.storage import storages

from datasources import keys
from datasources.copies import jobs, store, upkeep
from datasources.models import ApiKey, TableCopy
from tests.conftest import synced, taken
from tests.support.copying import advanced, in_the_last_part_of_a_window, rows_of
from tests.support.killed import killed_after, name_of
from tests.support.rows import asked

pytestmark = pytest.mark.slow

BUILD = """
from datasources import tasks
copy_id, lease = sys.argv[4:]
tasks.build.run(copy_id, lease, tasks.for_copies)
"""
OPEN = """
from datasources.copies import store
from datasources.models import TableCopy
store.fetch(TableCopy.objects.get(pk=sys.argv[4]))
"""
PUBLISHING = [
    ("datasources.copies.typed", "", "write"),
    ("django.core.files.storage", "FileSystemStorage", "_save"),
    ("datasources.copies.store", "", "keep"),
    ("core.leases", "Held", "finish"),
]


@pytest.fixture
def copy(account, alice, transactional_db) -> TableCopy:
    """Nothing of it is read yet."""
    account.upload("things.csv", "id,name\n" + "".join(f"{number},thing {number}\n" for number in range(1, 251)))
    [source] = synced(keys.add(alice, "Main", account.key, ApiKey.State.VALID))
    return jobs.start(source, alice)


def files_of(copy: TableCopy) -> list[str]:
    """In the storage and in the private folder, once what no copy needs is old and was tidied up."""
    folders = (Path(storages["copies"].path("")), store.folder())
    found = [path for folder in folders for path in folder.glob(f"{copy.pk}*")]
    for path in found:
        os.utime(path, (1, 1))
    upkeep.tidy()
    upkeep.sweep()
    return sorted(path.name for path in found if path.exists())


@pytest.mark.parametrize("step", PUBLISHING, ids=name_of)
def test_a_process_killed_while_it_publishes_leaves_a_copy_that_the_next_one_completes(copy, account, step):
    in_the_last_part_of_a_window(copy)
    killed_after(step, BUILD, copy.pk, taken(copy))
    copy.refresh_from_db()
    if copy.state != TableCopy.State.READY:
        assert advanced(copy) == "done"
    assert len(asked(account)) == 1
    assert rows_of(copy) == [[number, f"thing {number}"] for number in range(1, 251)]
    stored, opened = files_of(copy)
    assert stored == copy.file_name
    assert opened.startswith(stored)


def test_a_process_killed_while_it_opens_a_copy_is_in_nobodys_way(copy):
    assert advanced(copy) == "done"
    killed_after(("datasources.copies.cipher", "", "decrypt"), OPEN, copy.pk)
    assert len(rows_of(copy)) == 250
    stored, opened = files_of(copy)
    assert (stored, opened.endswith(".open")) == (copy.file_name, True)
