"""The private folder of open files and staging files, which are not encrypted (docs/copies.md)."""

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

MEMORY = Path("/dev/shm")  # noqa: S108 - what is made in it is private, and checked
_LOCKS = 16


class Unsafe(OSError):
    """The folder cannot be private: another user owns it or can replace it."""


def path() -> Path:
    """The folder, made where it is missing: mode 0700, one for each installation. Raises Unsafe, OSError.

    /dev/shm is open to every user of the machine, so that owner and mode are checked each time.
    """
    base = _base()
    own = base / f"claro-dashboard-{_installation()}"
    try:
        found = own.lstat()
    except FileNotFoundError:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        own.mkdir(mode=0o700, exist_ok=True)
        found = own.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unsafe(f"{own} is not a folder of this user. Remove it, or set COPIES_OPEN_DIR.")
    above = base.stat().st_mode
    if above & (stat.S_IWOTH | stat.S_IWGRP) and not above & stat.S_ISVTX:
        raise Unsafe(f"Other users can replace folders in {base}. Set COPIES_OPEN_DIR to a folder of this user.")
    if stat.S_IMODE(found.st_mode) != 0o700:
        own.chmod(0o700)
    return own


def is_in_memory() -> bool:
    """Whether the folder is where Linux keeps files in memory."""
    return _base().is_relative_to(MEMORY)


def lock_of(copy_id: object) -> str:
    """The lock of a copy; a few serve all of them, so that none has to be removed."""
    return f"copy{hashlib.sha256(str(copy_id).encode()).digest()[0] % _LOCKS}"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds the lock of this name among all processes and threads of the machine."""
    with (path() / f"{name}.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the file
        yield


def free_bytes() -> int:
    found = os.statvfs(path())
    return found.f_bavail * found.f_frsize


def _base() -> Path:
    if settings.COPIES_OPEN_DIR:
        return Path(settings.COPIES_OPEN_DIR).absolute()
    return MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK | os.X_OK) else settings.VAR_DIR.absolute() / "open"


def _installation() -> str:
    """Differs between installations on a machine, and can't be guessed by its other users."""
    return hashlib.sha256(f"{settings.VAR_DIR.absolute()}\n{settings.SECRET_KEY}".encode()).hexdigest()[:20]
