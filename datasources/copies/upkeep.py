"""Removes files that no copy needs: from this machine's private folder, and from the storage."""

import contextlib
import fcntl
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.core.files.storage import storages
from django.db import DatabaseError, connections
from django.utils import timezone

from datasources.copies import opened, store
from datasources.models import Comparison, TableCopy
from datasources.models.copies import StoredFile

# A younger file may be one that a process is writing.
WRITTEN_WITHIN = timedelta(hours=1)
SWEPT_EVERY_S = 60
# A bucket may hold files of others.
_STORED = re.compile(r"[0-9a-f-]{36}\.[0-9a-f]{8}")
_STAGING = {"part", "new"}
_UNFINISHED = {TableCopy.State.COPYING, TableCopy.State.STOPPED, Comparison.State.COMPARING}
# A copy that is being made has a stored file for a moment, before it is ready.
_WITH_FILE = {TableCopy.State.READY, TableCopy.State.COPYING, Comparison.State.COMPARING}

# Held by each process of the machine that uses the folder, while it lives.
_joined: IO[bytes] | None = None
_tending = threading.Lock()
logger = logging.getLogger(__name__)


def begin() -> None:
    """Called by a process when it starts. The first one of the machine empties the folder."""
    global _joined
    with _logged("The folder for open copies was not emptied"):
        _joined = (store.folder() / "users.lock").open("ab")
        _empty_if_alone(_joined)
        fcntl.flock(_joined, fcntl.LOCK_SH)


def end() -> None:
    """Called by a process when it ends. The last one of the machine empties the folder."""
    global _joined
    with _logged("The folder for open copies was not emptied"):
        if _joined:
            # The own lock is lost by this, whether it succeeds or not (flock(2)).
            _empty_if_alone(_joined)
            _joined.close()
            _joined = None


def tend() -> None:
    """Detaches removed files. Also removes what no copy needs, once a minute. Processes call it every few seconds."""
    if _tending.acquire(blocking=False):
        with contextlib.ExitStack() as stack:
            stack.callback(_tending.release)
            stack.enter_context(_logged("The folder for open copies was not swept"))
            opened.detach_removed()
            if _is_due():
                stack.callback(connections.close_all)
                sweep()


def empty() -> None:
    """Removes all from this machine's folder but the staging files of unfinished copies."""
    _remove(lambda path, copy: _kind(path) in _STAGING and _is_needed(path, copy))


def sweep() -> None:
    """Removes from this machine's folder what no copy needs: of copies purged elsewhere, or left by a crash."""
    _remove(_is_needed)


def tidy() -> None:
    """Removes stored files that no copy needs. Marks copies whose file is missing as failed: they are made again."""
    for rows in store.every_file():
        for copy in rows.exclude(file_name="").exclude(state__in=_WITH_FILE):
            store.release(copy)
    copies, storage = [copy for rows in store.every_file() for copy in rows.ready()], storages["copies"]
    try:
        names = set(storage.listdir("")[1])
    except FileNotFoundError:
        names = set()
    for copy in copies:
        if copy.file_name not in names and not storage.exists(copy.file_name):
            store.lost(copy, "Its file is missing.")
    needed = {name for rows in store.every_file() for name in rows.values_list("file_name", flat=True)}
    for name in names - needed:
        if _STORED.fullmatch(name) and storage.get_modified_time(name) < timezone.now() - WRITTEN_WITHIN:
            storage.delete(name)


def _empty_if_alone(joined: IO[bytes]) -> None:
    try:
        fcntl.flock(joined, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    empty()


def _is_due() -> bool:
    mark, now = store.folder() / "swept.lock", time.time()
    if mark.exists() and now - mark.stat().st_mtime < SWEPT_EVERY_S:
        return False
    mark.touch()
    return True


def _is_needed(path: Path, copy: StoredFile | None) -> bool:
    if ".tmp" in path.suffixes or not _copy_id(path):
        return time.time() - path.stat().st_mtime < WRITTEN_WITHIN.total_seconds()
    if copy is None:
        return False
    if _kind(path) in _STAGING:
        return copy.state in _UNFINISHED
    return copy.is_ready and path.name.startswith(copy.file_name)


def _remove(is_kept: Callable[[Path, StoredFile | None], bool]) -> None:
    # Files first: a file that is there before its row is read is not newer than the row.
    paths = [path for path in store.folder().iterdir() if path.suffix != ".lock" and not path.is_dir()]
    ids = {pk for path in paths if (pk := _copy_id(path))}
    copies = {pk: copy for rows in store.every_file() for pk, copy in rows.in_bulk(ids).items()} if ids else {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if not is_kept(path, copies.get(_copy_id(path))):
                path.unlink()


def _copy_id(path: Path) -> uuid.UUID | None:
    with contextlib.suppress(ValueError):
        return uuid.UUID(path.name.split(".")[0])
    return None


def _kind(path: Path) -> str:
    """`part` or `new` of a staging file, whose log has a further suffix."""
    return path.name.split(".")[1] if _copy_id(path) and "." in path.name else ""


@contextlib.contextmanager
def _logged(what: str):
    """Neither a start nor a heartbeat fails by it."""
    try:
        yield
    except (OSError, DatabaseError) as error:
        logger.warning("%s: %s", what, error)
