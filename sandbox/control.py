"""The control API for tests and benchmarks under /control/; only with `--control`."""

import time
import uuid
from typing import Any

from sandbox.answers import Answer, ApiFault, Request, as_json
from sandbox.api import Api
from sandbox.faults import Faults
from sandbox.parsing import content_type
from sandbox.store import CALLS_PER_MINUTE, Source


class Control:
    def __init__(self, api: Api, faults: Faults):
        self._api, self._store, self._faults = api, api.store, faults
        self._calls: list[dict[str, Any]] = []

    def note(self, key: str, request: Request, status: int) -> None:
        """Writes a call into the log that tests read; `list.append` is atomic."""
        call = {"key": key, "method": request.method, "path": request.path, "query": request.query, "status": status}
        self._calls.append(call | {"at": time.time()})

    def handle(self, request: Request) -> Answer:
        match [request.method, *request.path.removeprefix("/control/").split("/")]:
            case ["POST", "keys"]:
                data = request.json()
                calls_per_minute = data.get("callsPerMinute", CALLS_PER_MINUTE)
                made = self._store.add_key(data.get("account", ""), data.get("key", ""), calls_per_minute)
                return as_json({"key": made.key, "account": made.account})
            case ["POST", "keys", "revoke"]:
                self._store.revoke(request.json()["key"])
            case ["POST", "sources"]:
                data = request.json()
                made = [self._new(data["account"], given) for given in data["sources"]]
                self._store.put_many(made)
                return as_json([source.id for source in made])
            case ["POST", "sources", source_id]:
                self._change(self._store.sources[source_id], request.json())
            case ["POST", "faults"]:
                self._faults.order(**request.json())
            case ["DELETE", "faults"]:
                self._faults.clear()
            case ["POST", "settings"]:
                self._set(**request.json())
            case ["GET", "calls"]:
                wanted = request.query.get("key", "")
                return as_json([call for call in list(self._calls) if wanted in ("", call["key"])])
            case ["DELETE", "calls"]:
                self._calls.clear()
            case _:
                raise ApiFault(404, "NOT_FOUND", "There is no such control.")
        return Answer(204)

    def _new(self, account: str, given: dict[str, Any]) -> Source:
        """A source without a file: for lists and states. One with rows comes by upload."""
        now = time.time()
        name = given.get("fileName", "things.csv")
        status = given.get("status", "completed")
        return Source(
            id=given.get("id") or str(uuid.uuid4()),
            account=account,
            file_name=name,
            content_type=given.get("contentType", content_type(name)),
            size=given.get("fileSize", 1234),
            uploaded_at=now - given.get("age", 60),
            ready_at=None if status == "processing" else now - given.get("age", 60) / 2,
            outcome="" if status == "processing" else status,
            error=given.get("error", ""),
            extra=given.get("extra", {}),
        )

    def _change(self, source: Source, data: dict[str, Any]) -> None:
        if "status" in data:
            source.outcome, source.error = data["status"], data.get("error", "")
            source.ready_at = None if data["status"] == "processing" else time.time()
        source.extra |= data.get("extra", {})
        self._store.put(source)

    def _set(
        self,
        shape: str | None = None,
        processing_s: float | None = None,
        latency_s: float | None = None,
        clock_s: int | None = None,
    ) -> None:
        self._api.shape = shape or self._api.shape
        self._store.processing_s = self._store.processing_s if processing_s is None else processing_s
        self._faults.latency_s = self._faults.latency_s if latency_s is None else latency_s
        self._faults.clock_s = self._faults.clock_s if clock_s is None else clock_s
