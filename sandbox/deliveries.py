"""Deliveries of webhooks: signed, sent, and sent again later where nobody took them."""

import hmac
import json
import threading
import time
import uuid
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.store import iso

TIMEOUT_S = 30  # docs/claro-api.md, webhooks
RETRY_AFTER_S = (1, 5, 30, 120, 600)
KEPT = 200  # deliveries a webhook
SENDERS = 8
SIGNATURE_HEADER = "X-Webhook-Signature"


@dataclass
class Webhook:
    """Where an account wants to be told, and of what."""

    id: str
    account: str
    name: str
    url: str
    events: list[str]
    secret: str
    created_at: float
    headers: dict[str, str] = field(default_factory=dict)
    active: bool = True
    # What it was made by, so that the same request makes no second one.
    idempotency_key: str = ""
    request: str = ""

    def to_api(self) -> dict[str, Any]:
        return {
            "webhookId": self.id,
            "name": self.name,
            "url": self.url,
            "events": self.events,
            "headers": self.headers,
            "active": self.active,
            "createdAt": iso(self.created_at),
        }


@dataclass
class Delivery:
    """One event on its way: `status` is pending, delivered or failed."""

    id: str
    webhook: Webhook
    event: str
    body: bytes
    created_at: float
    status: str = "pending"
    attempts: int = 0
    due_at: float | None = None
    answer: int | None = None
    error: str = ""

    def to_api(self) -> dict[str, Any]:
        return {
            "deliveryId": self.id,
            "webhookId": self.webhook.id,
            "event": self.event,
            "status": self.status,
            "attempts": self.attempts,
            "responseStatus": self.answer,
            "error": self.error or None,
            "createdAt": iso(self.created_at),
            "nextAttemptAt": iso(self.due_at) if self.due_at else None,
        }


class Post:
    """Sends deliveries, and keeps the last ones of each webhook."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[Delivery]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._waiting: list[Delivery] = []
        self._lock = threading.Lock()
        self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="deliver")

    def send(self, webhook: Webhook, event: str, data: dict[str, Any]) -> Delivery:
        """A new delivery, on its way."""
        now, delivery_id = time.time(), str(uuid.uuid4())
        body = {"id": delivery_id, "event": event, "createdAt": iso(now), "data": data}
        delivery = Delivery(delivery_id, webhook, event, json.dumps(body, ensure_ascii=False).encode(), now)
        self._kept[webhook.id].append(delivery)
        self._senders.submit(self._attempt, delivery)
        return delivery

    def send_again(self, delivery: Delivery) -> None:
        """Because somebody asks for it."""
        with self._lock:
            self._waiting = [waiting for waiting in self._waiting if waiting is not delivery]
        delivery.status, delivery.due_at, delivery.attempts = "pending", None, 0
        self._senders.submit(self._attempt, delivery)

    def send_due(self) -> None:
        """What was not taken, and has waited long enough."""
        now = time.time()
        with self._lock:
            due = [delivery for delivery in self._waiting if delivery.due_at <= now]
            self._waiting = [delivery for delivery in self._waiting if delivery.due_at > now]
        for delivery in due:
            self._senders.submit(self._attempt, delivery)

    def of(self, webhook: Webhook) -> list[Delivery]:
        """The last deliveries, the newest first."""
        return list(reversed(self._kept[webhook.id]))

    def forget(self, webhook: Webhook) -> None:
        with self._lock:
            self._waiting = [delivery for delivery in self._waiting if delivery.webhook is not webhook]
        self._kept.pop(webhook.id, None)

    def _attempt(self, delivery: Delivery) -> None:
        delivery.attempts += 1
        delivery.due_at, delivery.answer, delivery.error = None, None, ""
        try:
            delivery.answer = _post(delivery)
        except requests.RequestException as error:
            delivery.error = f"No answer ({type(error).__name__})."
        if delivery.answer and 200 <= delivery.answer < 300:
            delivery.status = "delivered"
        elif delivery.attempts > len(RETRY_AFTER_S) or not delivery.webhook.active:
            delivery.status = "failed"
        else:
            delivery.due_at = time.time() + RETRY_AFTER_S[delivery.attempts - 1]
            with self._lock:
                self._waiting.append(delivery)


def _post(delivery: Delivery) -> int:
    webhook = delivery.webhook
    signature = hmac.digest(webhook.secret.encode(), delivery.body, "sha256").hex()
    headers = {**webhook.headers, "Content-Type": "application/json", SIGNATURE_HEADER: f"sha256={signature}"}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            webhook.url, data=delivery.body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
        )
        return answer.status_code
