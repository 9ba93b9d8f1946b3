"""The sandbox of the Claro API, over HTTP, as tests and benchmarks steer it."""

import io
import threading
import uuid
from pathlib import Path
from typing import Any

import requests

from sandbox.api import Api
from sandbox.deliveries import Webhook
from sandbox.faults import Faults
from sandbox.server import PREFIX, WINDOW_S, RateLimit, Server
from sandbox.store import Store

HTML_502 = "<html><body><h1>502 Bad Gateway</h1></body></html>"


class Sandbox:
    """A server in this process."""

    def __init__(self, folder: Path, processing_s: float = 0.0):
        self.store = Store(folder, processing_s)
        self.faults = Faults()
        self.api = Api(self.store)
        self._server = Server(("127.0.0.1", 0), self.api, self.faults, control=True)
        self.base_url = self._server.url + PREFIX
        # Its connections are kept, and nothing is looked up in the environment.
        self.session = requests.Session()
        self.session.trust_env = False
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def account(self, calls_per_minute: int = 10_000) -> "Account":
        return Account(self, uuid.uuid4().hex, calls_per_minute)

    def limit_calls_by(self, window_s: int) -> None:
        """From now on the calls of a key are counted for so long, from none; a minute in life."""
        self._server.limit = RateLimit(window_s)

    def reset(self) -> None:
        self.limit_calls_by(WINDOW_S)
        self.faults.clear()
        self.faults.latency_s = 0.0
        self.faults.clock_s = 0
        self.api.shape = "typed"
        self.store.processing_s = 0.0

    def calls(self, key: str = "") -> list[dict[str, Any]]:
        return self.control("GET", f"calls?key={key}").json()

    def webhooks(self) -> list[Webhook]:
        """Of all accounts, as the sandbox keeps them."""
        return [Webhook(**data) for data in self.store.things("webhook")]

    def control(self, method: str, path: str, /, **data: Any) -> requests.Response:
        answer = self.session.request(method, f"{self._server.url}/control/{path}", json=data, timeout=10)
        answer.raise_for_status()
        return answer


class Account:
    """Somebody's account at Claro, with one key."""

    def __init__(self, sandbox: Sandbox, name: str, calls_per_minute: int):
        self.sandbox, self.name = sandbox, name
        self.key = self.another_key(calls_per_minute)

    def another_key(self, calls_per_minute: int = 10_000) -> str:
        made = self.sandbox.control("POST", "keys", account=self.name, callsPerMinute=calls_per_minute)
        return made.json()["key"]

    def add(self, **source: Any) -> uuid.UUID:
        return self.add_many([source])[0]

    def add_many(self, sources: list[dict[str, Any]]) -> list[uuid.UUID]:
        """Sources without a file; `fileName`, `status`, `age` (seconds), `error`, `extra` …"""
        made = self.sandbox.control("POST", "sources", account=self.name, sources=sources)
        return [uuid.UUID(one) for one in made.json()]

    def change(self, source_id: uuid.UUID, **what: Any) -> None:
        self.sandbox.control("POST", f"sources/{source_id}", **what)

    def upload(self, name: str, content: bytes | str) -> uuid.UUID:
        """Uploads a file and waits until it is parsed."""
        data = content.encode() if isinstance(content, str) else content
        answer = self.sandbox.session.post(
            f"{self.sandbox.base_url}/datasources/upload",
            files={"file": (name, io.BytesIO(data))},
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
        )
        answer.raise_for_status()
        source_id = uuid.UUID(answer.json()["datasourceId"])
        self.sandbox.store.wait()
        return source_id

    def webhook(self, url: str) -> str:
        """Another webhook of the account, made by another program; gives its id."""
        new = {"name": "Other", "url": url, "events": ["datasource.processed"], "secret": "x" * 16}
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.post(f"{self.sandbox.base_url}/webhooks", json=new, headers=headers, timeout=10)
        return answer.json()["webhookId"]

    def list_sources(self) -> requests.Response:
        """A call of somebody else with this key."""
        url, headers = f"{self.sandbox.base_url}/datasources", {"Authorization": f"Bearer {self.key}"}
        return requests.get(url, headers=headers, timeout=10)

    def fault(self, kind: str, **what: Any) -> None:
        self.sandbox.control("POST", "faults", kind=kind, **what)

    def refuse(self, code: str, status: int, text: str = "No.", **what: Any) -> None:
        body = f'{{"error": "{text}", "code": "{code}", "details": {{}}}}'
        self.fault("answer", status=status, body=body, headers={"Content-Type": "application/json"}, **what)

    def hold_up(self, **what: Any) -> None:
        """Lets the next call wait until `let_go`; for less than a client waits for an answer, should that not come."""
        self.fault("slow", seconds=9, **what)

    def let_go(self) -> None:
        """Answers what is held up, and forgets all other faults."""
        self.sandbox.faults.clear()

    def held_up(self) -> int:
        """How many calls a fault lets wait just now."""
        return self.sandbox.faults.waiting[self.key]

    def revoke(self) -> None:
        self.sandbox.control("POST", "keys/revoke", key=self.key)

    def calls(self, path: str = "", method: str = "") -> list[dict[str, Any]]:
        found = self.sandbox.calls(self.key)
        return [call for call in found if path in call["path"] and method in ("", call["method"])]
