"""Hooks as a worker tends them, and deliveries as Claro makes them: right, but for what a test spoils."""

import json
import uuid
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.test import Client

from core import leases
from datasources.claro import PROCESSED, SIGNATURE_HEADER, sign
from datasources.mirror import deliveries, webhooks
from datasources.models import ApiKey, Hook


def tended(hook: Hook) -> str:
    """What is due with a hook, or would be sooner or later, done here instead of by a worker."""
    Hook.objects.filter(pk=hook.pk).update(due_at="2020-01-01T00:00Z", leased_until=None)
    hook.hints.exclude(due_at=None).update(due_at="2020-01-01T00:00Z")
    word = webhooks.tend(str(hook.pk), leases.claim(Hook, hook.pk))
    if Hook.objects.filter(pk=hook.pk).exists():
        hook.refresh_from_db()
    return word


def registered(key: ApiKey) -> Hook:
    """The key's hook, set up at Claro."""
    hook = webhooks.switch_on(key)
    assert tended(hook) == "done"
    return hook


def path(hook: Hook) -> str:
    """Of the address that Claro reports to."""
    return urlsplit(webhooks.url(hook)).path


def body(datasource_id: object = None, event: str = PROCESSED, **more: object) -> bytes:
    data = {"event": event, "data": {"datasourceId": str(datasource_id)} if datasource_id else {}}
    return json.dumps(data | {"id": str(uuid.uuid4())} | more).encode()


def deliver(hook: Hook, raw_body: bytes, *, signature: str | None = None, to: str = "") -> HttpResponse:
    signature = sign(deliveries.signing_secret(hook), raw_body) if signature is None else signature
    client = Client(enforce_csrf_checks=True)
    return client.post(
        to or path(hook), raw_body, content_type="application/json", headers={SIGNATURE_HEADER: signature}
    )


def told(hook: Hook, datasource_id: object = None, **more: object) -> HttpResponse:
    """The answer to a delivery about a source."""
    return deliver(hook, body(datasource_id, **more))
