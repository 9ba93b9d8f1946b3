"""The operations of docs/claro-api.md, webhooks; a thread detects the data sources that are processed."""

import hashlib
import json
import logging
import re
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from sandbox.answers import Answer, ApiFault, Request, as_json, invalid
from sandbox.deliveries import Delivery, Post, Webhook
from sandbox.store import Store

PROCESSED, TEST = "datasource.processed", "webhook.test"
EVENTS = (
    PROCESSED,
    "dataset.created",
    "dataset.task.started",
    "dataset.task.completed",
    "dataset.task.failed",
)
HEADERS_MAX = 10
SECRET_MIN, TEXT_MAX = 16, 2000
LOOK_EVERY_S = 0.2
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Names that are ours to send (RFC 9110, 5.6.2 says what a name may be).
_OURS = ("content-type", "content-length", "host", "transfer-encoding", "connection", "x-webhook-signature")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")

logger = logging.getLogger(__name__)


class Webhooks:
    """The webhooks of all accounts; a thread of its own tells them of what finishes, once there is one."""

    def __init__(self, store: Store):
        self._store, self._post = store, Post()
        self._webhooks = {data["id"]: Webhook(**data) for data in store.things("webhook")}
        self._told: set[str] = set()
        self._started_at = time.time()
        self._lock = threading.Lock()
        self._looks = False
        if self._webhooks:
            self._look_from_now_on()

    def handle(self, request: Request, account: str) -> Answer:
        """Finds the operation. Raises ApiFault."""
        match [request.method, *request.path.strip("/").split("/")[1:]]:
            case ["GET"]:
                return as_json({"webhooks": [webhook.to_api() for webhook in self._of(account)]})
            case ["POST"]:
                return self._create(request, account)
            case ["GET", webhook_id]:
                return as_json(self._find(account, webhook_id).to_api())
            case ["PATCH", webhook_id]:
                return self._change(self._find(account, webhook_id), request)
            case ["DELETE", webhook_id]:
                return self._delete(self._find(account, webhook_id))
            case ["POST", webhook_id, "test"]:
                webhook = self._find(account, webhook_id)
                return as_json(self._post.send(webhook, TEST, {}).to_api(), 202)
            case ["GET", webhook_id, "deliveries"]:
                deliveries = self._post.of(self._find(account, webhook_id))
                return as_json({"deliveries": [delivery.to_api() for delivery in deliveries]})
            case ["POST", webhook_id, "deliveries", delivery_id, "retry"]:
                delivery = self._delivery(self._find(account, webhook_id), delivery_id)
                self._post.send_again(delivery)
                return as_json(delivery.to_api(), 202)
        raise ApiFault(404, "NOT_FOUND", "There is no such operation.")

    def _create(self, request: Request, account: str) -> Answer:
        """With an Idempotency-Key, the same request makes one webhook, however often it comes."""
        data = _object(request)
        for name in ("name", "url", "events", "secret"):
            if name not in data:
                raise invalid(f"{name} is missing.")
        values = _checked(data)
        once = request.headers.get("Idempotency-Key", "")
        body = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
        with self._lock:
            made = next((one for one in self._of(account) if once and one.idempotency_key == once), None)
            if made and made.request != body:
                raise invalid("This Idempotency-Key was used for another request.")
            if not made:
                given = {**values, "idempotency_key": once, "request": body}
                made = Webhook(id=str(uuid.uuid4()), account=account, created_at=time.time(), **given)
                self._keep(made)
        self._look_from_now_on()
        return as_json(made.to_api(), 201)

    def _change(self, webhook: Webhook, request: Request) -> Answer:
        for name, value in _checked(_object(request)).items():
            setattr(webhook, name, value)
        self._keep(webhook)
        return as_json(webhook.to_api())

    def _delete(self, webhook: Webhook) -> Answer:
        webhook.active = False
        self._webhooks.pop(webhook.id, None)
        self._store.forget("webhook", webhook.id)
        self._post.forget(webhook)
        return Answer(204)

    def _keep(self, webhook: Webhook) -> None:
        self._webhooks[webhook.id] = webhook
        self._store.keep("webhook", webhook.id, asdict(webhook))

    def _of(self, account: str) -> list[Webhook]:
        return [webhook for webhook in list(self._webhooks.values()) if webhook.account == account]

    def _find(self, account: str, webhook_id: str) -> Webhook:
        found = self._webhooks.get(webhook_id)
        if found is None or found.account != account:
            raise ApiFault(404, "WEBHOOK_NOT_FOUND", "This webhook does not exist.")
        return found

    def _delivery(self, webhook: Webhook, delivery_id: str) -> Delivery:
        for delivery in self._post.of(webhook):
            if delivery.id == delivery_id:
                return delivery
        raise ApiFault(404, "DELIVERY_NOT_FOUND", "This delivery does not exist.")

    def _look_from_now_on(self) -> None:
        with self._lock:
            if not self._looks:
                self._looks = True
                threading.Thread(target=self._look_for_ever, daemon=True, name="webhooks").start()

    def _look_for_ever(self) -> None:
        while True:
            try:
                self._tell_what_is_processed()
                self._post.send_due()
            except Exception:
                logger.exception("Webhooks")
            time.sleep(LOOK_EVERY_S)

    def _tell_what_is_processed(self) -> None:
        """Sources become ready by time, not by a call, hence this look at all of them."""
        wanting: dict[str, list[Webhook]] = defaultdict(list)
        for webhook in list(self._webhooks.values()):
            if webhook.active and PROCESSED in webhook.events:
                wanting[webhook.account].append(webhook)
        for source in list(self._store.sources.values()) if wanting else []:
            if source.status == "processing":
                self._told.discard(source.id)
            elif source.id not in self._told:
                self._told.add(source.id)
                for webhook in wanting.get(source.account, []):
                    if (source.ready_at or 0) >= max(webhook.created_at, self._started_at):
                        self._post.send(webhook, PROCESSED, source.to_api())


def _object(request: Request) -> dict[str, Any]:
    data = request.json()
    if not isinstance(data, dict):
        raise invalid("The body must be an object.")
    return data


def _checked(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a webhook that stand in a request. Raises ApiFault."""
    for name in ("name", "url", "secret"):
        if name in data and not (isinstance(data[name], str) and 0 < len(data[name]) <= TEXT_MAX):
            raise invalid(f"{name} must be a text.")
    if "url" in data and not _is_reachable(data["url"]):
        raise invalid("url must be a public https address.")
    events = data.get("events", [PROCESSED])
    if not isinstance(events, list) or not events or not all(event in EVENTS for event in events):
        raise invalid(f"events must be some of {', '.join(EVENTS)}.")
    if len(data.get("secret", "x" * SECRET_MIN)) < SECRET_MIN:
        raise invalid(f"secret must have at least {SECRET_MIN} characters.")
    if not _are_headers(data.get("headers", {})):
        raise invalid(f"headers must be up to {HEADERS_MAX} names with texts.")
    if not isinstance(data.get("active", True), bool):
        raise invalid("active must be true or false.")
    return {name: data[name] for name in ("name", "url", "events", "secret", "headers", "active") if name in data}


def _is_reachable(url: str) -> bool:
    """The real API wants https and a public host; the sandbox also reaches its own machine, so that it can be tried."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return (
        bool(host) and url.isprintable() and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
    )


def _are_headers(headers: Any) -> bool:
    return (
        isinstance(headers, dict)
        and len(headers) <= HEADERS_MAX
        and all(_HEADER_NAME.fullmatch(name) and name.lower() not in _OURS for name in headers)
        and all(isinstance(value, str) and value.isascii() and value.isprintable() for value in headers.values())
    )
