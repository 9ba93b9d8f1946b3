"""Bare calls of the sandbox's API, without the client of the dashboard."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import requests


@dataclass
class Calls:
    """Calls with one key."""

    base_url: str
    key: str

    def __call__(self, method: str, path: str, *, timeout: Any = 30, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}".encode()} | options.pop("headers", {})
        return requests.request(method, f"{self.base_url}{path}", headers=headers, timeout=timeout, **options)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self("GET", path, params=query)

    def sources(self, **query: Any) -> dict[str, Any]:
        return good(self.get("/datasources", **query))

    def details(self, source_id: uuid.UUID) -> dict[str, Any]:
        return good(self.get(f"/datasources/{source_id}"))

    def rows(self, source_id: uuid.UUID, **query: Any) -> dict[str, Any]:
        return good(self.get(f"/datasources/{source_id}/data", **query))

    def column(self, source_id: uuid.UUID, name: str, **query: Any) -> list[Any]:
        """One column of a page of rows (of the shape `typed`)."""
        answer = self.rows(source_id, **query)
        place = [column["name"] for column in answer["columns"]].index(name)
        return [row[place] for row in answer["rows"]]

    def count(self, source_id: uuid.UUID, expression: str) -> int:
        return self.rows(source_id, filter=expression, limit=1)["pagination"]["total"]

    def upload(self, name: str, content: bytes, field: str = "file") -> requests.Response:
        return self("POST", "/datasources/upload", files={field: (name, content)})

    def sign(self, source_id: uuid.UUID, body: Any = None) -> requests.Response:
        return self("POST", f"/datasources/{source_id}/download", json=body)


def good(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content, parse_constant=_no_json)


def _no_json(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def assert_refused(answer: requests.Response, code: str, status: int) -> str:
    """The API's error with that code; gives its words."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert isinstance(body["details"], dict)
    return body["error"]
