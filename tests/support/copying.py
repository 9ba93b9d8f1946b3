"""Reading a table into a copy, done by a test in place of a worker."""

from django.utils import timezone

from core.redis import connection
from datasources.copies import build, store
from datasources.copies.staging import Staging
from datasources.models import TableCopy
from datasources.rows import for_copies
from tests.conftest import taken
from tests.support.copies import contents


def advanced(copy: TableCopy) -> str:
    """One run in the last part of a window, done here instead of by a worker."""
    in_the_last_part_of_a_window(copy)
    outcome = build.run(str(copy.pk), taken(copy), for_copies)
    copy.refresh_from_db()
    return outcome


def in_the_last_part_of_a_window(copy: TableCopy) -> None:
    """Calls that nobody needs may go to copies now."""
    connection().hset(f"claro:budget:{{{copy.source.key.fingerprint}}}", "length_ms", 10**9)


def advanced_by(copy: TableCopy, count: int, monkeypatch) -> None:
    """A run that is over after so many blocks."""
    with monkeypatch.context() as patched:
        patched.setattr(build._Run, "_is_read", _until(count))
        advanced(copy)
    assert copy.rows_read == count * 100


def _until(count: int):
    def is_read(run: build._Run, file: Staging) -> bool:
        if file.blocks >= count:
            run._held.finish(timezone.now())
            raise build._Ended("goes on")
        return False

    return is_read


def rows_of(copy: TableCopy) -> list[list[object]]:
    return contents(store.fetch(copy))[1]


def files(copy: TableCopy) -> list[str]:
    """Those that belong to the reading of the copy."""
    return sorted(path.name for path in store.folder().glob(f"{copy.pk}.*") if path.suffix != ".open")
