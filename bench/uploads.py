"""Memory that four uploads of 100 MB at once add to the web process, against Django's own upload handlers."""

import http.client
import threading
import time
from collections.abc import Iterator

from bench import stock
from bench.timing import Figure, memory_mb
from bench.world import Browser, World
from datasources.models import Upload

FILES, LIMIT_MB = 4, 60
# As many bytes as a file may have, piece by piece: this process holds one of them.
PIECE = b"all work and no play makes a dull file\n" * 25_000
PIECES = 100 * 2**20 // len(PIECE)
BOUNDARY = "bench-boundary"
PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="large.txt"\r\n\r\n'.encode()
TOKEN = "a" * 32
END = f"\r\n--{BOUNDARY}--\r\n".encode()


def figures(world: World) -> Iterator[Figure]:
    reader = stock.person()
    stock.key(world.sandbox.account(), reader)
    ours = _added_mb(world.web_pid, world.web_port, Browser(world.web_port, reader))
    assert Upload.objects.filter(size_bytes=PIECES * len(PIECE)).count() == FILES
    for name in ("memory", "temporary"):
        port = world.another_web(BENCH_UPLOADS=name)
        theirs = _added_mb(world.pids[port], port, Browser(port, reader))
        what = f"memory of {FILES} uploads of 100 MB at once, limit {LIMIT_MB} MB"
        yield Figure(what, f"{ours:.0f} MB", f"Django's {name} file handler, {theirs:.0f} MB", f"{ours / theirs:.2f}×")


def _added_mb(pid: int, port: int, browser: Browser) -> float:
    """The most that the process held while the files arrived, above what it held after a page."""
    browser.get("/empty/")
    before, most, over = memory_mb(pid), [0.0], threading.Event()
    senders = [threading.Thread(target=_send, args=(port, browser.cookie)) for _ in range(FILES)]
    watching = threading.Thread(target=_watch, args=(pid, most, over))
    for thread in (watching, *senders):
        thread.start()
    for sender in senders:
        sender.join()
    over.set()
    watching.join()
    return most[0] - before


def _send(port: int, cookie: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.putrequest("POST", "/sources/upload/")
    headers = {
        "Cookie": f"{cookie}; csrftoken={TOKEN}",
        "X-CSRFToken": TOKEN,
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(PART) + PIECES * len(PIECE) + len(END)),
    }
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(PART)
    for _ in range(PIECES):
        connection.send(PIECE)
    connection.send(END)
    answer = connection.getresponse()
    assert answer.status in (200, 302), answer.status
    answer.read()


def _watch(pid: int, most: list[float], over: threading.Event) -> None:
    while not over.is_set():
        most[0] = max(most[0], memory_mb(pid))
        time.sleep(0.02)
