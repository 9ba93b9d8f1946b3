"""Accounts, keys, sources and their original files: in memory, and written through to one SQLite file."""

import json
import secrets
import shutil
import sqlite3
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sandbox import parsing
from sandbox.tables import Column, Tables

CALLS_PER_MINUTE = 100


@dataclass
class Key:
    key: str
    account: str
    calls_per_minute: int
    revoked: bool = False


@dataclass
class Source:
    """A data source; `outcome` is what it becomes at `ready_at` (epoch seconds, None: not by itself)."""

    id: str
    account: str
    file_name: str
    content_type: str
    size: int
    uploaded_at: float
    ready_at: float | None
    outcome: str = ""  # completed or failed; empty until the file was parsed
    error: str = ""
    columns: list[Column] = field(default_factory=list)
    row_count: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
    made_by: str = ""  # the name of a table that is made on demand (demo.py)

    @property
    def status(self) -> str:
        ready = self.outcome and self.ready_at is not None and time.time() >= self.ready_at
        return self.outcome if ready else "processing"

    def to_api(self) -> dict[str, Any]:
        """The object of docs/claro-api.md, data sources, with further fields as the real API may have them."""
        done = self.status != "processing"
        answer: dict[str, Any] = {
            "datasourceId": self.id,
            "fileName": self.file_name,
            "contentType": self.content_type,
            "fileSize": self.size,
            "status": self.status,
            "uploadedAt": iso(self.uploaded_at),
            "processedAt": iso(self.ready_at) if done and self.ready_at else None,
        }
        if self.status == "completed":
            columns = [{"name": column.name, "type": column.kind} for column in self.columns]
            answer |= {"rowCount": self.row_count, "columnCount": len(columns), "columns": columns}
        if self.status == "failed":
            answer["error"] = self.error
        return answer | self.extra


class Store:
    """Everything of one sandbox, under one folder. Its methods may be called from any thread."""

    def __init__(self, folder: Path, processing_s: float):
        folder.mkdir(parents=True, exist_ok=True)
        self.files = folder / "files"
        self.files.mkdir(exist_ok=True)
        self.tables = Tables(folder)
        self.processing_s = processing_s
        self.keys: dict[str, Key] = {}
        self.sources: dict[str, Source] = {}
        self._parser = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parse")
        self._lock = threading.RLock()
        self._database = sqlite3.connect(folder / "sandbox.sqlite3", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS things (kind TEXT, id TEXT, data TEXT, PRIMARY KEY (kind, id))"
        )
        self._load()
        self.signing_key = self._signing_key()

    def key(self, secret: str) -> Key | None:
        found = self.keys.get(secret)
        return found if found and not found.revoked else None

    def add_key(self, account: str = "", key: str = "", calls_per_minute: int = CALLS_PER_MINUTE) -> Key:
        made = Key(key or f"claro_test_{secrets.token_hex(16)}", account or uuid.uuid4().hex, calls_per_minute)
        self.keys[made.key] = made
        self.keep("key", made.key, asdict(made))
        return made

    def revoke(self, key: str) -> None:
        self.keys[key].revoked = True
        self.keep("key", key, asdict(self.keys[key]))

    def sources_of(self, account: str) -> list[Source]:
        """The newest first."""
        with self._lock:
            mine = [source for source in self.sources.values() if source.account == account]
        return sorted(mine, key=lambda source: (source.uploaded_at, source.id), reverse=True)

    def source(self, account: str, source_id: str) -> Source | None:
        found = self.sources.get(source_id)
        return found if found and found.account == account else None

    def upload(self, account: str, file_name: str, file: BinaryIO, kind: str = "") -> Source:
        """Keeps the original and has it parsed; it is processing until that is done and its time has passed."""
        now = time.time()
        source = Source(
            id=str(uuid.uuid4()),
            account=account,
            file_name=file_name,
            content_type=kind or parsing.content_type(file_name),
            size=0,
            uploaded_at=now,
            ready_at=now + self.processing_s,
        )
        with self.path(source).open("wb") as original:
            shutil.copyfileobj(file, original)
        source.size = self.path(source).stat().st_size
        self.put(source)
        self._parser.submit(self._process, source)
        return source

    def _process(self, source: Source) -> None:
        """What happens to an upload: it is ready once it is parsed, and its time has passed."""
        ready_at, source.ready_at = source.ready_at, None
        self.parse(source)
        source.ready_at = ready_at and max(ready_at, time.time())
        with self._lock:
            if source.id in self.sources:
                self.put(source)
                return
        self.delete(source)  # once more: it was deleted while it was parsed

    def parse(self, source: Source) -> None:
        """Makes the table, or notes why there is none."""
        try:
            columns, rows = parsing.parse(self.path(source), source.content_type)
            source.row_count = self.tables.create(source.id, columns, rows)
        except parsing.Unreadable as error:
            source.outcome, source.error = "failed", str(error)
        except Exception as error:
            source.outcome, source.error = "failed", f"The file can't be processed ({type(error).__name__})."
        else:
            source.columns, source.outcome = columns, "completed"

    def wait(self) -> None:
        """Until every upload so far is parsed."""
        self._parser.submit(int).result()

    def put(self, source: Source) -> None:
        with self._lock:
            self.sources[source.id] = source
        self.keep("source", source.id, asdict(source))

    def put_many(self, sources: list[Source]) -> None:
        with self._lock:
            self.sources |= {source.id: source for source in sources}
            rows = [("source", source.id, json.dumps(asdict(source))) for source in sources]
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO things VALUES (?, ?, ?)", rows)
            self._database.execute("COMMIT")

    def delete(self, source: Source) -> None:
        with self._lock:
            self.sources.pop(source.id, None)
            self.forget("source", source.id)
        self.tables.drop(source.id)
        self.path(source).unlink(missing_ok=True)

    def path(self, source: Source) -> Path:
        """Where the original file lies; the name is ours, never the uploader's."""
        return self.files / source.id

    def things(self, kind: str) -> list[dict[str, Any]]:
        """What was kept of a kind that isn't a key or a source."""
        with self._lock:
            rows = self._database.execute("SELECT data FROM things WHERE kind = ?", [kind]).fetchall()
        return [json.loads(data) for (data,) in rows]

    def keep(self, kind: str, name: str, data: dict[str, Any]) -> None:
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO things VALUES (?, ?, ?)", [kind, name, json.dumps(data)])

    def forget(self, kind: str, name: str) -> None:
        with self._lock:
            self._database.execute("DELETE FROM things WHERE kind = ? AND id = ?", [kind, name])

    def _load(self) -> None:
        for kind, data in self._database.execute("SELECT kind, data FROM things").fetchall():
            thing = json.loads(data)
            if kind == "key":
                self.keys[thing["key"]] = Key(**thing)
            elif kind == "source":
                source = Source(**{**thing, "columns": [Column(**column) for column in thing["columns"]]})
                self.sources[source.id] = source
                if not source.outcome:
                    self._parser.submit(self._process, source)

    def _signing_key(self) -> bytes:
        found = self._database.execute("SELECT data FROM things WHERE kind = 'signing'").fetchone()
        if not found:
            self.keep("signing", "key", {"key": secrets.token_hex(32)})
            return self._signing_key()
        return bytes.fromhex(json.loads(found[0])["key"])


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
