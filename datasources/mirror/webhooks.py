"""Webhooks: registers them at Claro and removes them. deliveries.py handles their deliveries."""

import hashlib
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from core.leases import Held
from core.vault import SecretUnreadable
from datasources import access, gateway
from datasources.claro import PROCESSED, ApiError, ClaroError, Unauthorized
from datasources.gateway import retry
from datasources.gateway.budget import Lane
from datasources.mirror import deliveries
from datasources.models import ApiKey, Hook

if TYPE_CHECKING:
    from datasources.claro.client import ClaroClient

NAME = "Claro Dashboard"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Statuses of a refusal that may pass: slow, in conflict with another try, too early.
PASSING = frozenset({408, 409, 425})


class HookUnreadable(ClaroError):
    """The hook's secret does not open with the dashboard's master key."""

    words = "The webhook's secret can't be read. Turn instant updates off and on again."


def why_not() -> str:
    """The reason why Claro cannot send webhooks, as a sentence; empty if it can."""
    if not settings.PUBLIC_URL:
        return "Claro can't reach this dashboard: PUBLIC_URL, its public https address, is not set."
    try:
        parts = urlsplit(settings.PUBLIC_URL)
        # http on this machine is for trying it with the sandbox.
        works = bool(parts.hostname) and (parts.scheme == "https" or _is_local_http(parts.scheme, parts.hostname))
    except ValueError:
        works = False
    return "" if works else "Claro can't reach this dashboard: PUBLIC_URL is not an https address."


def switch_on(key: ApiKey) -> Hook:
    """The key's hook: the present one, or a new one for a task to register."""
    Hook.objects.filter(key=key, state=Hook.State.FAILED).delete()
    hook = Hook(key=key, address=settings.PUBLIC_URL, due_at=timezone.now())
    hook.seal(secrets.token_urlsafe(32))
    hook.token_hash = _hash(hook.derived("token"))
    try:
        with transaction.atomic():
            hook.save(force_insert=True)
    except IntegrityError:
        return Hook.objects.get(key=key)
    _tell(key)
    return hook


def switch_off(key: ApiKey) -> Hook | None:
    """The key's hook, for a task to remove at Claro; None when there is none."""
    mine = Hook.objects.filter(key=key)
    mine.filter(state=Hook.State.FAILED).delete()
    mine.update(state=Hook.State.REMOVING, due_at=timezone.now(), attempts=0, problem=None)
    _tell(key)
    return mine.first()


def _give_up(held: Held, error: ClaroError) -> None:
    """Hints that were not followed wait for the next one; until then, polling finds what they are about."""
    if held.work.state == Hook.State.REGISTERED:
        held.finish(attempts=0, problem=error.to_dict())
    else:
        _end(held, error)
    _tell(held.work.key)


@retry.work(Hook, _give_up)
def tend(held: Held) -> str:
    """Does the due work: registers or removes the webhook, or reads the reported sources. Raises LeaseLost."""
    state = held.work.state
    try:
        if state == Hook.State.WANTED:
            _register(held)
        elif state == Hook.State.REMOVING:
            _remove(held)
        else:
            deliveries.read(held)
            _rest(held)
    except ClaroError as error:
        _not_done(held, error)
        return "put back"
    return "done"


def remove_now(key: ApiKey) -> ClaroError | None:
    """Has Claro forget the webhook of a key that is about to go, with one try; gives what went wrong."""
    hook = Hook.objects.filter(key=key).exclude(state=Hook.State.FAILED).first()
    try:
        if hook:
            with gateway.client(key, Lane.PERSON) as claro:
                _delete_at_claro(hook, claro)
    except ClaroError as error:
        return error
    return None


def go_on(key: ApiKey) -> None:
    """Makes due what waited for a person to replace a refused or unreadable key."""
    mine = Hook.objects.filter(key=key).exclude(state=Hook.State.FAILED)
    mine.update(due_at=timezone.now(), attempts=0, problem=None)


def find(token: str) -> Hook | None:
    """The hook with this token in its address, if its deliveries still count. One query."""
    listening = Hook.objects.filter(state__in=[Hook.State.WANTED, Hook.State.REGISTERED])
    return listening.filter(token_hash=_hash(token)).select_related("key__watch").first()


def url(hook: Hook) -> str:
    """Where Claro reports to: as good as a password, for Claro alone. Raises SecretUnreadable."""
    return hook.address + reverse("hook", args=[hook.derived("token")])


def _register(held: Held) -> None:
    """By the idempotency key, a try whose answer was lost and the next one make one webhook."""
    hook: Hook = held.work
    try:
        address, secret, once = url(hook), deliveries.signing_secret(hook), hook.derived("idempotency key")
    except SecretUnreadable:
        raise HookUnreadable from None
    with gateway.client(hook.key, Lane.LINK) as claro:
        made = claro.create_webhook(NAME, address, [PROCESSED], secret, once)
        if not Hook.objects.filter(pk=hook.pk).exists():  # its key was deleted meanwhile
            claro.delete_webhook(made.webhook_id)
    held.renew(claro_id=made.webhook_id)
    # Only if nobody has switched it off meanwhile.
    Hook.objects.filter(pk=hook.pk, state=Hook.State.WANTED).update(state=Hook.State.REGISTERED)
    _rest(held)
    _tell(hook.key)


def _remove(held: Held) -> None:
    hook: Hook = held.work
    with gateway.client(hook.key, Lane.LINK) as claro:
        _delete_at_claro(hook, claro)
    hook.delete()
    _tell(hook.key)


def _delete_at_claro(hook: Hook, claro: "ClaroClient") -> None:
    """Where the try to register it was cut, its id is not known: it is found by its address."""
    if hook.claro_id:
        claro.delete_webhook(hook.claro_id)
        return
    try:
        address = url(hook)
    except SecretUnreadable:
        return
    for webhook in claro.list_webhooks():
        if webhook.url == address:
            claro.delete_webhook(webhook.webhook_id)


def _rest(held: Held) -> None:
    """Returns the work. New deliveries are due at once, or at their own time."""
    held.finish(attempts=0, problem=None)
    mine = Hook.objects.filter(pk=held.work.pk, due_at=None)
    if due_at := deliveries.next_due(held.work):
        mine.update(due_at=due_at)
    mine.filter(state=Hook.State.REMOVING).update(due_at=timezone.now())


def _not_done(held: Held, error: ClaroError) -> None:
    """Reschedules the work, or lets it wait for a replaced key; a refusal ends it."""
    hook: Hook = held.work
    if hook.state == Hook.State.REGISTERED:
        retry.put_back(held, error)
        return
    if _is_refusal(error):
        _end(held, error)
    else:
        retry.put_back(held, error, problem=error.to_dict())
    _tell(hook.key)


def _end(held: Held, error: ClaroError) -> None:
    if held.work.state == Hook.State.REMOVING:
        held.finish(problem=error.to_dict())
        return
    _rest(held)
    failed = {"state": Hook.State.FAILED, "problem": error.to_dict()}
    Hook.objects.filter(pk=held.work.pk, state=Hook.State.WANTED).update(**failed)


def _is_refusal(error: ClaroError) -> bool:
    if isinstance(error, HookUnreadable):
        return True
    if not isinstance(error, ApiError) or isinstance(error, Unauthorized) or error.retryable:
        return False
    return 400 <= error.status < 500 and error.status not in PASSING


def _is_local_http(scheme: str, host: str) -> bool:
    return scheme == "http" and host in LOOPBACK


def _tell(key: ApiKey) -> None:
    access.publish(key, "keys-changed")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
