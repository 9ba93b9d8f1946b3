"""Does a comparison in a worker: at most SECONDS, with its progress in the row, and stopped when a user asks for it."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
from django.db import connections
from django.utils import timezone

from core.leases import Held, LeaseLost
from datasources.claro import ClaroError
from datasources.copies import opened, profile, store
from datasources.copies.compare import jobs, match, summary
from datasources.copies.compare.match import CannotCompare, Match, Side
from datasources.copies.compare.summary import Compared, Summary
from datasources.copies.opened import Reader
from datasources.copies.profile import ColumnProfile
from datasources.gateway import retry
from datasources.models import Comparison

# The limit of a comparison; a page has 2 s.
SECONDS = 30.0
# While copies are opened first.
OPEN_S = 60.0
LOOKED_EVERY_S = 1.0

State = Comparison.State
logger = logging.getLogger(__name__)


class Failed(ClaroError):
    words = "The comparison failed."


def run(comparison_id: str, lease: str) -> str:
    """Makes a comparison that is due; returns what became of it. Raises LeaseLost."""
    return retry.work(Comparison, _give_up)(_compare)(comparison_id, lease)


def _give_up(held: Held, error: ClaroError) -> None:
    held.finish(None, state=State.FAILED, problem=error.to_dict(), finished_at=timezone.now())


def _compare(held: Held) -> str:
    comparison: Comparison = held.work
    target = store.folder() / f"{comparison.pk}.new"
    watch = _Watch(held)
    try:
        with opened.reader(comparison.before, seconds=OPEN_S) as a, opened.reader(comparison.now, seconds=OPEN_S) as b:
            sides = [Side(reader.path, reader.columns) for reader in (a, b)]
            profiles = [_profiles(reader) for reader in (a, b)]
            rows = (a.rows, b.rows)
            found = _matched(sides, comparison.on, target, watch)
        result = _summary(found, rows, profiles, comparison.on, sides)
        store.keep(comparison, target)
        held.finish(
            None,
            state=State.READY,
            rows=found.shown,
            progress=1.0,
            summary=result.to_dict(),
            finished_at=timezone.now(),
            problem=None,
        )
    except (CannotCompare, store.CopyLost) as error:
        return _fail(held, str(error))
    except opened.Busy:
        return _fail(held, "The copies could not be opened in time. Compare again.")
    except duckdb.InterruptException:
        if watch.is_stopped:
            raise LeaseLost from None
        return _fail(held, f"The comparison took longer than {SECONDS:.0f} s. Choose a key that is unique.")
    except duckdb.OutOfMemoryException:
        return _fail(held, "The comparison takes too much memory. Choose a key that is unique.")
    finally:
        for path in (target, target.with_name(f"{target.name}.wal")):
            path.unlink(missing_ok=True)
        jobs.publish(comparison)
    return "done"


def _fail(held: Held, words: str) -> str:
    _give_up(held, Failed(words, user_message=words))
    return "failed"


def _matched(sides: list[Side], on: list[str], target: Path, watch: "_Watch") -> match.Found:
    target.unlink(missing_ok=True)
    work = Match(*sides, on, target)
    try:
        with watch.over(work.connection):
            return work.write(watch.note)
    finally:
        work.close()


class _Watch:
    """Keeps the lease and notes the progress beside the query, and interrupts it when its time is over."""

    def __init__(self, held: Held):
        self._held = held
        self._progress = 0.0
        self.is_stopped = False

    def note(self, progress: float) -> None:
        self._progress = progress

    @contextlib.contextmanager
    def over(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._look, args=(connection, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _look(self, connection: duckdb.DuckDBPyConnection, ended: threading.Event) -> None:
        ends_at = time.monotonic() + SECONDS
        try:
            while not ended.wait(LOOKED_EVERY_S):
                if time.monotonic() > ends_at:
                    connection.interrupt()
                    continue
                try:
                    self._held.renew(progress=self._progress)
                    jobs.publish(self._held.work)
                except LeaseLost:  # stopped, or deleted with its copies
                    self.is_stopped = True
                    connection.interrupt()
        finally:
            connections.close_all()


def _profiles(reader: Reader) -> dict[int, ColumnProfile]:
    return {one.column.place: one for one in profile.of(reader)}


def _summary(
    found: match.Found,
    rows: tuple[int, int],
    profiles: list[dict[int, ColumnProfile]],
    on: list[str],
    sides: list[Side],
) -> Summary:
    columns = []
    for pair, changed in zip(found.pairs, found.cells, strict=True):
        both = profiles[0].get(pair.before.place), profiles[1].get(pair.now.place)
        drift = summary.drift(*both) if both[0] and both[1] else []
        kinds = (pair.before.kind.value, pair.now.kind.value)
        columns.append(Compared(pair.name, changed, pair.name in on, kinds, tuple(drift)))
    paired = [{pair.before for pair in found.pairs}, {pair.now for pair in found.pairs}]
    alone = [
        tuple(column.name for column in side.columns if column not in common)
        for side, common in zip(sides, paired, strict=True)
    ]
    return Summary(
        rows,
        found.added,
        found.removed,
        found.changed,
        found.unchanged,
        found.duplicates,
        tuple(columns),
        columns_added=alone[1],
        columns_removed=alone[0],
        shown=found.shown,
    )
