"""Celery tasks: ids in, one call of a room, a word out. What is due and who does it is the database's (leases.py).

Queue `interactive` has workers of its own: what a person waits for never stands behind sweeps (settings, task routes).
"""

import functools
import logging

import redis
from celery import Task, shared_task
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from kombu.exceptions import OperationalError

from accounts import sessions
from accounts.models import Invitation
from datasources import (
    audit,
    bin,
    hints,
    hooks,
    invitations,
    leases,
    links,
    mirror,
    newest,
    notices,
    opened,
    outlets,
    readings,
    refusals,
    shares,
    watch,
)
from datasources.leases import LeaseLost
from datasources.models import Deletion, DownloadLink, Hook, Leased, Newest, Outlet, Reading, Refusal, Sync, Watch
from datasources.redis import connection

logger = logging.getLogger(__name__)


def leased_task(room_function) -> Task:
    """A task that is handed an id and a lease, and does nothing when the work was taken over or is gone."""

    @shared_task
    @functools.wraps(room_function)
    def task(pk: str, lease: str) -> str:
        try:
            return room_function(pk, lease)
        except (LeaseLost, ObjectDoesNotExist):
            return "taken"

    return task


@leased_task
def make_link(link_id: str, lease: str) -> str:
    return links.make(link_id, lease)


@leased_task
def look_at_key(watch_id: str, lease: str) -> str:
    return watch.look(watch_id, lease)


@leased_task
def sync_key(sync_id: str, lease: str) -> str:
    return mirror.sync(sync_id, lease)


@leased_task
def tend_hook(hook_id: str, lease: str) -> str:
    return hooks.tend(hook_id, lease)


@leased_task
def send_notices(outlet_id: str, lease: str) -> str:
    return outlets.send(outlet_id, lease)


@leased_task
def delete_source(deletion_id: str, lease: str) -> str:
    return bin.empty(deletion_id, lease)


@leased_task
def ask_refused_key(refusal_id: str, lease: str) -> str:
    return refusals.ask(refusal_id, lease)


@leased_task
def read_details(reading_id: str, lease: str) -> str:
    return readings.read(reading_id, lease)


@leased_task
def read_newest_page(newest_id: str, lease: str) -> str:
    return newest.read(newest_id, lease)


TASKS: dict[type[Leased], Task] = {
    DownloadLink: make_link,
    Hook: tend_hook,
    Watch: look_at_key,
    Sync: sync_key,
    Outlet: send_notices,
    Deletion: delete_source,
    Newest: read_newest_page,
    Reading: read_details,
    Refusal: ask_refused_key,
}


def queue_of(model: type[Leased]) -> str:
    """Where workers find such work."""
    route = settings.CELERY_TASK_ROUTES.get(TASKS[model].name, {})
    return route.get("queue", settings.CELERY_TASK_DEFAULT_QUEUE)


def start(work: Leased) -> None:
    """Hands due work to a worker at once; should that fail, the next tick does it."""
    lease = leases.claim(type(work), work.pk)
    if lease:
        _send(type(work), str(work.pk), lease)


def start_due(model: type[Leased]) -> None:
    """Hands what is due of this to the workers, a part of it where it is much."""
    for pk, lease in leases.claim_due(model):
        _send(model, pk, lease)


@shared_task
def mail_invitation(invitation_id: str, site: str) -> str:
    return invitations.mail(invitation_id, site)


def mail(invitation: Invitation, site: str) -> None:
    """Has a worker send an invitation; `site` is the address of this dashboard."""
    try:
        mail_invitation.delay(str(invitation.pk), site)
    except OperationalError as error:
        logger.warning("The mail of invitation %s was not handed on: %s", invitation.pk, error)


@shared_task
def tick() -> None:
    """Every two seconds: whatever is due and held by nobody goes to the workers."""
    for model in TASKS:
        start_due(model)


@shared_task
def write_share_uses() -> int:
    """Every few seconds: what was downloaded by share links goes into the log."""
    return shares.write_uses()


@shared_task
def renew_shared() -> int:
    """Every ten minutes: links of shared files that are in use are renewed before they end, and people warned."""
    shares.warn()
    asked = shares.renew_ahead()
    for link in asked:
        start(link)
    return len(asked)


@shared_task
def tidy() -> None:
    """Every hour: forgets what has had its time."""
    links.tidy()
    shares.tidy()
    hints.tidy()
    readings.tidy()
    newest.tidy()
    notices.tidy()
    opened.tidy()
    bin.tidy()
    call_command("clearsessions")
    sessions.tidy()
    audit.tidy()


def _send(model: type[Leased], pk: str, lease: str) -> None:
    try:
        connection().ping()  # quicker to see that it is gone
        TASKS[model].delay(pk, lease)
    except (OperationalError, redis.RedisError) as error:
        logger.warning("%s %s waits until the broker is back: %s", model.__name__, pk, error)
        leases.give_back(model, pk, lease)
