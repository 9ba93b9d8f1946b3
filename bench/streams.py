"""Open `/live/` streams: what 2,000 of them take, and how soon an event reaches all."""

import asyncio
import resource
import time
from collections.abc import Iterator

from bench import stock
from bench.timing import Figure, memory_mb, status
from bench.world import World
from core import live

STREAMS, PEOPLE = 2000, 100


def figures(world: World) -> Iterator[Figure]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    people = [stock.person() for _ in range(PEOPLE)]
    cookies = [world.browser(person).cookie for person in people]
    idle_mb = memory_mb(world.web_pid)
    threads = status(world.web_pid, "Threads")
    took_s, open_mb, more_threads = asyncio.run(_measure(world, cookies, [person.pk for person in people]))
    yield Figure(f"{STREAMS:,} open streams", f"{open_mb - idle_mb:.0f} MB more", f"idle, {idle_mb:.0f} MB", "–")
    yield Figure("threads for them", f"{more_threads - threads}", f"idle, {threads}", "–")
    yield Figure("an event reaches all of them", f"{took_s * 1000:.0f} ms", "one second", f"{took_s:.2f}×")


async def _measure(world: World, cookies: list[str], people: list[int]) -> tuple[float, float, int]:
    streams = [await _open(world.web_port, cookies[number % PEOPLE]) for number in range(STREAMS)]
    await asyncio.sleep(2)
    memory, threads = memory_mb(world.web_pid), status(world.web_pid, "Threads")
    waiting = [asyncio.create_task(reader.readuntil(b"event: bench")) for reader, _ in streams]
    started = time.monotonic()
    await asyncio.to_thread(live.publish, people, "bench")
    await asyncio.gather(*waiting)
    took_s = time.monotonic() - started
    for _, writer in streams:
        writer.close()
    return took_s, memory, threads


async def _open(port: int, cookie: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /live/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
    head = await reader.readuntil(b"event: connected")
    assert b" 200 " in head, head
    return reader, writer
