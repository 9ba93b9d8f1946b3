"""Row pages, through a cache and single flight.

The API is asked for aligned blocks of its maximum (1,000 rows), whatever page size people look at: twenty pages of 50
cost one call. A block lies in Redis as a hash of compressed segments, so that a page reads what it shows and no more.
It is found by everything that decides its content: the key's fingerprint, the source, its `processedAt`, sort, order
and filter. Of all who want a missing block, one asks (a thread of its own, which a page waits for only so long).
"""

import contextlib
import hashlib
import json
import threading
import time
import uuid
import zlib
from concurrent.futures import Future
from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import connections

from datasources import gateway
from datasources.budget import Lane
from datasources.claro import ClaroClient, ClaroError, RowPage
from datasources.models import Source
from datasources.redis import connection

# How long a page waits for rows before it says that they are on their way.
WAIT_S = 2.0
SEGMENT_ROWS = 50
# Longer than a call may take; the block of a leader that died is asked for again after this.
LOCK_MS = int(gateway.DEADLINE_S * 1000) + 1000
# Those who waited for a call that failed get its error instead of making the same call.
ERROR_S = 2


class StillLoading(Exception):
    """The rows were asked for, and will be in the cache soon; look again."""


@dataclass(frozen=True)
class Query:
    """What decides which rows come in which order, in the API's words; empty where not asked for."""

    sort: str = ""
    order: str = "asc"
    filter: str = ""

    def arguments(self) -> dict[str, str | None]:
        """As the client takes them; `order` without `sort` means nothing (claro-api.md, data sources)."""
        return {
            "sort": self.sort or None,
            "order": self.order if self.sort else None,
            "filter": self.filter if self.filter.strip() else None,
        }


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows: `first` counts from 0; `total` is None where the API doesn't tell."""

    columns: tuple[str, ...]
    rows: list[list[object]]
    first: int
    total: int | None
    has_next: bool


def page(source: Source, number: int, limit: int, query: Query) -> Rows:
    """Page `number` (from 1) of `limit` rows. Raises StillLoading after WAIT_S, and ClaroError."""
    first, size = (number - 1) * limit, settings.CLARO_ROWS_BLOCK
    deadline = time.monotonic() + WAIT_S
    parts: list[Rows] = []
    for block in range(first // size, (first + limit - 1) // size + 1):
        start = max(first - block * size, 0)
        stop = min(first + limit - block * size, size)
        parts.append(_Block(source, query, block).rows(start, stop, deadline))
        if not parts[-1].has_next:
            break
    return parts[0] if len(parts) == 1 else _joined(parts)


class _Block:
    """One block of a query's rows, and its place in Redis."""

    def __init__(self, source: Source, query: Query, number: int):
        self.source, self.query, self.number = source, query, number
        self.size = settings.CLARO_ROWS_BLOCK
        version = source.processed_at and source.processed_at.isoformat()
        content = json.dumps([version, *query.arguments().values(), self.size])
        digest = hashlib.sha256(content.encode()).hexdigest()[:32]
        # The fingerprint keeps one key's answers from whoever may not use that key.
        self.name = f"claro:rows:{source.key.fingerprint}:{source.datasource_id}:{digest}:{number}"

    def rows(self, start: int, stop: int, deadline: float) -> Rows:
        """Rows `start` to `stop` of the block: from the cache, from one's own call, or from whoever is asking now."""
        pause = 0.01
        while not (found := self._known(start, stop)):
            lock = uuid.uuid4().hex
            if connection().set(f"{self.name}:lock", lock, nx=True, px=LOCK_MS):
                return self._ask(lock, start, stop, deadline)
            if time.monotonic() + pause > deadline:
                raise StillLoading
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
        return found

    def _known(self, start: int, stop: int) -> Rows | None:
        """What the last call brought, be it rows or its error; None when the API must be asked."""
        if found := self._read(start, stop):
            return found
        if error := connection().get(f"{self.name}:error"):
            raise ClaroError.from_dict(json.loads(error))
        return None

    def _ask(self, lock: str, start: int, stop: int, deadline: float) -> Rows:
        """Makes the call in a thread that goes on when the page stops waiting, and fills the cache all the same."""
        answer: Future[Rows] = Future()
        threading.Thread(target=self._run, args=(answer, lock, start, stop), daemon=True).start()
        try:
            return answer.result(timeout=max(deadline - time.monotonic(), 0))
        except TimeoutError:
            raise StillLoading from None

    def _run(self, answer: Future[Rows], lock: str, start: int, stop: int) -> None:
        try:
            # Whoever held the lock before may have been done between our look and our lock.
            answer.set_result(self._known(start, stop) or self._fetch(start, stop))
        except BaseException as error:
            answer.set_exception(error)
            self._leave(error)
        finally:
            connections.close_all()
            with contextlib.suppress(redis.RedisError):  # the lock ends by itself
                _release(f"{self.name}:lock", lock)

    def _fetch(self, start: int, stop: int) -> Rows:
        with gateway.client(self.source.key, Lane.PERSON) as claro:
            got = self._call(claro)
        self._write(got)
        return self._slice(got, start, stop)

    def _leave(self, error: BaseException) -> None:
        """Leaves the error for those who wait."""
        if isinstance(error, ClaroError):
            with contextlib.suppress(redis.RedisError):
                connection().set(f"{self.name}:error", json.dumps(error.to_dict()), ex=ERROR_S)

    def _call(self, claro: ClaroClient) -> RowPage:
        return claro.get_rows(
            self.source.datasource_id, page=self.number + 1, limit=self.size, **self.query.arguments()
        )

    def _write(self, got: RowPage) -> None:
        meta = {
            "columns": [column.name for column in got.columns],
            "rows": len(got.rows),
            "total": got.pagination.total,
            "has_next": got.pagination.has_next,
        }
        fields = {"meta": _packed(meta)}
        for start in range(0, len(got.rows), SEGMENT_ROWS):
            fields[str(start // SEGMENT_ROWS)] = _packed(got.rows[start : start + SEGMENT_ROWS])
        with connection().pipeline() as together:
            together.delete(self.name)
            together.hset(self.name, mapping=fields)
            together.expire(self.name, settings.ROWS_CACHE_TTL)
            together.execute()

    def _read(self, start: int, stop: int) -> Rows | None:
        first = start // SEGMENT_ROWS
        names = [str(segment) for segment in range(first, (stop - 1) // SEGMENT_ROWS + 1)]
        packed_meta, *segments = connection().hmget(self.name, "meta", *names)
        if packed_meta is None:
            return None
        try:
            meta = _unpacked(packed_meta)
            rows = [row for segment in segments if segment for row in _unpacked(segment)]
            offset = first * SEGMENT_ROWS
            return self._rows(meta["columns"], rows[start - offset : stop - offset], start, stop, meta)
        except (zlib.error, ValueError, KeyError):
            return None  # spoilt, or of another version of ours: asked for again

    def _slice(self, got: RowPage, start: int, stop: int) -> Rows:
        meta = {"rows": len(got.rows), "total": got.pagination.total, "has_next": got.pagination.has_next}
        rows = [list(row) for row in got.rows[start:stop]]
        return self._rows([column.name for column in got.columns], rows, start, stop, meta)

    def _rows(self, columns: list[str], rows: list, start: int, stop: int, meta: dict) -> Rows:
        return Rows(
            columns=tuple(columns),
            rows=rows,
            first=self.number * self.size + start,
            total=meta["total"],
            has_next=stop < meta["rows"] or meta["has_next"],
        )


def _joined(parts: list[Rows]) -> Rows:
    """Consecutive parts as one. Where blocks name different columns, a row has null in those it doesn't know."""
    columns = tuple(dict.fromkeys(name for part in parts for name in part.columns))
    rows: list[list[object]] = []
    for part in parts:
        if part.columns == columns:
            rows += part.rows
        else:
            places = [part.columns.index(name) if name in part.columns else None for name in columns]
            rows += [[None if place is None else row[place] for place in places] for row in part.rows]
    return Rows(columns, rows, parts[0].first, parts[-1].total, parts[-1].has_next)


def _release(lock: str, token: str) -> None:
    """Frees the lock if it is still ours (https://redis.io/docs/latest/commands/set/, patterns)."""
    script = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
    connection().eval(script, 1, lock, token)


def _packed(value: object) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)


def _unpacked(value: bytes):
    return json.loads(zlib.decompress(value))
