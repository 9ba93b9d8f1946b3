"""How many rows a block of a source has: the API's maximum, or fewer while answers are slow or large.

Slow answers halve the blocks for ten minutes. Large answers set the size that fits, which is kept for the source: the
data stays as large as it is. Both are per key and source, in Redis.
"""

from collections.abc import Sequence

from django.conf import settings

from core.redis import connection
from datasources.models import Source

SLOW_S = 2.0
SMALLEST_BY_TIME = 100
REMEMBER_TIME_S = 600
# A block of more bytes than this is too large; the next ones aim at WANTED_BYTES.
LARGE_BYTES = 8 * 2**20
WANTED_BYTES = 4 * 2**20
# The client takes answers of up to sixteen times WANTED_BYTES, so a block that was too large shrinks by that,
# and grows by it.
STEP = 16
REMEMBER_BYTES_S = 30 * 86_400
# Sizes by bytes: pages of the usual sizes are cut from few blocks of these.
SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)


def block_size(source: Source) -> int:
    """Rows to request at once."""
    return block_sizes([source])[0]


def block_sizes(sources: Sequence[Source]) -> list[int]:
    """Rows to request at once of each source."""
    known = connection().mget([_name(source, of) for source in sources for of in ("time", "bytes")])
    pairs = zip(known[::2], known[1::2], strict=True)
    return [min([settings.CLARO_ROWS_BLOCK, *(int(size) for size in pair if size)]) for pair in pairs]


def size_by_bytes(source: Source) -> int:
    """Rows to request at once where nobody waits for the answer."""
    known = connection().get(_name(source, "bytes"))
    return min(settings.CLARO_ROWS_BLOCK, int(known)) if known else settings.CLARO_ROWS_BLOCK


def note_time(source: Source, size: int, took_s: float) -> None:
    """Halves the blocks of a source whose answer took longer than a page waits."""
    if took_s > SLOW_S and size > SMALLEST_BY_TIME:
        connection().set(_name(source, "time"), max(size // 2, SMALLEST_BY_TIME), ex=REMEMBER_TIME_S)


def note_bytes(source: Source, size: int, rows: int, rows_bytes: int) -> None:
    """Shrinks the blocks after a large answer. Lets small ones grow again: few rows of a table may be that large."""
    fitting = _fitting(rows * WANTED_BYTES // max(rows_bytes, 1))
    if rows_bytes > LARGE_BYTES and size > 1:
        _set(source, min(fitting, _fitting(size - 1)))
    elif rows == size and fitting >= size * 4 and connection().exists(_name(source, "bytes")):
        _set(source, min(fitting, _fitting(size * STEP)))


def note_too_large(source: Source, size: int) -> None:
    """Shrinks the blocks after an answer that the client did not take."""
    if size > 1:
        _set(source, smaller(size))


def smaller(size: int) -> int:
    """The size to try after a block of `size` rows was too large."""
    return _fitting(size // STEP)


def _fitting(rows: int) -> int:
    """The largest block of SIZES with at most so many rows; one row at least."""
    return max(size for size in SIZES if size <= max(rows, 1))


def _set(source: Source, size: int) -> None:
    connection().set(_name(source, "bytes"), size, ex=REMEMBER_BYTES_S)


def _name(source: Source, kind: str) -> str:
    return f"claro:rows:size:{kind}:{source.key.fingerprint}:{source.datasource_id}"
