"""All that is stored, as bytes, for tests that look for secrets in it."""

import subprocess
import zlib
from pathlib import Path

from django.db import connection as database

from core import redis


def redis_content() -> bytes:
    """Every key and every value in Redis, unpacked where they are compressed."""
    client = redis.connection()
    parts: list[bytes] = []
    for key in client.scan_iter(count=1000):
        parts += [key, *_value(client, key)]
    return b"\n".join(unpacked(part) for part in parts)


def database_content() -> bytes:
    """The database as it lies on disk, deleted rows included where they are still there; else its rows as text."""
    if database.vendor == "sqlite":
        name = database.settings_dict["NAME"]
        files = [path for path in (Path(name), Path(f"{name}-wal")) if path.exists()]
        # By another process: one that closes a file loses all its locks on it, those of SQLite's connections too
        # (https://www.sqlite.org/howtocorrupt.html, 2.2).
        return subprocess.run(["cat", *files], capture_output=True, check=True).stdout
    with database.cursor() as cursor:
        tables = database.introspection.table_names(cursor)
        texts = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - our own table names
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts).encode()


def _value(client, key: bytes) -> list[bytes]:
    match client.type(key):
        case b"hash":
            return [part for pair in client.hgetall(key).items() for part in pair]
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return list(client.smembers(key))
        case b"zset":
            return client.zrange(key, 0, -1)
    return [client.get(key) or b""]


def unpacked(value: bytes) -> bytes:
    """The value without its compression, where it has one."""
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value
