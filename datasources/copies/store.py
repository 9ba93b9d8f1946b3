"""Where copies are kept: ciphertext in the storage, and in clear only in the private folder while they are in use.

Each stored file has a data key of its own, which is sealed in the row. A copy whose row is gone can't be read again,
wherever its file is. Files in the folder:

    <copy>.part  <copy>.new            being built (staging.py, typed.py)
    <copy>.<kept>.<opened>.open        decrypted, shared by all processes of the machine
    <copy>.<name>.side                 derived from the copy, such as a kept order
    *.tmp                              being decrypted, by the process that holds the copy's lock
"""

import base64
import contextlib
import errno
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import Coalesce

from core import vault
from core.leases import LeaseLost
from datasources.claro import ClaroError
from datasources.copies import cipher, private_folder
from datasources.models import Comparison, TableCopy
from datasources.models.copies import FAILED, StoredFile

LOST = "The stored copy can't be read, so the table is copied again."
NO_OPEN_ROOM = "There is no room to open the copy (COPIES_OPEN_MB, or the space of its folder)."
_FULL = (errno.ENOSPC, errno.EDQUOT)

logger = logging.getLogger(__name__)


class CopyLost(Exception):
    """The copy can't be read: the caller reads live. `str()` is a sentence for people."""


class Unavailable(CopyLost):
    """The copy is fine, but can't be read now."""


class NoRoom(Unavailable):
    """There is no room for the file."""


class _Broken(Exception):
    """The stored file is gone or does not open."""


def every_file() -> tuple[QuerySet[Any], ...]:
    """The rows of all stored files."""
    return TableCopy.objects.all(), Comparison.objects.all()


def folder() -> Path:
    """The private folder of this installation for open files and staging files. Raises OSError."""
    return private_folder.path()


def keep(copy: StoredFile, path: Path) -> None:
    """Stores the finished file under a new data key, in the place of what was stored before.

    Makes room by COPIES_BYTES. Raises NoRoom, OSError, and LeaseLost where the copy was dropped
    or kept by another worker meanwhile.
    """
    plain_bytes = path.stat().st_size
    stored_bytes = cipher.encrypted_bytes(plain_bytes)
    _make_room(copy, stored_bytes)
    key, name, old_name = cipher.new_key(), f"{copy.pk}.{_token()}", copy.file_name
    try:
        with path.open("rb") as plain:
            _save(name, _Encrypted(plain, key, str(copy.pk)))
        copy.seal(base64.b64encode(key).decode())
        copy.file_name, copy.open_bytes, copy.stored_bytes = name, plain_bytes, stored_bytes
        changes = {field: getattr(copy, field) for field in ("data_key", "file_name", "open_bytes", "stored_bytes")}
        if not _rows_of(copy).filter(file_name=old_name).update(**changes):
            raise LeaseLost
    except BaseException as error:
        _remove_stored(name)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise NoRoom("The disk is full.") from error
        raise
    if old_name:
        _remove_stored(old_name)


def fetch(copy: StoredFile) -> Path:
    """The plain file on this machine, decrypted on first use. Raises CopyLost.

    One process decrypts it, others wait. Makes room by COPIES_OPEN_BYTES. A copy that is lost is marked as failed, so
    that it is made again.
    """
    try:
        if found := find(copy):
            return found
        with private_folder.locked(private_folder.lock_of(copy.pk)):
            return find(copy) or _decrypted(copy)
    except _Broken as error:
        reason = str(error)
    except OSError as error:
        logger.warning("Copy %s can't be opened: %s", copy.pk, error)
        raise NoRoom(f"The folder for open copies can't be used: {error.strerror or 'it is not private'}.") from error
    kept_anew = _rows_of(copy).ready().exclude(file_name=copy.file_name).first()
    if kept_anew:
        return fetch(kept_anew)
    lost(copy, reason)
    raise CopyLost(LOST)


def find(copy: StoredFile) -> Path | None:
    """The plain file where this machine has it, marked as used now. Raises OSError."""
    for path in folder().glob(f"{copy.file_name}.*.open") if copy.file_name else ():
        try:
            os.utime(path)
        except FileNotFoundError:
            continue
        return path
    return None


def beside(copy: StoredFile, name: str) -> Path:
    """Where this machine keeps a file derived from the copy; it goes with it, or when room is short.

    Write it under another name that ends in `.tmp`, and rename it.
    """
    return folder() / f"{copy.file_name}.{name}.side"


def lost(copy: StoredFile, reason: object) -> None:
    """Marks a ready copy as failed and removes its files, so that it is made again."""
    logger.error("%s is lost: %s", copy, reason)
    problem = ClaroError(f"Copy lost: {reason}", user_message=LOST).to_dict()
    row = _rows_of(copy).ready().filter(file_name=copy.file_name)
    if row.update(state=FAILED, problem=problem, data_key="", file_name="", stored_bytes=0):
        remove_files(copy.pk, copy.file_name)


def release(copy: StoredFile) -> None:
    """Removes the stored file of a copy that was stopped or failed before it was ready; its bytes count no longer."""
    row = _rows_of(copy).filter(state=copy.state, file_name=copy.file_name)
    if row.update(data_key="", file_name="", stored_bytes=0):
        _remove_stored(copy.file_name)


def purge(copies: QuerySet[TableCopy]) -> int:
    """Deletes the copies: rows with their data keys, stored and open files (signals.py). Returns how many."""
    return copies.delete()[1].get(TableCopy._meta.label, 0)


def remove_files(copy_id: uuid.UUID, file_name: str) -> None:
    """Removes the stored file, and what this machine has of the copy. Other machines notice (upkeep.py)."""
    if file_name:
        _remove_stored(file_name)
    try:
        with private_folder.locked(private_folder.lock_of(copy_id)):
            for path in folder().glob(f"{copy_id}.*"):
                path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("Open files of copy %s are left: %s", copy_id, error)


class _Encrypted(File):
    """A plain file as the storage reads it: its ciphertext, in pieces, once."""

    def __init__(self, plain: Any, key: bytes, owner: str):
        super().__init__(plain)
        self._pieces, self._rest = cipher.encrypted(plain, key, owner), b""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        return self._pieces

    def read(self, size: int = -1) -> bytes:
        while (size < 0 or len(self._rest) < size) and (piece := next(self._pieces, b"")):
            self._rest += piece
        cut = len(self._rest) if size < 0 else size
        part, self._rest = self._rest[:cut], self._rest[cut:]
        return part

    def seekable(self) -> bool:
        return False


def _decrypted(copy: StoredFile) -> Path:
    """The new plain file. The caller holds the copy's lock. Raises _Broken, CopyLost, OSError."""
    name = f"{copy.file_name}.{_token()}"
    target = folder() / f"{name}.tmp"
    try:
        with _stored(copy) as sealed, _reserved(target, copy.open_bytes) as plain:
            cipher.decrypt(sealed, plain, _data_key(copy), str(copy.pk))
            plain.truncate()
        # Dropped meanwhile: the files are removed by a process that waits for the lock, or has had it.
        if not _rows_of(copy).filter(file_name=copy.file_name).exists():
            raise CopyLost("The copy was deleted.")
        return target.rename(folder() / f"{name}.open")
    except cipher.Tampered as error:
        raise _Broken(error) from error
    finally:
        target.unlink(missing_ok=True)


def _data_key(copy: StoredFile) -> bytes:
    try:
        return base64.b64decode(copy.unseal())
    except (vault.SecretUnreadable, ValueError) as error:
        raise _Broken("Its data key can't be read.") from error


@contextmanager
def _stored(copy: StoredFile) -> Iterator[IO[bytes]]:
    """The stored file, open for reading."""
    if not copy.file_name:
        raise CopyLost("There is no copy.")
    try:
        with _storage().open(copy.file_name) as file:
            yield file
    except FileNotFoundError:
        if not _storage().exists(copy.file_name):
            raise _Broken("Its file is missing.") from None
        raise
    except (CopyLost, _Broken, cipher.Tampered, OSError):
        raise
    except Exception as error:  # a storage has errors of its own: it does not answer, or refuses
        logger.warning("Copy %s can't be read from the storage: %s", copy.pk, error)
        raise Unavailable("The storage of copies does not answer.") from error


@contextmanager
def _reserved(target: Path, size_bytes: int) -> Iterator[BinaryIO]:
    """A new file with room for so many bytes, which other processes see as taken."""
    with target.open("xb") as file:
        with private_folder.locked("room"):
            _make_open_room(size_bytes)
            try:
                if size_bytes and hasattr(os, "posix_fallocate"):  # not on macOS
                    os.posix_fallocate(file.fileno(), 0, size_bytes)
            except OSError as error:
                raise NoRoom(NO_OPEN_ROOM) from error
        yield file


def _make_open_room(size_bytes: int) -> None:
    """Removes the least recently used open files. Those that a process still reads stay readable to it."""
    found = os.statvfs(folder())
    if size_bytes > min(settings.COPIES_OPEN_BYTES, found.f_blocks * found.f_frsize):
        raise NoRoom(NO_OPEN_ROOM)
    files = sorted(_opened(), key=lambda file: file[0])
    total_bytes = sum(size for _, size, _ in files)
    for _, size, path in files:
        fits = total_bytes + size_bytes <= settings.COPIES_OPEN_BYTES
        if fits and private_folder.free_bytes() >= size_bytes:
            break
        if path.suffix != ".tmp":
            path.unlink(missing_ok=True)
            total_bytes -= size
    # A reservation that can't succeed would fill the disk until it fails, and fail the writes of everybody else.
    if private_folder.free_bytes() < size_bytes:
        raise NoRoom(NO_OPEN_ROOM)


def _opened() -> Iterator[tuple[float, int, Path]]:
    """Last use, size and path of the open files, and of what is being written."""
    for path in folder().iterdir():
        if path.suffix in (".open", ".side", ".tmp"):
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                yield found.st_mtime, found.st_size, path


def _rows_of(copy: StoredFile) -> QuerySet[Any]:
    return type(copy).objects.filter(pk=copy.pk)


def _make_room(copy: StoredFile, size_bytes: int) -> None:
    """Deletes files until another one fits: comparisons, previous versions, then what was read least recently."""
    if size_bytes > settings.COPIES_BYTES:
        raise NoRoom("The table is larger than the space for copies (COPIES_MB).")
    while _stored_bytes(copy) + size_bytes > settings.COPIES_BYTES:
        victim = Comparison.objects.ready().exclude(pk=copy.pk).last() or _least_needed(copy)
        if victim is None:
            return
        # Only while it is ready: another worker may be making room too.
        _rows_of(victim).ready().order_by().delete()


def _stored_bytes(copy: StoredFile) -> int:
    """The sum of all files but this one."""
    sums = (rows.exclude(pk=copy.pk).aggregate(bytes=Sum("stored_bytes")) for rows in every_file())
    return sum(found["bytes"] or 0 for found in sums)


def _least_needed(copy: StoredFile) -> TableCopy | None:
    newer = TableCopy.objects.ready().filter(source=OuterRef("source"), finished_at__gt=OuterRef("finished_at"))
    used_at = Coalesce("last_read_at", "finished_at", "created_at")
    victims = TableCopy.objects.ready().exclude(pk=copy.pk).annotate(is_previous=Exists(newer), used_at=used_at)
    return victims.order_by("-is_previous", "used_at").first()


def _save(name: str, content: File) -> None:
    """Raises OSError also for the errors of an S3 client."""
    try:
        _storage().save(name, content)
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"The storage of copies failed ({type(error).__name__}).") from error


def _remove_stored(name: str) -> None:
    try:
        _storage().delete(name)
    except Exception as error:  # `tidy` removes it later
        logger.warning("Stored copy %s is left: %s", name, error)


def _storage() -> Storage:
    return storages["copies"]


def _token() -> str:
    return uuid.uuid4().hex[:8]
