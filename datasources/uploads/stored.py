"""Where files wait for Claro: as ciphertext in the storage of copies, below `uploads/`, each under its own data key."""

import base64
import logging
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO

from django.core.files import File
from django.core.files.storage import Storage, storages
from django.utils import timezone

from core import vault
from datasources.copies import cipher
from datasources.models import Upload

FOLDER = "uploads"
# A younger file may be one that a process has stored, and whose row it is about to write.
WRITTEN_WITHIN = timedelta(hours=1)

logger = logging.getLogger(__name__)


class FileLost(Exception):
    """The stored file is gone or does not open."""


class StorageAway(Exception):
    """The storage does not answer, refuses, or is full."""


def keep(upload: Upload, sealed: BinaryIO, key: bytes) -> None:
    """Stores a ciphertext, and seals its key in the row, which the caller saves. Raises StorageAway."""
    sealed.seek(0)
    try:
        upload.file_name = _storage().save(f"{FOLDER}/{upload.pk}.{uuid.uuid4().hex[:8]}", File(sealed))
    except Exception as error:  # a storage has errors of its own
        raise StorageAway(f"{upload} can't be stored: {error}") from error
    upload.seal(base64.b64encode(key).decode())


def pieces(upload: Upload) -> Iterator[bytes]:
    """The file in clear, at most 1 MB at once. Raises FileLost, StorageAway."""
    try:
        key = base64.b64decode(upload.unseal())
        with _storage().open(upload.file_name) as sealed:
            yield from cipher.decrypted(sealed, key, str(upload.pk))
    except (vault.SecretUnreadable, cipher.Tampered, FileNotFoundError, ValueError) as error:
        raise FileLost(f"{upload} can't be read: {error}") from error
    except Exception as error:  # a storage has errors of its own
        raise StorageAway(f"{upload} can't be read now: {error}") from error


def remove(file_name: str) -> None:
    """Removes a stored file; `tidy` removes it later if that fails."""
    if not file_name:
        return
    try:
        _storage().delete(file_name)
    except Exception as error:  # a storage has errors of its own
        logger.warning("Stored upload %s is left: %s", file_name, error)


def tidy() -> None:
    """Removes stored files without a row, as a process leaves them that was killed between the two."""
    storage = _storage()
    try:
        names = {f"{FOLDER}/{name}" for name in storage.listdir(FOLDER)[1]}
    except FileNotFoundError:
        return
    needed = set(Upload.objects.exclude(file_name="").values_list("file_name", flat=True))
    for name in names - needed:
        if storage.get_modified_time(name) < timezone.now() - WRITTEN_WITHIN:
            remove(name)


def _storage() -> Storage:
    return storages["copies"]
