"""Events to browsers: only names, from any process to the open `/live/` streams of the people meant.

`publish` puts a message on one Redis channel. Each web process has one hub, which listens to that channel once and
hands the names to its streams. A stream keeps the set of names not yet sent, not a queue: a slow reader is told
once that something changed, however often it did.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator

import redis
import redis.asyncio
from django.conf import settings
from django.db import transaction

from datasources.redis import connection

CHANNEL = "claro:live"
HEARTBEAT_S = 20.0
# A stream that was never noticed to be dead ends by itself; the browser comes back.
LONGEST_S = 3600.0
RETRY_MS = 2000

logger = logging.getLogger(__name__)


def publish(user_ids: Iterable[int], *names: str) -> None:
    """Tells the people's open pages, once the transaction is committed, that what `names` stand for has changed."""
    _publish({"users": sorted(user_ids), "names": sorted(names)})


def is_present(user_ids: Iterable[int]) -> bool:
    """Whether one of these people has a page open, in a tab that shows."""
    try:
        return any(connection().mget([_presence(user_id) for user_id in user_ids]))
    except redis.RedisError:
        return False


def sign_out(session_key: str) -> None:
    """Ends the streams of a session."""
    _publish({"session": _session_id(session_key)})


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


class Stream:
    """One browser's stream: names wait here until it takes them."""

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
        """The body in the event-stream format (WHATWG HTML, 9.2.5); a comment is the heartbeat."""
        yield f"retry: {RETRY_MS}\n: connected\n\n"
        ends_at = asyncio.get_running_loop().time() + LONGEST_S
        while not self._closed and asyncio.get_running_loop().time() < ends_at:
            try:
                await asyncio.wait_for(self._something.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            self._something.clear()
            names, self._names = self._names, {}
            for name in names:
                yield f"event: {name}\ndata: {{}}\n\n"


class Hub:
    """The streams of this process, and the one subscription that feeds them."""

    def __init__(self) -> None:
        self._streams: dict[int, set[Stream]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def has_room(self, user_id: int) -> bool:
        """Whether this person may open another stream on this process."""
        return len(self._streams.get(user_id, ())) < settings.LIVE_STREAMS_PER_USER

    @contextlib.contextmanager
    def stream(self, user_id: int, session_key: str) -> Iterator[Stream]:
        """A registered stream, forgotten at the end."""
        mine = self._streams[user_id]
        self._listen()
        stream = Stream(user_id, session_key)
        mine.add(stream)
        try:
            yield stream
        finally:
            mine.discard(stream)
            if not mine:
                self._streams.pop(user_id, None)

    def close(self) -> None:
        """Ends all streams; may be called from a signal handler or another thread."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._close_all)

    def _close_all(self) -> None:
        for stream in [stream for mine in self._streams.values() for stream in mine]:
            stream.close()
        if self._listener:
            self._listener.cancel()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if self._listener is None or self._listener.done() or self._loop is not loop:
            self._loop = loop
            self._listener = loop.create_task(self._relay())

    async def _relay(self) -> None:
        """Hands on what arrives; when Redis goes away, waits for it and then tells every page to look again."""
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
        missed = False
        while True:
            try:
                async with client.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    if missed:
                        self._tell_everyone("reconnected")
                    async for message in channel.listen():
                        if message["type"] == "message":
                            self._hand_on(json.loads(message["data"]))
            except redis.RedisError as error:
                logger.warning("Live events pause until Redis is back: %s", error)
                missed = True
                await asyncio.sleep(1)

    def _hand_on(self, message: dict) -> None:
        for user_id in message.get("users", ()):
            for stream in self._streams.get(user_id, ()):
                stream.tell(message["names"])
        if session_id := message.get("session"):
            for stream in [stream for mine in self._streams.values() for stream in mine]:
                if stream.session_id == session_id:
                    stream.close()

    def _tell_everyone(self, name: str) -> None:
        for mine in self._streams.values():
            for stream in mine:
                stream.tell([name])


hub = Hub()
