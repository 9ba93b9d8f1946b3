"""Events to browsers: only names, from any process to the open `/live/` streams of the users concerned.

`publish` sends a message on one Redis channel. Each web process has one hub, which subscribes to that channel once and
forwards names to its streams. A stream keeps the set of unsent names, not a queue: a slow reader receives each name
once, however often it occurred. A user with an open stream counts as present (`is_present`).
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

import redis
import redis.asyncio
from django.conf import settings
from django.db import transaction

from core.redis import connection

CHANNEL = "claro:live"
HEARTBEAT_S = 20.0
# A stream that was never noticed to be dead ends by itself; the browser comes back.
LONGEST_S = 3600.0
RETRY_MS = 2000
PRESENT_S = 40
# Told to every page that may have missed something: look again.
LOOK_AGAIN = "reconnected"
# What a stream that comes back can still be told by name; beyond it the page looks again.
REMEMBERED = 1000
# Clocks of web processes may differ by this much.
SKEW_MS = 2000

logger = logging.getLogger(__name__)


def publish(user_ids: Iterable[int], *names: str) -> None:
    """Notifies the users' open pages, once the transaction is committed, that the objects of `names` have changed."""
    _publish({"users": sorted(user_ids), "names": sorted(names)})


def is_present(user_ids: Iterable[int]) -> bool:
    """Whether one of these people has a page open, in a tab that shows."""
    names = [_presence(user_id) for user_id in user_ids]
    try:
        return bool(names) and any(connection().mget(names))
    except redis.RedisError:
        return False


def note_presence(user_id: int) -> bool:
    """Records that this user has a page open; returns whether they had none before.

    Recorded at once: a poll that ends right now must not put off the next one.
    """
    try:
        return connection().set(_presence(user_id), 1, ex=PRESENT_S, get=True) is None
    except redis.RedisError:
        return True


def sign_out(session_key: str) -> None:
    """Ends the streams of a session."""
    _publish({"session": _session_id(session_key)})


def send_away(user_id: int) -> None:
    """Ends all streams of a person: they come back if they still may."""
    _publish({"away": user_id})


def now_ms() -> int:
    """The id that an event of this moment has."""
    return time.time_ns() // 1_000_000


def _publish(message: dict[str, object]) -> None:
    def send() -> None:
        try:
            connection().publish(CHANNEL, json.dumps(message))
        except redis.RedisError as error:
            logger.warning("An event was not sent, pages will catch up when they reconnect: %s", error)

    transaction.on_commit(send)


def _presence(user_id: int) -> str:
    return f"claro:present:{user_id}"


def _session_id(session_key: str) -> str:
    """Session keys are secrets: only a hash of one goes through Redis."""
    return hashlib.sha256(session_key.encode()).hexdigest()


def _client() -> redis.asyncio.Redis:
    """Close it before its event loop ends."""
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)


def _is_cancelled() -> bool:
    """Whether the current task was cancelled, also where the Redis client has swallowed the exception for that."""
    task = asyncio.current_task()
    return bool(task and task.cancelling())


def opening() -> str:
    """The first block of every answer. Names that were missed up to its id follow."""
    return f"retry: {RETRY_MS}\nid: {now_ms()}\nevent: connected\ndata: {{}}\n\n"


def events(names: Iterable[str]) -> str:
    """A block per name. Only the last has an id: a reader that is cut off before it asks for all of them again."""
    blocks = [f"event: {name}\ndata: {{}}\n\n" for name in names]
    return "".join([*blocks[:-1], *(f"id: {now_ms()}\n{block}" for block in blocks[-1:])])


class Stream:
    """One browser's stream: names wait here until it takes them."""

    __slots__ = ("_closed", "_names", "_something", "session_id", "user_id")

    def __init__(self, user_id: int, session_key: str):
        self.user_id = user_id
        self.session_id = _session_id(session_key)
        self._names: dict[str, None] = {}
        self._something = asyncio.Event()
        self._closed = False

    def tell(self, names: Iterable[str]) -> None:
        self._names.update(dict.fromkeys(names))
        self._something.set()

    def close(self) -> None:
        self._closed = True
        self._something.set()

    async def lines(self) -> AsyncIterator[str]:
        """The body in the event-stream format (WHATWG HTML, 9.2.5); a comment is the heartbeat.

        Every block has the time as its id, so a reconnecting browser states from when on it missed events.
        """
        yield opening()
        ends_at = asyncio.get_running_loop().time() + LONGEST_S
        while not self._closed and asyncio.get_running_loop().time() < ends_at:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._something.wait()
            except TimeoutError:
                yield f"id: {now_ms()}\n: still here\n\n"
                continue
            self._something.clear()
            names, self._names = self._names, {}
            if names:
                yield events(names)


@dataclass(frozen=True, slots=True)
class _Event:
    at_ms: int
    users: frozenset[int]
    names: list[str]


class Hub:
    """The streams of this process, the one subscription that feeds them, and word of who has a page open."""

    def __init__(self) -> None:
        self._streams: dict[int, set[Stream]] = defaultdict(set)
        self._recent: deque[_Event] = deque(maxlen=REMEMBERED)
        self._listening_since_ms = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def has_room(self, user_id: int) -> bool:
        """Whether this person may open another stream on this process."""
        return len(self._streams.get(user_id, ())) < settings.LIVE_STREAMS_PER_USER

    @contextlib.contextmanager
    def stream(self, user_id: int, session_key: str, since_ms: int | None = None) -> Iterator[Stream]:
        """A registered stream, forgotten at the end. It begins with what happened from `since_ms` on."""
        self._start()
        mine = self._streams[user_id]
        stream = Stream(user_id, session_key)
        if since_ms is not None:
            stream.tell(self._missed(user_id, since_ms))
        mine.add(stream)
        try:
            yield stream
        finally:
            mine.discard(stream)
            if not mine:
                self._streams.pop(user_id, None)

    def missed(self, user_id: int, since_ms: int | None) -> list[str]:
        """The names published since then, for pages that poll. LOOK_AGAIN while this process receives no events."""
        self._start()
        if not self._listening_since_ms:
            return [LOOK_AGAIN]
        return [] if since_ms is None else list(dict.fromkeys(self._missed(user_id, since_ms)))

    def close(self) -> None:
        """Ends all streams; may be called from a signal handler or another thread."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._close_all)

    def _close_all(self) -> None:
        for stream in self._all():
            stream.close()
        while self._tasks:
            self._tasks.pop().cancel()

    def _all(self) -> list[Stream]:
        return [stream for mine in self._streams.values() for stream in mine]

    def _missed(self, user_id: int, since_ms: int) -> list[str]:
        since_ms -= SKEW_MS
        forgotten_ms = self._recent[0].at_ms if len(self._recent) == REMEMBERED else 0
        if since_ms < max(self._listening_since_ms, forgotten_ms):
            return [LOOK_AGAIN]
        return [
            name for event in self._recent if event.at_ms >= since_ms and user_id in event.users for name in event.names
        ]

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop or not self._tasks or any(task.done() for task in self._tasks):
            self._loop = loop
            self._tasks = [loop.create_task(self._relay()), loop.create_task(self._say_who_is_there())]

    async def _relay(self) -> None:
        """Forwards events. When it starts to listen, every page reloads the fragments that it may have missed."""
        while not _is_cancelled():
            try:
                async with _client() as client, client.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    async for message in channel.listen():
                        if message["type"] == "subscribe":
                            self._begin()
                        else:
                            self._take(message["data"])
            except redis.RedisError as error:
                logger.warning("Live events pause until Redis is back: %s", error)
                await asyncio.sleep(1)

    def _begin(self) -> None:
        self._listening_since_ms = now_ms()
        self._recent.clear()
        for stream in self._all():
            stream.tell([LOOK_AGAIN])

    def _take(self, data: bytes) -> None:
        """Hands on a message, or passes over one of another version of ours: the next one must still arrive."""
        try:
            self._hand_on(json.loads(data))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("An event that can't be read was passed over (%s).", type(error).__name__)

    def _hand_on(self, message: dict) -> None:
        if users := message.get("users"):
            self._recent.append(_Event(now_ms(), frozenset(users), message["names"]))
        for user_id in users or ():
            for stream in self._streams.get(user_id, ()):
                stream.tell(message["names"])
        if session_id := message.get("session"):
            for stream in self._all():
                if stream.session_id == session_id:
                    stream.close()
        for stream in list(self._streams.get(message.get("away", 0), ())):
            stream.close()

    async def _say_who_is_there(self) -> None:
        """Renews the word in Redis well before it fades."""
        told: set[int] = set()
        beat = 0
        async with _client() as client:
            while not _is_cancelled():
                there = set(self._streams)
                # Whoever came since is told of within a second, everybody every quarter of the time it lasts.
                due = there if beat % (PRESENT_S // 4) == 0 else there - told
                try:
                    if due:
                        async with client.pipeline(transaction=False) as together:
                            for user_id in due:
                                together.set(_presence(user_id), 1, ex=PRESENT_S)
                            await together.execute()
                    told = there
                except redis.RedisError:
                    told = set()
                beat += 1
                await asyncio.sleep(1)


hub = Hub()
