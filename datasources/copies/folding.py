"""The search text of a copy that was too large to get it when it was made. A worker adds it at the first search."""

import shutil

import duckdb
from django.core.cache import cache

from core.leases import LeaseLost
from datasources.copies import opened, search, store
from datasources.models import TableCopy

# A copy of 1,000,000 rows takes 10 s. A worker that fails or ends midway is replaced after this.
CLAIMED_S = 120


class CannotFold(Exception):
    """The search text can't be made now; the message is a sentence for users."""


def claim(copy: TableCopy) -> bool:
    """Whether the caller shall hand the copy to a worker: the first one for a while."""
    return bool(cache.add(_name(copy), 1, CLAIMED_S))


def failure(copy: TableCopy) -> CannotFold | None:
    """Why the last try failed, until the next one."""
    words = cache.get(f"{_name(copy)}:failed")
    return CannotFold(words) if words else None


def fold(copy_id: str) -> str:
    """Adds the search text to the copy and stores it; returns what became of it."""
    copy = TableCopy.objects.ready().filter(pk=copy_id).first()
    if copy is None:
        return "gone"
    new = store.folder() / f"{copy.file_name}.folded.tmp"
    try:
        with opened.reader(copy, seconds=CLAIMED_S) as reader:
            if reader.meta("folded"):
                return "was there"
        shutil.copyfile(store.fetch(copy), new)
        search.fold(new)
        store.keep(copy, new)
    except LeaseLost:
        return "gone"
    except (store.CopyLost, opened.Busy, opened.TooSlow, duckdb.Error, OSError) as error:
        cache.set(f"{_name(copy)}:failed", _words(error), CLAIMED_S)
        return f"failed: {type(error).__name__}"
    finally:
        new.unlink(missing_ok=True)
    return "folded"


def _words(error: Exception) -> str:
    is_full = isinstance(error, store.NoRoom | duckdb.OutOfMemoryException) or "No space left" in str(error)
    return "There is no room for its text." if is_full else "The log of the worker has the details."


def _name(copy: TableCopy) -> str:
    return f"copy:folding:{copy.pk}"
