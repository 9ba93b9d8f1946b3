"""Row pages, cut from blocks.

The API is asked for aligned blocks of its maximum (1,000 rows), whatever page size people look at: twenty pages of 50
cost one call. How a block is found, and that one call serves all who want it, is blocks.py.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Sequence

import redis
from django.conf import settings

from datasources.claro import TooLarge
from datasources.models import Source
from datasources.rows import blocks
from datasources.rows.block_sizes import block_size, block_sizes, smaller
from datasources.rows.blocks import Asker, Block, Query, Rows, StillLoading

__all__ = ["Query", "Rows", "StillLoading", "cached_columns", "cached_start", "page"]

# How long a page waits for rows before it says that they are on their way.
WAIT_S = 2.0
# Who has come this far in a block will want the next one.
AHEAD_FROM = 0.6


def page(source: Source, number: int, limit: int, query: Query, person: object = "") -> Rows:
    """Page `number` (from 1) of `limit` rows, for `person`. Raises StillLoading after WAIT_S, and ClaroError.

    Blocks that are too large are requested again with fewer rows. Raises TooLarge if one row alone is too large.
    """
    first, size = (number - 1) * limit, block_size(source)
    deadline = time.monotonic() + WAIT_S
    if size < settings.CLARO_ROWS_BLOCK and (found := _cached(source, query, first, limit)):
        return found
    while True:
        try:
            return _read(source, query, first, limit, size, deadline, Asker(person=person))
        except TooLarge:
            if size == 1:
                raise
            size = smaller(size)


def cached_start(source: Source, rows: int) -> Rows | None:
    """At most so many of the first rows, as they lie in the cache, or None, also without Redis. No call."""
    with contextlib.suppress(redis.RedisError):
        for size in dict.fromkeys((block_size(source), settings.CLARO_ROWS_BLOCK)):
            if found := Block(source, Query(), 0, size).read(0, min(rows, size)):
                return found
    return None


def cached_columns(sources: Sequence[Source]) -> dict[int, list[str]]:
    """The names of the columns of those sources whose first rows are in the cache, by their ids. No call."""
    if not sources:
        return {}
    with contextlib.suppress(redis.RedisError):
        places = [
            (source, size)
            for source, fitting in zip(sources, block_sizes(sources), strict=True)
            for size in dict.fromkeys((settings.CLARO_ROWS_BLOCK, fitting))
        ]
        found = blocks.cached_columns([Block(source, Query(), 0, size) for source, size in places])
        return {source.pk: names for (source, _), names in zip(places, found, strict=True) if names}
    return {}


def _read(source: Source, query: Query, first: int, limit: int, size: int, deadline: float, asker: Asker) -> Rows:
    parts: list[Rows] = []
    for block, start, stop in _cuts(source, query, first, limit, size):
        parts.append(block.rows(start, stop, deadline, asker))
        if not parts[-1].has_next:
            break
    else:
        if stop > AHEAD_FROM * size and not block.is_last:
            Block(source, query, block.number + 1, size).fetch_ahead()
    return _joined(parts)


def _cuts(source: Source, query: Query, first: int, limit: int, size: int) -> list[tuple[Block, int, int]]:
    """The blocks that rows `first` to `first + limit` lie in, and from where to where in each."""
    numbers = range(first // size, (first + limit - 1) // size + 1)
    return [
        (Block(source, query, n, size), max(first - n * size, 0), min(first + limit - n * size, size)) for n in numbers
    ]


def _cached(source: Source, query: Query, first: int, limit: int) -> Rows | None:
    """The page as it lies in blocks from before they had to become smaller, or None."""
    parts = []
    for block, start, stop in _cuts(source, query, first, limit, settings.CLARO_ROWS_BLOCK):
        if not (part := block.read(start, stop)):
            return None
        parts.append(part)
    return _joined(parts)


def _joined(parts: list[Rows]) -> Rows:
    """Consecutive parts as one. Where blocks name different columns, a row has null in those it doesn't know."""
    if len({part.columns for part in parts}) == 1:
        columns, rows = parts[0].columns, [row for part in parts for row in part.rows]
    else:
        columns, rows = _spread(parts)
    return Rows(columns, rows, parts[0].first, parts[-1].total, parts[-1].has_next)


def _spread(parts: list[Rows]) -> tuple[tuple[str, ...], list[list[object]]]:
    """All columns of the parts, and their rows with a value for each. Columns of one name stay apart."""
    named = [_told_apart(part.columns) for part in parts]
    columns = list(dict.fromkeys(column for part in named for column in part))
    rows: list[list[object]] = []
    for part, own in zip(parts, named, strict=True):
        places = [own.get(column) for column in columns]
        rows += [[None if place is None else row[place] for place in places] for row in part.rows]
    return tuple(name for name, _ in columns), rows


def _told_apart(names: tuple[str, ...]) -> dict[tuple[str, int], int]:
    """The place of each column by its name and how many of that name come before it."""
    seen: Counter[str] = Counter()
    places = {}
    for place, name in enumerate(names):
        places[name, seen[name]] = place
        seen[name] += 1
    return places
