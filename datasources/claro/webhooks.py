"""Webhooks: what the API says of one, and what arrives from it: verify the bytes as received, then parse.

A delivery is a hint and nothing more: read the object again before believing it. Source: docs/claro-api.md, webhooks.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from datasources.claro.errors import Unreadable
from datasources.claro.types import parse_uuid, readable

PROCESSED = "datasource.processed"
SIGNATURE_HEADER = "X-Webhook-Signature"
SECRET_LENGTH_MIN = 16
ID_MAX = 500
_SPELLING = "sha256="


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where Claro reports to. The URL may hold a token, so the repr hides it."""

    webhook_id: str
    name: str
    url: str = field(repr=False)
    events: tuple[str, ...]

    @classmethod
    def from_api(cls, answer: Any) -> Self:
        """From an object, bare or under `webhook` or `data`. Raises Unreadable without an id."""
        data = answer if isinstance(answer, Mapping) else {}
        for wrapper in ("webhook", "data"):
            if isinstance(data.get(wrapper), Mapping):
                data = data[wrapper]
        webhook_id = data.get("webhookId") or data.get("id")
        if isinstance(webhook_id, bool) or not isinstance(webhook_id, str | int) or len(str(webhook_id)) > ID_MAX:
            raise Unreadable("A webhook without `webhookId` or `id`, or with a very long one.")
        events = data.get("events")
        return cls(
            webhook_id=str(webhook_id),
            name=str(data.get("name") or ""),
            url=str(data.get("url") or ""),
            events=tuple(map(str, events)) if isinstance(events, list) else (),
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a delivery says: `event` is empty and `datasource_id` None where it doesn't."""

    event: str = ""
    datasource_id: UUID | None = None


def webhooks_from_api(answer: Any) -> tuple[Webhook, ...]:
    """From a list, bare or under `webhooks` or `data`; those that can't be read are left out. Raises Unreadable."""
    data = answer
    if isinstance(answer, Mapping):
        data = answer.get("webhooks") if "webhooks" in answer else answer.get("data")
    if not isinstance(data, list):
        raise Unreadable("A list of webhooks without `webhooks`.")
    return tuple(readable(Webhook.from_api, data))


def sign(secret: str, raw_body: bytes) -> str:
    """The signature of a body: HMAC-SHA256 in hex."""
    return hmac.digest(secret.encode(), raw_body, "sha256").hex()


def verify_signature(secret: str, raw_body: bytes, header: str) -> bool:
    """Whether `header` signs exactly these bytes, as `hex` or `sha256=hex`; takes the same time for every wrong one."""
    given = header.strip().lower().removeprefix(_SPELLING)
    return hmac.compare_digest(sign(secret, raw_body).encode(), given.encode(errors="replace"))


def parse_delivery(raw_body: bytes) -> Delivery:
    """What a verified body says, in whatever shape it says it; never raises, an unreadable one says nothing."""
    try:
        data = json.loads(raw_body)
    except (ValueError, RecursionError):
        return Delivery()
    if not isinstance(data, Mapping):
        return Delivery()
    inner = data.get("data")
    places = [data, inner] if isinstance(inner, Mapping) else [data]
    event = next((data[name] for name in ("event", "type") if isinstance(data.get(name), str)), "")
    ids = (parse_uuid(place.get("datasourceId")) for place in places)
    return Delivery(event=event, datasource_id=next((found for found in ids if found), None))
