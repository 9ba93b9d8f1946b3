"""Files that only their owner may read."""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def by_default() -> None:
    """Makes new files of this process and its children readable by their owner only."""
    os.umask(FOR_OTHERS)


def repair(folder: Path, names: Iterable[str]) -> None:
    """Takes from others what an earlier version let them read: the folder, and what these patterns find in it.

    A folder that many share (sticky, as /tmp) stays as it is; what belongs to another user can't be changed.
    """
    if folder.is_dir() and not folder.stat().st_mode & stat.S_ISVTX:
        _close(folder)
    for name in names:
        for found in folder.glob(name):
            _close(found)
            for path in found.rglob("*"):
                _close(path)


def _close(path: Path) -> None:
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & FOR_OTHERS and not path.is_symlink():
            path.chmod(mode & ~FOR_OTHERS)
