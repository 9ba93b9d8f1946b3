"""Reads a table block by block into a staging file, and makes the copy of it when all rows are there.

The work is leased and done in short runs. A run takes as many blocks as the budget gives, and returns the work after
RUN_S at the latest. Each block is kept before the next one is read, so a killed process costs one call at most.
"""

import contextlib
import functools
import math
import platform
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import duckdb
from django.conf import settings
from django.utils import timezone

from core import leases
from core.leases import Held, LeaseLost
from core.slots import Slots
from datasources import access, gateway
from datasources.claro import ClaroError, DatasourceNotFound, NotNow, ProcessingInProgress, RateLimited, TooLarge
from datasources.copies import jobs, profile, search, staging, store, typed, versions
from datasources.copies.staging import Staging
from datasources.gateway import retry
from datasources.gateway.breaker import is_failure
from datasources.gateway.budget import Lane
from datasources.models import Source, TableCopy

# A run holds a thread for so long. Others are waiting for it.
RUN_S = 8.0
# Tables that a process reads or writes at once, of its 16 threads: each takes memory.
AT_ONCE = 4
# Calls are let go bit by bit: a run for each of them would cost more time than the calls.
PAUSE = timedelta(seconds=4)
# A run begins so much before its first call is allowed, and waits for it: due work is looked for every two seconds.
AHEAD = timedelta(seconds=2.5)
STAND_ASIDE = timedelta(seconds=2)
# While Claro processes the source again.
PROCESSING_PAUSE = timedelta(seconds=30)
# Another machine has the staging file; without progress for so long it is lost.
MOVED_AFTER = timedelta(minutes=1)
# Answers of the API that can't be used, until a person decides.
TRIES = 3
PUBLISH_EVERY_S = 2.0
# A server that repeats itself would be read for ever. Claro's largest tables have a million rows.
ROWS_MAX = 10_000_000

State = TableCopy.State


@dataclass(frozen=True)
class Block:
    """Rows as Claro returned them; `total` is None if it did not say, `is_last` that no row follows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    total: int | None
    is_last: bool


class Cache(Protocol):
    """The row cache as a copy uses it (rows/for_copies.py, which lies above this package)."""

    def read(self, source: Source, number: int, size: int) -> Block | None:
        """A whole cached block of the source's version."""

    def size(self, source: Source) -> int:
        """Rows to request at once."""

    def note_too_large(self, source: Source, size: int) -> None: ...

    def note_read(self, source: Source, size: int, block: Block) -> None: ...


class CopyFailed(ClaroError):
    words = "The copy failed."


class StartedAnew(ClaroError):
    """Why a copy began again; not an error that ends it."""


class TableChanged(StartedAnew):
    words = "The table changed while it was copied. The copy started again."


_slots = Slots()


def run(copy_id: str, lease: str, cache: Cache) -> str:
    """Advances a copy that is due; returns what became of it. Raises LeaseLost."""
    work = retry.work(TableCopy, _give_up)(functools.partial(_advance, cache=cache))
    try:
        return work(copy_id, lease)
    except LeaseLost:
        if not TableCopy.objects.filter(pk=copy_id).exists():  # dropped: its files may have been written since
            store.remove_files(uuid.UUID(copy_id), "")
        raise


def _give_up(held: Held, error: ClaroError) -> None:
    _fail(held, error)


def _advance(held: Held, cache: Cache) -> str:
    limits = {"copies": AT_ONCE}
    if not _slots.take(limits):
        held.finish(timezone.now() + STAND_ASIDE)
        return "crowded"
    try:
        return _Run(held, cache).advance()
    except _Ended as ended:
        return ended.word
    except staging.InUse:  # a worker that lost the lease, or was replaced, is still writing
        held.finish(timezone.now() + STAND_ASIDE)
        return "in use"
    except ClaroError as error:
        return _put_off(held, error)
    except (duckdb.Error, OSError) as error:
        return _put_off(held, CopyFailed(str(error), user_message=f"The copy can't be written. {_reason(error)}"))
    except store.NoRoom as error:
        return _fail(held, CopyFailed(user_message=str(error)))
    finally:
        _slots.give_back(limits)
        _publish(held.work)


class _Ended(Exception):
    """The run is over, and the work was returned."""

    def __init__(self, word: str):
        super().__init__(word)
        self.word = word


class _Run:
    """One run over a copy."""

    def __init__(self, held: Held, cache: Cache):
        self._held, self._cache = held, cache
        self._ends_at = time.monotonic() + RUN_S
        self._published_at = time.monotonic()
        self._has_begun = False
        self._path = _staging_path(held.work)

    def advance(self) -> str:
        self._check()
        self._check_machine()
        with self._opened() as file:
            while not self._is_read(file):
                if time.monotonic() > self._ends_at:
                    self._held.finish(timezone.now())
                    return "goes on"
                self._check()
                self._add(file, self._next_block(file.rows))
        self._finish()
        return "done"

    @property
    def _copy(self) -> TableCopy:
        return self._held.work

    def _is_read(self, file: Staging) -> bool:
        total = self._copy.rows_total
        return file.blocks > 0 and total is not None and file.rows >= total

    def _check(self) -> None:
        """Learns how the copy, its source and its key are now. Raises _Ended, LeaseLost."""
        copy = TableCopy.objects.select_related("source__key").filter(pk=self._copy.pk).first()
        if copy is None:
            raise LeaseLost
        self._held.work = copy
        source = copy.source
        if not copy.is_under_way:
            self._held.finish(None)
            raise _Ended("stopped")
        if not source.key.keeps_copies:
            _fail(self._held, CopyFailed(user_message="The owner of this key has switched whole-table copies off."))
            raise _Ended("switched off")
        if source.gone_at:
            raise DatasourceNotFound
        if source.has_failed:
            raise _Ended(_fail(self._held, CopyFailed(user_message="Processing failed, so there are no rows to copy.")))
        if source.is_processing:
            raise ProcessingInProgress
        if source.processed_at != copy.version:
            again = StartedAnew(user_message="The file was processed again. The copy started again.")
            self._start_anew(again, version=source.processed_at)

    def _check_machine(self) -> None:
        """Starts again where the rows that were read are not on this machine. Raises _Ended."""
        copy, now = self._copy, timezone.now()
        if not copy.rows_read:
            self._held.renew(machine=_machine())
            return
        if copy.machine != _machine():
            if now < max(filter(None, (copy.progressed_at, copy.due_at))) + MOVED_AFTER:
                self._held.finish(copy.due_at)  # due as before: its own machine takes it within seconds
                raise _Ended("elsewhere")
            moved = "The copy started again on another machine: the first one no longer answers."
            self._start_anew(StartedAnew(user_message=moved), is_over=False)
        elif not self._path.exists():
            lost = "The rows copied so far were lost, as after a restart of the machine. The copy started again."
            self._start_anew(StartedAnew(user_message=lost), is_over=False)

    def _start_anew(self, why: StartedAnew, *, is_over: bool = True, **changes: object) -> None:
        """Forgets what was read. Raises _Ended unless the run can continue with an empty file."""
        had_rows = self._copy.rows_read > 0
        remove_staging(self._copy)  # before the row says so: a file never has rows of another version
        self._held.renew(
            rows_read=0,
            rows_total=None,
            rows_before=0,
            began_at=timezone.now(),
            machine=_machine(),
            problem=why.to_dict() if had_rows else self._copy.problem,
            **changes,
        )
        if is_over:
            self._held.finish(timezone.now())
            raise _Ended("starts anew")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Staging]:
        """The staging file; one that can't be read is replaced by an empty one."""
        try:
            file = Staging.open(self._path)
        except duckdb.Error:
            unreadable = "The rows copied so far could not be read. The copy started again."
            self._start_anew(StartedAnew(user_message=unreadable), is_over=False)
            file = Staging.open(self._path)
        with file:
            yield file

    def _next_block(self, first: int) -> Block:
        """The block after `first` rows. The first one of a run is worth a short wait. Raises RateLimited."""
        has_begun, self._has_begun = self._has_begun, True
        try:
            return self._block(first)
        except RateLimited as error:
            wait = error.retry_at - timezone.now()
            if has_begun or wait > AHEAD:
                raise
        time.sleep(max(wait.total_seconds(), 0))
        return self._block(first)

    def _block(self, first: int) -> Block:
        """The block that begins after `first` rows: from the row cache, else by one call."""
        source = self._copy.source
        size = math.gcd(self._cache.size(source), first)  # a page begins at a multiple of its size
        if size == settings.CLARO_ROWS_BLOCK and (found := self._cache.read(source, first // size, size)):
            return found
        try:
            with gateway.client(source.key, Lane.SPARE if self._copy.is_automatic else Lane.TABLE) as claro:
                got = claro.get_rows(source.datasource_id, page=first // size + 1, limit=size)
        except TooLarge:
            self._cache.note_too_large(source, size)
            if self._cache.size(source) >= size:
                raise
            self._held.renew()
            return self._block(first)
        columns = [column.name for column in got.columns]
        is_last = not got.pagination.has_next or len(got.rows) < got.pagination.limit
        block = Block(columns, got.rows, got.pagination.total, is_last)
        self._cache.note_read(source, size, block)
        return block

    def _add(self, file: Staging, block: Block) -> None:
        """Keeps a block and notes the progress. Raises _Ended where an automatic copy ends."""
        copy = self._copy
        if None not in (copy.rows_total, block.total) and copy.rows_total != block.total:
            if (copy.problem or {}).get("kind") == TableChanged.__name__:
                unstable = "The number of rows keeps changing, so the table can't be copied."
                raise _Ended(_fail(self._held, CopyFailed(user_message=unstable)))
            self._start_anew(TableChanged())
        file.append(block.columns, block.rows, file.blocks)
        total = copy.rows_total if block.total is None else block.total
        is_read = block.is_last or (total is not None and file.rows >= total)
        if is_read and total not in (None, file.rows):
            short = f"Claro returned {file.rows:,} of {total:,} rows. An incomplete copy is not used."
            raise _Ended(_fail(self._held, CopyFailed(user_message=short)))
        is_told = copy.problem and isinstance(ClaroError.from_dict(copy.problem), StartedAnew)
        self._held.renew(
            rows_read=file.rows,
            rows_total=file.rows if is_read else total,
            progressed_at=timezone.now(),
            attempts=0,
            problem=copy.problem if is_told else None,
        )
        limit = settings.COPY_ROWS_AUTO
        if not is_read and copy.is_automatic and (file.rows >= limit if total is None else total > limit):
            self._held.finish(None, state=State.STOPPED)
            raise _Ended("stopped")
        if not is_read and file.rows >= ROWS_MAX:
            raise _Ended(_fail(self._held, CopyFailed(user_message=f"The table has more than {ROWS_MAX:,} rows.")))
        if time.monotonic() - self._published_at > PUBLISH_EVERY_S:
            self._published_at = time.monotonic()
            _publish(copy)

    def _finish(self) -> None:
        """Makes the copy of the staged rows. Other workers may take the work over at any point of it."""
        copy, target = self._copy, self._path.with_suffix(".new")
        with leases.renewing(self._held):
            columns = typed.write(self._path, target)
            if search.fits(columns, copy.rows_read):
                search.fold(target)
            profile.write(target)
            store.keep(copy, target)
        self._held.finish(
            None, state=State.READY, rows=copy.rows_read, finished_at=timezone.now(), problem=None, attempts=0
        )
        copy.source.note_rows(copy.rows_read)
        remove_staging(copy)
        versions.tidy(copy.source)


def remove_staging(copy: TableCopy) -> None:
    """Removes this machine's staging file and what was made of it."""
    path = _staging_path(copy)
    for file in (path, path.with_suffix(".new")):
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}.wal").unlink(missing_ok=True)


def _put_off(held: Held, error: ClaroError) -> str:
    """Returns the work after an error: due again, stopped until a person resumes it, or failed."""
    now = timezone.now()
    if isinstance(error, DatasourceNotFound):
        return _fail(held, error)
    if isinstance(error, RateLimited):
        held.finish(max(error.retry_at - AHEAD, now + PAUSE))
        return "waits"
    if isinstance(error, ProcessingInProgress):
        held.finish(now + PROCESSING_PAUSE)
        return "waits"
    waits = isinstance(error, NotNow) or is_failure(error)
    needs_person = getattr(error, "waits_for_the_key", False) or getattr(error, "needs_a_person", False)
    if waits or needs_person or held.work.attempts + 1 < TRIES:
        retry.put_back(held, error, problem=error.to_dict())
        return "put back"
    held.finish(None, state=State.STOPPED, problem=error.to_dict(), attempts=0)
    return "stopped"


def _fail(held: Held, error: ClaroError) -> str:
    """Ends the copy; nothing of it is kept."""
    with contextlib.suppress(OSError):
        remove_staging(held.work)
    held.finish(None, state=State.FAILED, problem=error.to_dict(), rows_read=0, attempts=0, rows_before=0)
    return "failed"


def _reason(error: Exception) -> str:
    """The cause, where a user can remove it."""
    is_full = "No space left" in str(error) or isinstance(error, duckdb.OutOfMemoryException)
    return "There is no room for it." if is_full else "The log has the details."


def _staging_path(copy: TableCopy) -> Path:
    return store.folder() / f"{copy.pk}.part"


def _machine() -> str:
    return platform.node()[:64]


def _publish(copy: TableCopy) -> None:
    access.publish(copy.source.key, jobs.event_name(copy.source))
