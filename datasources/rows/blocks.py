"""One block of a query's rows: its entry in Redis, and the one call that fills it for all readers.

A block is a Redis hash of segments, compressed and sealed, so a page reads only the segments it shows. Its name
contains everything that determines its content: the key's fingerprint, the source, its `processedAt`, sort, order,
filter, block size and number. The least recently used blocks are evicted. If several readers need a missing block, one
of them makes the call, in a thread that continues after the page stops waiting. That thread renews its lock, so a dead
one is replaced within LOCK_MS.
"""

import contextlib
import hashlib
import json
import threading
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import connections

from core import database, vault
from core.redis import connection
from datasources import gateway
from datasources.claro import ClaroError, NotNow, RowPage, TooLarge, Unauthorized, numbers
from datasources.gateway.budget import Lane
from datasources.models import Source
from datasources.rows import block_sizes

SEGMENT_ROWS = 50
LOCK_MS = 2000
RENEW_S = 0.5
# Those who waited for a call that failed get its error instead of making the same call.
ERROR_S = 2
# An answer that was too large is as large the next time, and costs a long transfer.
TOO_LARGE_S = 600
INDEX = "claro:rows:index"
# Part of a block's name: blocks that another release wrote in another way are not read.
FORMAT = 3
# Redis writes what it holds to files, and its blocks hold the cells of tables (docs/copies.md).
PURPOSE = "row blocks"
# A block that is spoilt, or of another version of ours.
UNREADABLE = (vault.SecretUnreadable, zlib.error, ValueError, KeyError)

# KEYS: names by when they were read, bytes by name, bytes in all. ARGV: a block's name, its bytes, the time, the limit.
_MAKE_ROOM = """
local before = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0)
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local total = redis.call('INCRBY', KEYS[3], tonumber(ARGV[2]) - before)
while total > tonumber(ARGV[4]) and redis.call('ZCARD', KEYS[1]) > 1 do
  local oldest = redis.call('ZPOPMIN', KEYS[1])[1]
  local bytes = tonumber(redis.call('HGET', KEYS[2], oldest) or 0)
  redis.call('HDEL', KEYS[2], oldest)
  redis.call('UNLINK', oldest)
  total = redis.call('DECRBY', KEYS[3], bytes)
end
"""
# Only while the lock is still ours (https://redis.io/docs/latest/commands/set/, patterns).
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class StillLoading(Exception):
    """The rows were requested and will be in the cache soon; retry."""


@dataclass(frozen=True)
class Query:
    """The parameters that determine rows and order, in the API's words; empty where not requested."""

    sort: str = ""
    order: str = "asc"
    filter: str = ""

    def arguments(self) -> dict[str, str | None]:
        """As the client takes them; `order` without `sort` means nothing (docs/claro-api.md, data sources)."""
        return {
            "sort": self.sort or None,
            "order": self.order if self.sort else None,
            "filter": self.filter if self.filter.strip() else None,
        }


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows: `first` counts from 0; `total` is None if the API does not return it."""

    columns: tuple[str, ...]
    rows: list[list[object]]
    first: int
    total: int | None
    has_next: bool


@dataclass(frozen=True)
class Asker:
    """On whose behalf a call is made (budget.py)."""

    lane: Lane = Lane.PERSON
    person: object = ""


def cached_columns(blocks: Sequence["Block"]) -> list[list[str]]:
    """The names of the columns of each block in the cache, read at once; [] for others."""
    with connection().pipeline(transaction=False) as together:
        for block in blocks:
            together.hget(block.name, "meta")
        found = together.execute()
    return [block.columns(packed) if packed else [] for block, packed in zip(blocks, found, strict=True)]


class Block:
    """Rows `number * size` to `(number + 1) * size` of a source, as a query has them."""

    def __init__(self, source: Source, query: Query, number: int, size: int):
        self.source, self.query, self.number, self.size = source, query, number, size
        version = source.processed_at and source.processed_at.isoformat()
        content = json.dumps([FORMAT, version, *query.arguments().values(), size])
        digest = hashlib.sha256(content.encode()).hexdigest()[:32]
        # The fingerprint keeps one key's answers from whoever may not use that key.
        self.name = f"claro:rows:{source.key.fingerprint}:{source.datasource_id}:{digest}:{number}"
        # Known once it was read: whether there are rows beyond it.
        self.is_last = False

    def rows(self, start: int, stop: int, deadline: float, asker: Asker) -> Rows:
        """Rows `start` to `stop` of the block: from the cache, from a new call, or from the call in flight.

        Raises StillLoading at the deadline (of the monotonic clock), and ClaroError.
        """
        pause = 0.01
        while not (found := self._known(start, stop)):
            database.release()  # Claro may take longer than this waits
            if answer := self._ask(asker, start, stop):
                try:
                    return answer.result(timeout=max(deadline - time.monotonic(), 0))
                except TimeoutError:
                    raise StillLoading from None
            if time.monotonic() + pause > deadline:
                raise StillLoading
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
        return found

    def fetch_ahead(self) -> None:
        """Asks for the block from what would go to waste, unless it is there or on its way; nobody waits for it."""
        if not connection().exists(self.name):
            self._ask(Asker(Lane.COPY), 0, 1)

    def read(self, start: int, stop: int) -> Rows | None:
        """Rows of the block from the cache, or None."""
        first = start // SEGMENT_ROWS
        names = [str(segment) for segment in range(first, (stop - 1) // SEGMENT_ROWS + 1)]
        with connection().pipeline(transaction=False) as together:
            together.hmget(self.name, "meta", *names)
            together.zadd(INDEX, {self.name: time.time()}, xx=True)
            (packed_meta, *segments), _ = together.execute()
        if packed_meta is None:
            return None
        try:
            meta = self._unpacked("meta", packed_meta)
            found = zip(names, segments, strict=True)
            rows = [row for name, segment in found if segment for row in self._unpacked(name, segment)]
            offset = first * SEGMENT_ROWS
            return self._rows(meta["columns"], rows[start - offset : stop - offset], start, stop, meta)
        except UNREADABLE:
            return None  # asked for again

    def columns(self, packed_meta: bytes) -> list[str]:
        try:
            return self._unpacked("meta", packed_meta)["columns"]
        except UNREADABLE:
            return []

    def _known(self, start: int, stop: int) -> Rows | None:
        """The result of the last call, rows or an error; None if the API must be called."""
        if found := self.read(start, stop):
            return found
        if sealed := connection().get(f"{self.name}:error"):
            with contextlib.suppress(vault.SecretUnreadable, zlib.error):
                raise ClaroError.from_dict(self._unpacked("error", sealed))
        return None

    def _ask(self, asker: Asker, start: int, stop: int) -> Future[Rows] | None:
        """The future of a call in a separate thread; None if another process makes the call."""
        lock = uuid.uuid4().hex
        if not connection().set(f"{self.name}:lock", lock, nx=True, px=LOCK_MS):
            return None
        answer: Future[Rows] = Future()
        threading.Thread(target=self._run, args=(answer, lock, asker, start, stop), daemon=True).start()
        return answer

    def _run(self, answer: Future[Rows], lock: str, asker: Asker, start: int, stop: int) -> None:
        try:
            with self._renewed(lock):
                # Whoever held the lock before may have been done between our look and our lock.
                answer.set_result(self._known(start, stop) or self._fetch(asker, start, stop))
        except BaseException as error:
            answer.set_exception(error)
            self._leave(error)
        finally:
            connections.close_all()
            with contextlib.suppress(redis.RedisError):  # the lock ends by itself
                connection().eval(_RELEASE, 1, f"{self.name}:lock", lock)

    @contextlib.contextmanager
    def _renewed(self, lock: str) -> Iterator[None]:
        """Keeps the lock while the block runs."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(RENEW_S):
                with contextlib.suppress(redis.RedisError):
                    connection().eval(_RENEW, 1, f"{self.name}:lock", lock, LOCK_MS)

        threading.Thread(target=renew, daemon=True).start()
        try:
            yield
        finally:
            done.set()

    def _fetch(self, asker: Asker, start: int, stop: int) -> Rows:
        began = time.monotonic()
        try:
            with gateway.client(self.source.key, asker.lane, asker.person) as claro:
                got = claro.get_rows(
                    self.source.datasource_id, page=self.number + 1, limit=self.size, **self.query.arguments()
                )
        except TooLarge:
            block_sizes.note_too_large(self.source, self.size)
            raise
        took_s = time.monotonic() - began
        block_sizes.note_bytes(self.source, self.size, len(got.rows), self._write(got))
        block_sizes.note_time(self.source, self.size, took_s)
        return self._slice(got, start, stop)

    def _leave(self, error: BaseException) -> None:
        """Stores the error for the waiting readers; no NotNow, as its `retry_at` differs per user (budget.py)."""
        if isinstance(error, ClaroError) and (not isinstance(error, NotNow) or isinstance(error, Unauthorized)):
            with contextlib.suppress(redis.RedisError):
                seconds = TOO_LARGE_S if isinstance(error, TooLarge) else ERROR_S
                # Sealed as well: a message may quote the filter or the answer.
                sealed = self._packed("error", numbers.pack(error.to_dict()).encode())
                connection().set(f"{self.name}:error", sealed, ex=seconds)

    def _write(self, got: RowPage) -> int:
        """Keeps the block. Returns the bytes of its rows before they were compressed."""
        meta = {
            "columns": [column.name for column in got.columns],
            "rows": len(got.rows),
            "total": got.pagination.total,
            "has_next": got.pagination.has_next,
        }
        fields, rows_bytes = {"meta": self._packed("meta", numbers.pack(meta).encode())}, 0
        for start in range(0, len(got.rows), SEGMENT_ROWS):
            segment = numbers.pack(got.rows[start : start + SEGMENT_ROWS]).encode()
            rows_bytes += len(segment)
            name = str(start // SEGMENT_ROWS)
            fields[name] = self._packed(name, segment)
        size_bytes = sum(map(len, fields.values()))
        keys = [INDEX, f"{INDEX}:bytes", f"{INDEX}:total"]
        with connection().pipeline() as together:
            together.delete(self.name)
            together.hset(self.name, mapping=fields)
            together.expire(self.name, settings.ROWS_CACHE_TTL)
            together.eval(_MAKE_ROOM, 3, *keys, self.name, size_bytes, time.time(), settings.ROWS_CACHE_BYTES)
            together.execute()
        return rows_bytes

    def _slice(self, got: RowPage, start: int, stop: int) -> Rows:
        meta = {"rows": len(got.rows), "total": got.pagination.total, "has_next": got.pagination.has_next}
        rows = [list(row) for row in got.rows[start:stop]]
        return self._rows([column.name for column in got.columns], rows, start, stop, meta)

    def _rows(self, columns: list[str], rows: list, start: int, stop: int, meta: dict) -> Rows:
        self.is_last = not meta["has_next"]
        return Rows(
            columns=tuple(columns),
            rows=rows,
            first=self.number * self.size + start,
            total=meta["total"],
            has_next=stop < meta["rows"] or meta["has_next"],
        )

    def _packed(self, field: str, text: bytes) -> bytes:
        return vault.seal_bytes(zlib.compress(text, 1), PURPOSE, f"{self.name}:{field}")

    def _unpacked(self, field: str, sealed: bytes):
        return numbers.unpack(zlib.decompress(vault.unseal_bytes(sealed, PURPOSE, f"{self.name}:{field}")))
