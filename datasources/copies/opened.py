"""Questions to copies by SQL: one DuckDB instance in this process, with each copy in use attached read-only.

One instance for all files takes a fraction of the memory and threads of an instance for each. A reader has a cursor of
its own, because a connection that threads share gives wrong answers.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from django.db import connections
from django.db.models import Q
from django.utils import timezone

from core import database
from core.slots import Slots
from datasources.copies import answers, duck, schema, store
from datasources.copies.schema import Column, Kind
from datasources.copies.store import CopyLost, NoRoom
from datasources.models.copies import StoredFile

T = TypeVar("T")

logger = logging.getLogger(__name__)

SECONDS = 2.0
# Readers of one user at once in this process. Others wait for their turn.
AT_ONCE = 4
MEMORY = "256MB"
THREADS = 2
# An attached file holds memory and a descriptor.
ATTACHED_AT_MOST = 32
READ_NOTED_EVERY = timedelta(minutes=1)
_INTERRUPTED_EVERY_S = 0.05


class Busy(Exception):
    """Retry: the user's other queries did not end in time, the copy is still being opened, or DuckDB broke off."""


class TooSlow(Exception):
    """The query was stopped: it took longer than its time, or more memory than a process has for all of them."""


class Unopened(CopyLost):
    """DuckDB cannot read the file: it is damaged, or of another version."""


@contextmanager
def reader(copy: StoredFile, person: object = "", seconds: float = SECONDS) -> Iterator["Reader"]:
    """A reader of the copy, for so many seconds in all (`inf` for no limit). Raises CopyLost, Busy, TooSlow.

    A `person` has AT_ONCE of them at once; without a person there is no limit.
    """
    deadline = time.monotonic() + seconds
    with _turn(person, deadline), _held(copy, deadline) as file:
        _note_read(copy)
        with ExitStack() as ends:
            yield Reader(file, ends, deadline, copy)


@contextmanager
def open_file(path: Path, seconds: float = SECONDS) -> Iterator["Reader"]:
    """A reader of a plain file, for build steps and tests. Raises CopyLost, TooSlow."""
    deadline = time.monotonic() + seconds
    with Instance(path.parent) as instance, instance.holds(path) as file, ExitStack() as ends:
        yield Reader(file, ends, deadline)


class Reader:
    """Answers SQL about one copy, whose tables are `rows`, `columns`, `profile`, `folded` and `meta` (schema.py).

    For one thread at a time. Its queries raise TooSlow and CopyLost.
    """

    def __init__(self, file: "_File", ends: ExitStack, deadline: float, copy: StoredFile | None = None):
        # None: of a plain file.
        self.copy = copy
        self.path = file.path
        self.columns, self.rows = file.columns, file.rows
        self._file, self._ends, self._deadline = file, ends, deadline
        # Made for the first query: what is kept of the file needs none.
        self._cursor: duckdb.DuckDBPyConnection | None = None

    def run(self, sql: str, parameters: Sequence = ()) -> list[tuple]:
        with self._file.errors():
            return self._execute(sql, parameters).fetchall()

    def stream(self, sql: str, parameters: Sequence = (), size: int = 2000) -> Iterator[list[tuple]]:
        """The rows in pieces of `size`. The reader answers nothing else until the last piece."""
        with self._file.errors():
            result = self._execute(sql, parameters)
            while piece := result.fetchmany(size):
                yield piece

    def meta(self, name: str) -> str | None:
        return self._file.meta.get(name)

    def once(self, find: Callable[["Reader"], T]) -> T:
        """The value of `find` for this file, computed once while the file is attached: a file never changes."""
        if find not in self._file.found:
            self._file.found[find] = find(self)
        return self._file.found[find]

    def lately(self, asked: Hashable, find: Callable[[], T], is_small: Callable[[T], bool] = bool) -> T:
        """The value of `find`, which follows from what was `asked` alone; of a stored copy it is kept, if small."""
        return find() if self.copy is None else answers.kept(self.path, asked, find, is_small)

    def _execute(self, sql: str, parameters: Sequence) -> duckdb.DuckDBPyConnection:
        # An interrupt between two queries would be forgotten.
        if time.monotonic() > self._deadline:
            raise TooSlow
        if self._cursor is None:
            self._cursor = self._ends.enter_context(self._file.cursor(self._deadline))
        return self._cursor.execute(sql, list(parameters))


@dataclass(eq=False)
class _File:
    """An attached file. Its columns, rows and facts are read once."""

    instance: "Instance"
    path: Path
    alias: str
    users: int = 0
    columns: tuple[Column, ...] = ()
    rows: int = 0
    meta: dict[str, str | None] = field(default_factory=dict)
    found: dict[Callable, Any] = field(default_factory=dict)

    @contextmanager
    def cursor(self, deadline: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor that is interrupted at the deadline."""
        with self.errors(), self.instance.connection.cursor() as cursor:
            cursor.execute(f"USE {self.alias}")
            with _watch.interrupts(cursor, deadline):
                yield cursor

    @contextmanager
    def errors(self) -> Iterator[None]:
        """DuckDB's errors as this module's. Raises TooSlow, Busy, Unopened."""
        try:
            yield
        except (duckdb.InterruptException, duckdb.OutOfMemoryException) as error:
            raise TooSlow(str(error)) from error
        except (duckdb.FatalException, duckdb.InternalException) as error:
            self.instance.is_broken = True  # it answers nothing more
            if self.path in _suspects:
                raise Unopened(str(error)) from error
            # Another file of the instance may be the cause, or the query.
            _suspects.add(self.path)
            logger.error("DuckDB broke off at %s: %s", self.path.name, error)
            raise Busy from error
        except (duckdb.IOException, duckdb.SerializationException) as error:
            raise Unopened(str(error)) from error

    def read_facts(self) -> None:
        with self.instance.connection.cursor() as cursor:
            cursor.execute(f"USE {self.alias}")
            self.meta = dict(cursor.execute("SELECT name, value FROM meta").fetchall())
            if self.meta.get("format") != str(schema.FORMAT):
                raise Unopened(f"It has format {self.meta.get('format')}, not {schema.FORMAT}.")
            found = cursor.execute("SELECT place, name, kind FROM columns ORDER BY place").fetchall()
            self.columns = tuple(Column(place, name, Kind(kind)) for place, name, kind in found)
            [(self.rows,)] = cursor.execute("SELECT count(*) FROM rows").fetchall()


class Instance:
    """An in-memory database that can read files of `folder`, and reach nothing else."""

    def __init__(self, folder: Path, memory: str = MEMORY, threads: int = THREADS):
        self.folder = folder
        self.is_broken = False
        self.connection = duck.connect(memory)
        self._files: OrderedDict[Path, _File] = OrderedDict()
        self._lock = threading.Lock()
        self._named = 0
        # In this order (docs/copies.md): the last one ends all changes.
        self.connection.execute(f"SET threads={threads:d}")
        self.connection.execute("SET allowed_directories=[?]", [f"{folder}/"])
        self.connection.execute("SET enable_external_access=false")
        self.connection.execute("SET lock_configuration=true")

    def __enter__(self) -> "Instance":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @contextmanager
    def holds(self, path: Path) -> Iterator[_File]:
        """The attached file, which stays attached for the block. Raises FileNotFoundError, Unopened."""
        with self._lock:
            file = self._files.get(path) or self._attach(path)
            self._files.move_to_end(path)
            file.users += 1
            self._detach(list(self._files.values())[:-ATTACHED_AT_MOST])
        try:
            yield file
        finally:
            with self._lock:
                file.users -= 1

    def detach_removed(self) -> None:
        """Gives back the memory of files that were removed, by this process or another one."""
        with self._lock:
            self._detach([file for file in self._files.values() if not file.path.exists()])

    def _attach(self, path: Path) -> _File:
        path.open("rb").close()  # raises what is no fault of the file
        file = _File(self, path, f"file{self._named}")
        self._named += 1
        try:
            self.connection.execute(f"ATTACH {duck.quoted(path)} AS {file.alias} (READ_ONLY)")
            file.read_facts()
        except (duckdb.Error, ValueError, Unopened) as error:
            self.is_broken |= isinstance(error, duckdb.FatalException | duckdb.InternalException)
            with suppress(duckdb.Error):
                self.connection.execute(f"DETACH DATABASE IF EXISTS {file.alias}")
            raise Unopened(str(error)) from error
        self._files[path] = file
        return file

    def _detach(self, files: list[_File]) -> None:
        for file in files:
            if not file.users:
                del self._files[file.path]
                with suppress(duckdb.Error):
                    self.connection.execute(f"DETACH {file.alias}")


class _Watch:
    """One thread that interrupts the cursors whose time is over, again and again until they are given back."""

    def __init__(self) -> None:
        self._cursors: dict[object, tuple[float, duckdb.DuckDBPyConnection]] = {}
        self._changed = threading.Condition()
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None

    @contextmanager
    def interrupts(self, cursor: duckdb.DuckDBPyConnection, deadline: float) -> Iterator[None]:
        token = object()
        with self._changed:
            self._cursors[token] = deadline, cursor
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="copies-watch", daemon=True)
                self._thread.start()
            elif deadline < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:  # never interrupted after this
                del self._cursors[token]

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for deadline, cursor in self._cursors.values():
                    if deadline <= now:
                        cursor.interrupt()
                ends = [deadline for deadline, _ in self._cursors.values()]
                pause = max(min(ends) - now, _INTERRUPTED_EVERY_S) if ends else threading.TIMEOUT_MAX
                self._wakes_at = now + pause
                self._changed.wait(min(pause, threading.TIMEOUT_MAX))


_watch = _Watch()
# Files at whose queries an instance broke.
_suspects: set[Path] = set()
_slots, _freed = Slots(), threading.Condition()
_opening: dict[str, Future[Path]] = {}
_lock = threading.Lock()
_instance: Instance | None = None


def detach_removed() -> None:
    """Gives back the memory of removed files, and forgets their answers; called every few seconds."""
    answers.forget_removed()
    if _instance:
        _instance.detach_removed()


@contextmanager
def _turn(person: object, deadline: float) -> Iterator[None]:
    limits = {str(person): AT_ONCE} if person else {}
    with _freed:
        if not _freed.wait_for(lambda: _slots.take(limits), max(deadline - time.monotonic(), 0)):
            raise Busy
    try:
        yield
    finally:
        with _freed:
            _slots.give_back(limits)
            _freed.notify_all()


@contextmanager
def _held(copy: StoredFile, deadline: float) -> Iterator[_File]:
    """The copy's file, attached for the block. A copy that can't be read is marked as lost."""
    with ExitStack() as stack:
        try:
            yield _entered(stack, copy, deadline)
        except Unopened as error:
            store.lost(copy, error)
            raise CopyLost(store.LOST) from error


def _entered(stack: ExitStack, copy: StoredFile, deadline: float) -> _File:
    try:
        try:
            return stack.enter_context(_attached(copy, deadline))
        except FileNotFoundError:  # another process made room in between
            return stack.enter_context(_attached(copy, deadline))
    except OSError as error:  # again, or no file can be opened
        raise NoRoom("The folder for open copies can't be used.") from error


def _attached(copy: StoredFile, deadline: float) -> AbstractContextManager[_File]:
    global _instance
    path = _path(copy, deadline)
    with _lock:
        if _instance is None or _instance.is_broken or _instance.folder != path.parent:
            _instance = Instance(path.parent)
        return _instance.holds(path)


def _path(copy: StoredFile, deadline: float) -> Path:
    """The plain file. One that takes longer to decrypt than the reader waits will be there later. Raises Busy."""
    try:
        if found := store.find(copy):
            return found
    except OSError as error:
        raise NoRoom("The folder for open copies can't be used.") from error
    database.release()  # the storage may take longer
    with _lock:
        opening = _opening.get(copy.file_name)
        if opening is None:
            opening = Future()
            try:
                threading.Thread(target=_open, args=(copy, opening), daemon=True).start()
            except RuntimeError as error:  # no more threads
                raise Busy from error
            _opening[copy.file_name] = opening
    try:
        return opening.result(timeout=max(deadline - time.monotonic(), 0))
    except TimeoutError:
        raise Busy from None


def _open(copy: StoredFile, opening: "Future[Path]") -> None:
    name = copy.file_name
    try:
        try:
            path = store.fetch(copy)
        except NoRoom:
            detach_removed()  # what was removed takes room until then
            path = store.fetch(copy)
        end = partial(opening.set_result, path)
    except BaseException as error:
        end = partial(opening.set_exception, error)
    with _lock:  # before its readers go on: those that come later look for the file themselves, it may be gone by then
        del _opening[name]
    end()
    connections.close_all()


def _note_read(copy: StoredFile) -> None:
    """For eviction; a page of rows does not write."""
    now = timezone.now()
    if copy.last_read_at is None or copy.last_read_at < now - READ_NOTED_EVERY:
        is_due = Q(last_read_at=None) | Q(last_read_at__lt=now - READ_NOTED_EVERY)
        type(copy).objects.filter(is_due, pk=copy.pk).update(last_read_at=now)
        copy.last_read_at = now
