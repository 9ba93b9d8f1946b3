"""The file of an export as a streamed answer: one piece at a time, each in any thread (core/wsgi.py).

Nothing but the end of the answer shows a reader that the file is complete. A file that breaks off has no such end.
"""

import hashlib
import logging
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.db import DatabaseError

from core.slots import Slots
from core.wsgi import Cut
from datasources.activity import log
from datasources.copies import opened
from datasources.copies.exports import receipts, writing
from datasources.copies.exports.receipts import Crowded
from datasources.models import Comparison, Export, TableCopy

# Files that are written at once by a process. Making a piece holds one of its threads.
AT_ONCE = 4
# What the count of rows and the look at their cells may take before the first piece.
PLAN_S = 20.0
# A day: the readers of a file are cut off by their own limits.
WRITES_S = 86_400.0
# Pieces are sent in slices, so that rights are checked about once a second for slow readers too.
SLICE = 256 * 1024
CHECKED_EVERY_S = 1.0
CANCELLED = "The download was cancelled or the connection was lost."
FAILED = "The dashboard could not write the file to its end."

_slots = Slots()
_NAME = "exports"
logger = logging.getLogger(__name__)


def has_room() -> bool:
    """Whether this process could write a further file."""
    return _slots.held[_NAME] < AT_ONCE


def stream(export: Export, copy: TableCopy | Comparison) -> "Stream":
    """The file of a receipt that waits, which is being written from now on.

    Raises Crowded, AlreadyWritten, writing.Refused, the errors of query.where, CannotSort, and those of opened.reader.
    """
    with ExitStack() as stack:
        stack.enter_context(_slot())
        with opened.reader(copy, export.user_id, PLAN_S) as reader:
            wanted = receipts.wanted(export, reader)
            plan = writing.plan(reader, wanted)
            receipts.note_plan(export, copy, reader, plan)
        reader = stack.enter_context(opened.reader(copy, seconds=WRITES_S))
        pieces = writing.pieces(reader, wanted, plan)
        stack.callback(pieces.close)
        receipts.start(export, log.origin.get())
        return Stream(export, copy, pieces, plan.rows, stack.pop_all())


class Stream:
    """The slices of a file. Notes in the receipt how far it is and how it ends; `close` ends it in any case."""

    def __init__(
        self, export: Export, copy: TableCopy | Comparison, pieces: Iterator[bytes], rows: int, held: ExitStack
    ):
        self._export, self._copy, self._rows = export, copy, rows
        self._slices = _sliced(pieces)
        self._held = held
        # Also of an answer that is dropped before its first piece: it is never closed.
        self._give_back = weakref.finalize(self, held.close)
        self._give_back.atexit = False
        self._origin = log.origin.get()
        self._hash, self._bytes = hashlib.sha256(), 0
        self._checked_at = time.monotonic()
        self._has_ended = False

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> bytes:
        """The next slice. Raises Cut where the file breaks off."""
        if self._has_ended:
            raise StopIteration
        if reason := self._problem():
            self._break_off(reason)
            raise Cut
        try:
            piece = next(self._slices, b"")
        except Exception as error:
            self._fail(error)
            raise Cut from error
        if not piece:
            self._finish()
            raise StopIteration
        self._hash.update(piece)
        self._bytes += len(piece)
        return piece

    def close(self) -> None:
        """Ends the file; it breaks off, unless it is complete."""
        if not self._has_ended:
            self._break_off(CANCELLED)

    def _problem(self) -> str:
        """Why the user may not have the rest, or ""."""
        if time.monotonic() - self._checked_at < CHECKED_EVERY_S:
            return ""
        self._checked_at = time.monotonic()
        try:
            return receipts.go_on(self._export, self._copy, self._bytes)
        except DatabaseError as error:
            return self._logged(error)

    def _finish(self) -> None:
        """Raises Cut if the receipt can't state that the file is complete."""
        self._has_ended = True
        self._give_back()
        try:
            is_noted = receipts.finish(self._export, self._origin, self._rows, self._bytes, self._hash.hexdigest())
        except DatabaseError as error:
            self._logged(error)
            raise Cut from error
        if not is_noted:
            raise Cut

    def _fail(self, error: Exception) -> None:
        self._logged(error)
        with suppress(Exception):  # a copy that can't be read is marked as lost by this
            self._held.__exit__(type(error), error, error.__traceback__)
        self._break_off(FAILED)

    def _break_off(self, reason: str) -> None:
        self._has_ended = True
        self._give_back()
        try:
            receipts.break_off(self._export, self._origin, reason, self._bytes)
        except DatabaseError as error:  # the receipt ends later (receipts.mark_lost)
            self._logged(error)

    def _logged(self, error: Exception) -> str:
        """Without its message, which may hold cells."""
        logger.error("Export %s broke off: %s", self._export.pk, type(error).__name__)
        return FAILED


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.take({_NAME: AT_ONCE}):
        raise Crowded(f"{AT_ONCE} exports are being written. Try again when one of them is finished.")
    try:
        yield
    finally:
        _slots.give_back([_NAME])


def _sliced(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), SLICE):
            yield piece[start : start + SLICE]
