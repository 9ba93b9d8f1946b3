import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.db import connection as database
from django.utils import timezone

from datasources import tasks
from datasources.copies import store, upkeep
from datasources.copies.opened import reader
from datasources.models import TableCopy
from tests.support.copies import copied
from tests.support.workers import environment

LONG_AGO = (timezone.now() - 2 * upkeep.WRITTEN_WITHIN).timestamp()


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.COPIES_OPEN_DIR = str(tmp_path / "open")
    yield store.folder()
    upkeep.end()


@pytest.fixture
def copy(table) -> TableCopy:
    return copied(table, ["id"], [[1], [2]])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def staged(folder: Path, copy: TableCopy) -> set[str]:
    """The staging files of a copy that is being made, with DuckDB's log."""
    files = {f"{copy.pk}.part", f"{copy.pk}.part.wal", f"{copy.pk}.new"}
    for name in files:
        (folder / name).write_bytes(b"cells")
    return files


# --- At start and end ---


def test_the_folder_is_emptied_but_for_unfinished_copies(folder, copy):
    under_way = TableCopy.objects.create(source=copy.source)
    stopped = TableCopy.objects.create(source=copy.source, state=TableCopy.State.STOPPED)
    kept = staged(folder, under_way) | staged(folder, stopped)
    staged(folder, copy)
    store.fetch(copy)
    (folder / "export.parquet").write_bytes(b"cells")
    upkeep.empty()
    assert names(folder) == kept
    assert store.fetch(copy).exists()


@pytest.mark.slow
def test_the_first_process_to_start_and_the_last_to_end_empty_it(folder, copy):
    code = (
        "import django; django.setup()\n"
        "from datasources.copies import upkeep\n"
        "upkeep.begin(); print('begun', flush=True); input(); upkeep.end()"
    )
    store.fetch(copy)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    ours = environment(COPIES_OPEN_DIR=str(folder.parent))
    with subprocess.Popen([sys.executable, "-c", code], env=ours, **pipes) as other:
        assert other.stdout.readline() == "begun\n"
        assert names(folder) == set()  # it was the first
        store.fetch(copy)
        upkeep.begin()
        assert len(names(folder)) == 1
        other.communicate("\n")
        assert len(names(folder)) == 1  # we are still here
    upkeep.end()
    assert names(folder) == set()


def test_a_start_does_not_fail_by_it(settings, tmp_path, caplog):
    (tmp_path / "file").touch()
    settings.COPIES_OPEN_DIR = str(tmp_path / "file")
    upkeep.begin()
    upkeep.tend()
    upkeep.end()
    assert "not emptied" in caplog.text


# --- While it is used ---


def test_files_of_copies_that_were_purged_elsewhere_are_swept(folder, copy):
    store.fetch(copy)
    store.beside(copy, "order").write_bytes(b"2 1")
    upkeep.sweep()
    assert len(names(folder)) == 2
    TableCopy.objects.all()._raw_delete(database.alias)  # by another machine, whose signals do not come here
    upkeep.sweep()
    assert names(folder) == set()


def test_files_of_an_earlier_file_of_the_copy_are_swept(folder, copy):
    store.fetch(copy)
    TableCopy.objects.filter(pk=copy.pk).update(file_name=f"{copy.pk}.other")
    upkeep.sweep()
    assert names(folder) == set()


def test_staging_files_are_swept_when_the_copy_is_finished(folder, copy):
    under_way = TableCopy.objects.create(source=copy.source)
    kept = staged(folder, under_way)
    staged(folder, copy)
    upkeep.sweep()
    assert names(folder) == kept


def test_what_a_process_may_be_writing_is_left_alone_for_a_while(folder, copy):
    for name in (f"{copy.file_name}.1.tmp", "export.parquet"):
        (folder / name).write_bytes(b"cells")
    upkeep.sweep()
    assert len(names(folder)) == 2
    for name in names(folder):
        os.utime(folder / name, (LONG_AGO, LONG_AGO))
    upkeep.sweep()
    assert names(folder) == set()


def test_a_folder_in_the_folder_does_not_keep_files_from_being_swept(folder, copy):
    (folder / "another").mkdir()
    (folder / "left").touch()
    os.utime(folder / "left", (LONG_AGO, LONG_AGO))
    upkeep.sweep()
    assert not (folder / "left").exists()
    (folder / "another").rmdir()


def test_the_folder_is_swept_once_a_minute_by_all_processes_together(folder, copy):
    upkeep.tend()
    (folder / "left").touch()
    os.utime(folder / "left", (LONG_AGO, LONG_AGO))
    upkeep.tend()
    assert names(folder) == {"left"}
    a_minute_ago = time.time() - upkeep.SWEPT_EVERY_S
    os.utime(folder / "swept.lock", (a_minute_ago, a_minute_ago))
    upkeep.tend()
    assert names(folder) == set()


def test_memory_of_removed_files_is_given_back(folder, copy):
    with reader(copy) as asked:
        path = asked.path
    path.unlink()
    assert str(path) in files_held()
    upkeep.tend()
    assert str(path) not in files_held()


def files_held() -> str:
    """The files that this process has open."""
    return "\n".join(os.readlink(entry) for entry in map(str, Path("/proc/self/fd").iterdir()) if os.path.islink(entry))


# --- Hourly ---


def test_stored_files_without_a_row_are_removed(copy):
    storage = storages["copies"]
    path = Path(storage.path(copy.file_name))
    TableCopy.objects.all()._raw_delete(database.alias)
    upkeep.tidy()
    assert path.exists()  # it may be one that is being written
    os.utime(path, (LONG_AGO, LONG_AGO))
    tasks.tidy()
    assert not path.exists()


def test_files_with_a_row_stay(copy):
    os.utime(storages["copies"].path(copy.file_name), (LONG_AGO, LONG_AGO))
    upkeep.tidy()
    assert TableCopy.objects.get().is_ready
    assert storages["copies"].exists(copy.file_name)


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_the_file_of_a_copy_that_ended_before_it_was_ready_goes(copy, state):
    TableCopy.objects.update(state=state)
    upkeep.tidy()
    ended = TableCopy.objects.get()
    assert (ended.state, ended.stored_bytes, ended.data_key, ended.file_name) == (state, 0, "", "")
    assert not storages["copies"].exists(copy.file_name)


def test_the_file_of_a_copy_that_is_about_to_be_ready_stays(copy):
    TableCopy.objects.update(state=TableCopy.State.COPYING)
    upkeep.tidy()
    assert TableCopy.objects.get().file_name == copy.file_name
    assert storages["copies"].exists(copy.file_name)


def test_a_copy_without_a_file_is_made_again(copy):
    storages["copies"].delete(copy.file_name)
    upkeep.tidy()
    assert TableCopy.objects.get().state == TableCopy.State.FAILED


def test_there_is_nothing_to_tidy_before_the_first_copy(db, settings, tmp_path):
    upkeep.tidy()
