"""The row cache as whole-table copies use it (copies/build.py, Cache)."""

from django.conf import settings

from datasources.claro import numbers
from datasources.copies import build
from datasources.models import Source
from datasources.rows import block_sizes, blocks


def read(source: Source, number: int, size: int) -> build.Block | None:
    """A whole cached block of the source's version, or None. No call."""
    found = blocks.Block(source, blocks.Query(), number, size).read(0, size)
    if found is None:
        return None
    return build.Block(found.columns, found.rows, found.total, not found.has_next or len(found.rows) < size)


def size(source: Source) -> int:
    """Rows to request at once: the maximum, or fewer while rows are large. Slow answers delay nobody here."""
    return block_sizes.size_by_bytes(source)


def note_too_large(source: Source, size: int) -> None:
    block_sizes.note_too_large(source, size)


def note_read(source: Source, size: int, block: build.Block) -> None:
    """Lets blocks grow again after smaller answers."""
    if size < settings.CLARO_ROWS_BLOCK:
        block_sizes.note_bytes(source, size, len(block.rows), len(numbers.pack(block.rows)))
