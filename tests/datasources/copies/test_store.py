import base64
import contextlib
import errno
import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.db import connection as database
from django.utils import timezone

from core import vault
from core.leases import LeaseLost
from datasources import keys, mirror
from datasources.copies import cipher, private_folder, store
from datasources.copies.store import CopyLost, NoRoom
from datasources.models import ApiKey, Source, TableCopy
from datasources.security import master_key
from tests.support.copies import built, contents, copied
from tests.support.threads import at_once
from tests.support.workers import environment

COLUMNS, ROWS = ["id", "name"], [[number, f"thing {number}"] for number in range(1, 121)]


@pytest.fixture
def copy(table) -> TableCopy:
    return copied(table, COLUMNS, ROWS)


def stored(copy: TableCopy) -> Path:
    return Path(storages["copies"].path(copy.file_name))


def files_of(copy: TableCopy) -> list[Path]:
    """Every file of the copy on this machine."""
    return [*Path(storages["copies"].location).glob(f"{copy.pk}*"), *store.folder().glob(f"{copy.pk}*")]


def another(source: Source) -> Source:
    """Another source of the same key."""
    at = timezone.now()
    return Source.objects.create(key=source.key, datasource_id=uuid.uuid4(), first_seen_at=at, last_seen_at=at)


def state(copy: TableCopy) -> str:
    return TableCopy.objects.get(pk=copy.pk).state


# --- Kept and fetched ---


def test_a_kept_copy_comes_back(copy):
    path = store.fetch(copy)
    assert contents(path)[1] == ROWS
    assert path.parent == store.folder()
    assert path.stat().st_size == copy.open_bytes
    assert stored(copy).stat().st_size == copy.stored_bytes


def test_what_is_stored_is_ciphertext_for_its_user_only(copy):
    content = stored(copy).read_bytes()
    assert b"thing" not in content
    assert b"DUCK" not in content
    assert stored(copy).stat().st_mode & 0o777 == 0o600


def test_each_copy_has_a_data_key_of_its_own_which_is_sealed_in_its_row(copy):
    other = copied(copy.source, COLUMNS, ROWS)
    assert copy.unseal() != other.unseal()
    assert len(base64.b64decode(copy.unseal())) == cipher.KEY_BYTES
    other.data_key = copy.data_key
    with pytest.raises(vault.SecretUnreadable):
        other.unseal()


def test_it_is_decrypted_once(copy):
    path = store.fetch(copy)
    stored(copy).rename(stored(copy).with_suffix(".away"))
    assert store.fetch(copy) == path


def test_threads_that_want_it_at_once_share_one_file(copy):
    assert len(set(at_once(6, lambda: store.fetch(copy)))) == 1
    assert len(list(store.folder().glob(f"{copy.pk}*"))) == 1


def test_another_process_shares_the_file(copy):
    code = (
        "import django; django.setup()\n"
        "from datasources.copies import store; from datasources.models import TableCopy\n"
        f"print(store.fetch(TableCopy(pk='{copy.pk}', file_name='{copy.file_name}')))"
    )
    path = store.fetch(copy)
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(path)


def test_a_copy_can_be_kept_again(copy, tmp_path):
    """As when its search text was added: readers of the row before and after find it."""
    before = TableCopy.objects.get(pk=copy.pk)
    store.keep(copy, built(tmp_path, COLUMNS, ROWS[:5]))
    assert contents(store.fetch(copy))[1] == ROWS[:5]
    assert contents(store.fetch(before))[1] == ROWS[:5]
    assert not storages["copies"].exists(before.file_name)
    assert state(copy) == TableCopy.State.READY


def test_the_one_of_two_workers_that_comes_second_keeps_nothing(copy, tmp_path):
    late = TableCopy.objects.get(pk=copy.pk)
    path = built(tmp_path, COLUMNS, ROWS)
    store.keep(copy, path)
    with pytest.raises(LeaseLost):
        store.keep(late, path)
    assert contents(store.fetch(TableCopy.objects.get(pk=copy.pk)))[1] == ROWS
    assert len(list(Path(storages["copies"].location).glob(f"{copy.pk}*"))) == 1


def test_a_copy_that_was_dropped_meanwhile_is_not_kept(table, tmp_path):
    copy = TableCopy.objects.create(source=table)
    store.purge(TableCopy.objects.filter(pk=copy.pk))
    with pytest.raises(LeaseLost):
        store.keep(copy, built(tmp_path, COLUMNS, ROWS))
    assert files_of(copy) == []


def test_a_copy_that_was_dropped_meanwhile_is_not_opened(copy):
    known = TableCopy.objects.get(pk=copy.pk)
    TableCopy.objects.filter(pk=copy.pk)._raw_delete(database.alias)
    with pytest.raises(CopyLost):
        store.fetch(known)
    assert list(store.folder().glob(f"{copy.pk}*")) == []


# --- Lost ---


def damaged(content: bytes) -> dict[str, bytes]:
    return {
        "truncated": content[:-100],
        "tampered": content[:500] + bytes([content[500] ^ 1]) + content[501:],
        "empty": b"",
        "another file": b"x" * len(content),
    }


@pytest.mark.parametrize("how", damaged(b"x" * 1000))
def test_a_damaged_file_is_noticed_and_copied_again(copy, how):
    stored(copy).write_bytes(damaged(stored(copy).read_bytes())[how])
    with pytest.raises(CopyLost, match="copied again"):
        store.fetch(copy)
    failed = TableCopy.objects.get(pk=copy.pk)
    assert (failed.state, failed.data_key, failed.stored_bytes) == (TableCopy.State.FAILED, "", 0)
    assert failed.trouble.user_message == store.LOST
    assert files_of(copy) == []


def test_the_file_of_another_copy_is_noticed(copy):
    other = copied(copy.source, COLUMNS, ROWS)
    stored(copy).write_bytes(stored(other).read_bytes())
    with pytest.raises(CopyLost):
        store.fetch(copy)
    assert (state(copy), state(other)) == (TableCopy.State.FAILED, TableCopy.State.READY)


def test_a_missing_file_is_noticed(copy):
    stored(copy).unlink()
    with pytest.raises(CopyLost):
        store.fetch(copy)
    assert state(copy) == TableCopy.State.FAILED


@pytest.mark.parametrize("data_key", ["", "nonsense", "sealed by a lost master key"])
def test_a_lost_data_key_is_noticed(copy, settings, data_key):
    if data_key.startswith("sealed"):
        settings.CLARO_SECRET_KEYS = [vault.new_key()]
    else:
        TableCopy.objects.filter(pk=copy.pk).update(data_key=data_key)
        copy.refresh_from_db()
    with pytest.raises(CopyLost):
        store.fetch(copy)
    assert state(copy) == TableCopy.State.FAILED


def test_a_storage_that_does_not_answer_is_no_loss(copy, monkeypatch):
    class Refused(Exception):
        """Storages raise errors of their own."""

    def refuse(*_):
        raise Refused

    monkeypatch.setattr(FileSystemStorage, "_open", refuse)
    with pytest.raises(CopyLost, match="does not answer"):
        store.fetch(copy)
    assert state(copy) == TableCopy.State.READY


def test_a_folder_that_cannot_be_used_is_no_loss(copy, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.COPIES_OPEN_DIR = str(tmp_path / "file")
    with pytest.raises(NoRoom, match="can't be used"):
        store.fetch(copy)
    assert state(copy) == TableCopy.State.READY


# --- Room ---


def test_the_least_recently_read_copies_make_room(table, settings):
    copies = [copied(another(table), COLUMNS, ROWS, last_read_at=timezone.now()) for _ in range(3)]
    settings.COPIES_BYTES = 3 * copies[0].stored_bytes + 10
    TableCopy.objects.filter(pk=copies[1].pk).update(last_read_at="2020-01-01T00:00Z")
    new = copied(table, COLUMNS, ROWS)
    assert set(TableCopy.objects.all()) == {copies[0], copies[2], new}
    assert files_of(copies[1]) == []


def test_previous_versions_make_room_first(table, settings):
    other = copied(another(table), COLUMNS, ROWS)
    TableCopy.objects.filter(pk=other.pk).update(last_read_at="2020-01-01T00:00Z")
    previous = copied(table, COLUMNS, ROWS, last_read_at=timezone.now())
    current = copied(table, COLUMNS, ROWS)
    settings.COPIES_BYTES = 3 * current.stored_bytes + 10
    new = copied(another(table), COLUMNS, ROWS)
    assert set(TableCopy.objects.all()) == {other, current, new}
    assert files_of(previous) == []


def test_copies_under_way_are_not_evicted(table, settings):
    under_way = TableCopy.objects.create(source=table, stored_bytes=10**9)
    settings.COPIES_BYTES = 10**9
    copied(another(table), COLUMNS, ROWS)
    assert TableCopy.objects.filter(pk=under_way.pk).exists()


def test_a_table_larger_than_the_space_for_copies_evicts_nothing(copy, settings):
    settings.COPIES_BYTES = copy.stored_bytes - 1
    with pytest.raises(NoRoom, match="COPIES_MB"):
        copied(another(copy.source), COLUMNS, ROWS)
    assert state(copy) == TableCopy.State.READY


def test_a_full_disk_leaves_nothing_behind(table, tmp_path, monkeypatch):
    def full(self, name, content):
        Path(self.path(name)).write_bytes(next(iter(content.chunks())))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    copy = TableCopy.objects.create(source=table)
    monkeypatch.setattr(FileSystemStorage, "_save", full)
    with pytest.raises(NoRoom, match="disk is full"):
        store.keep(copy, built(tmp_path, COLUMNS, ROWS))
    assert files_of(copy) == []
    assert TableCopy.objects.get(pk=copy.pk).file_name == ""


def test_the_least_recently_used_open_files_make_room(table, settings):
    copies = [copied(table, COLUMNS, ROWS) for _ in range(3)]
    with contextlib.suppress(FileNotFoundError):
        for path in store.folder().glob("*.open"):
            path.unlink()
    settings.COPIES_OPEN_BYTES = 2 * copies[0].open_bytes + 10
    first, second = (store.fetch(copy) for copy in copies[:2])
    os.utime(first, (1, 1))
    os.utime(second, (2, 2))
    store.fetch(copies[0])
    third = store.fetch(copies[2])
    assert (first.exists(), second.exists(), third.exists()) == (True, False, True)


def test_a_copy_larger_than_the_space_for_open_files_closes_none(copy, settings):
    path = store.fetch(copy)
    larger = copied(copy.source, COLUMNS, [[number, str(number**5)] for number in range(20_000)])
    settings.COPIES_OPEN_BYTES = copy.open_bytes + 10
    with pytest.raises(NoRoom, match="COPIES_OPEN_MB"):
        store.fetch(larger)
    assert path.exists()
    assert state(larger) == TableCopy.State.READY


def test_a_copy_that_does_not_fit_into_the_folder_is_not_opened(copy, settings, monkeypatch):
    """As in a container whose /dev/shm has 64 MB. Nothing is reserved: that would fill the disk, if for a moment."""
    reserved: list = []
    monkeypatch.setattr(os, "posix_fallocate", lambda *arguments: reserved.append(arguments), raising=False)
    settings.COPIES_OPEN_BYTES = 2**60
    found = os.statvfs(store.folder())
    whole, free = found.f_blocks * found.f_frsize, private_folder.free_bytes()
    for size in (whole + 1, (whole + free) // 2):
        copy.open_bytes = size
        with pytest.raises(NoRoom, match="no room"):
            store.fetch(copy)
    assert reserved == []
    assert list(store.folder().glob(f"{copy.pk}*")) == []
    assert state(copy) == TableCopy.State.READY


# --- Purged ---


@pytest.mark.parametrize("what", ["copy", "source", "key", "account", "gone"])
def test_files_are_purged_with(copy, alice, what):
    store.fetch(copy)
    store.beside(copy, "order").write_bytes(b"1 2 3")
    (store.folder() / f"{copy.pk}.part").write_bytes(b"cells")
    if what == "copy":
        assert store.purge(TableCopy.objects.filter(pk=copy.pk)) == 1
    elif what == "gone":
        mirror.mark_gone(copy.source)
    else:
        {"source": copy.source, "key": copy.source.key, "account": alice}[what].delete()
    assert files_of(copy) == []
    assert not TableCopy.objects.exists()


def test_a_key_of_another_user_keeps_its_copies(copy, bob):
    keys.add(bob, "Other", "claro_live_other", ApiKey.State.VALID).delete()
    assert files_of(copy)


def test_a_copy_under_way_of_a_source_that_is_gone_ends_with_a_message(table):
    """At its next call, where Claro says so."""
    under_way = TableCopy.objects.create(source=table)
    mirror.mark_gone(table)
    assert TableCopy.objects.get() == under_way


def test_a_purge_waits_for_the_process_that_decrypts(copy):
    purged = threading.Event()
    with private_folder.locked(private_folder.lock_of(copy.pk)):
        (store.folder() / f"{copy.file_name}.open").write_bytes(b"cells")
        thread = threading.Thread(target=lambda: (store.remove_files(copy.pk, copy.file_name), purged.set()))
        thread.start()
        assert not purged.wait(0.05)
    thread.join()
    assert files_of(copy) == []


def test_a_storage_that_is_away_does_not_keep_a_copy_from_being_purged(copy, monkeypatch):
    def refuse(*_):
        raise OSError("away")

    with monkeypatch.context() as away:
        away.setattr(FileSystemStorage, "delete", refuse)
        assert store.purge(TableCopy.objects.filter(pk=copy.pk)) == 1
    assert not TableCopy.objects.exists()


# --- A new master key ---


def test_data_keys_rotate_with_the_master_key(copy, settings):
    before = copy.data_key
    TableCopy.objects.create(source=copy.source)  # under way, without one
    new = vault.new_key()
    settings.CLARO_SECRET_KEYS = [new, *settings.CLARO_SECRET_KEYS]
    rotation = master_key.rotate()
    assert (rotation.rotated["TableCopy"], rotation.current["TableCopy"]) == (1, 0)
    settings.CLARO_SECRET_KEYS = [new]
    copy.refresh_from_db()
    assert copy.data_key != before
    assert contents(store.fetch(copy))[1] == ROWS


def test_an_error_of_the_storages_client_is_one_of_the_system(table, tmp_path, monkeypatch):
    """Work that meets it is tried again, and keeps the rows that were read."""

    def refuse(*_):
        raise ValueError("An error occurred (AccessDenied) when calling the PutObject operation")

    monkeypatch.setattr(FileSystemStorage, "save", refuse)
    with pytest.raises(OSError, match="The storage of copies failed") as raised:
        copied(table, ["id"], [[1]])
    assert "PutObject" not in str(raised.value)
