"""Celery tasks: each takes ids, calls one function and returns a word. The database stores due work (leases.py).

Queue `interactive` has separate workers: work that a user waits for never queues behind syncs (Leased.queue).
"""

import functools
import logging
from collections.abc import Callable

import redis
from celery import Task, shared_task
from django.core.management import call_command
from kombu.exceptions import OperationalError

from accounts import invitations, new_password, sessions
from accounts.models import Invitation
from core import leases, semaphore
from core.leases import LeaseLost
from core.redis import connection
from datasources import notices, transfers
from datasources.activity import log
from datasources.copies import build, folding, upkeep
from datasources.copies.compare import jobs as comparisons
from datasources.copies.compare import work as comparing
from datasources.copies.exports import receipts
from datasources.deleting import bin, viewers
from datasources.downloads import batches, links
from datasources.keys import refusals
from datasources.mirror import deliveries, newest, readings, sync, watch, webhooks
from datasources.models import (
    Comparison,
    Deletion,
    DownloadLink,
    Hook,
    Leased,
    Newest,
    Outlet,
    OutletTest,
    Reading,
    Refusal,
    Sync,
    TableCopy,
    Upload,
    Watch,
)
from datasources.notices import channels
from datasources.rows import for_copies, remembered
from datasources.sharing import shares, undo
from datasources.sources import marks
from datasources.uploads import sending, stored

MAILS_AT_ONCE = 4
MAIL_WAITS_S = 2

logger = logging.getLogger(__name__)


TASKS: dict[type[Leased], Task] = {}


def leased_task(model: type[Leased]) -> Callable[[Callable[[str, str], str]], Task]:
    """A task that is handed an id and a lease, and does nothing when the work was taken over or is gone.

    An unexpected exception is logged without its message, which may hold anything (retry.work puts the work back).
    """

    def decorate(function: Callable[[str, str], str]) -> Task:
        @shared_task
        @functools.wraps(function)
        def task(pk: str, lease: str) -> str:
            try:
                return function(pk, lease)
            except LeaseLost:
                return "taken"
            except leases.OUTAGES:
                raise
            except Exception as error:
                told = RuntimeError(type(error).__name__)
                where = (type(told), told, error.__traceback__)
                logger.error("%s of %s failed", function.__name__, pk, exc_info=where)
                return "failed"

        TASKS[model] = task
        return task

    return decorate


def route(name: str, *call, **options) -> dict[str, str] | None:
    """Leased work goes to the queue that its model names; Celery asks for each task that is sent (settings)."""
    return next(({"queue": model.queue} for model, task in TASKS.items() if task.name == name), None)


@leased_task(DownloadLink)
def make_link(link_id: str, lease: str) -> str:
    return links.make(link_id, lease)


@leased_task(Watch)
def look_at_key(watch_id: str, lease: str) -> str:
    return watch.poll(watch_id, lease)


@leased_task(Sync)
def sync_key(sync_id: str, lease: str) -> str:
    return sync.run(sync_id, lease)


@leased_task(Hook)
def tend_hook(hook_id: str, lease: str) -> str:
    return webhooks.tend(hook_id, lease)


@leased_task(Outlet)
def send_notices(outlet_id: str, lease: str) -> str:
    return channels.send(outlet_id, lease)


@leased_task(OutletTest)
def send_test(outlet_id: str, lease: str) -> str:
    return channels.send_test(outlet_id, lease)


@leased_task(Deletion)
def delete_source(deletion_id: str, lease: str) -> str:
    return bin.empty(deletion_id, lease)


@leased_task(Refusal)
def ask_refused_key(refusal_id: str, lease: str) -> str:
    return refusals.ask(refusal_id, lease)


@leased_task(Reading)
def read_details(reading_id: str, lease: str) -> str:
    return readings.read(reading_id, lease)


@leased_task(Newest)
def read_newest_page(newest_id: str, lease: str) -> str:
    return newest.read(newest_id, lease)


@leased_task(TableCopy)
def copy_table(copy_id: str, lease: str) -> str:
    return build.run(copy_id, lease, for_copies)


@leased_task(Comparison)
def compare_copies(comparison_id: str, lease: str) -> str:
    return comparing.run(comparison_id, lease)


@leased_task(Upload)
def send_upload(upload_id: str, lease: str) -> str:
    return sending.send(upload_id, lease)


@shared_task
def fold_copy(copy_id: str) -> str:
    return folding.fold(copy_id)


def fold(copy: TableCopy) -> None:
    """Asks a worker for the search text of a copy, once for all who search in it."""
    if not folding.claim(copy):
        return
    try:
        fold_copy.delay(str(copy.pk))
    except OperationalError as error:
        logger.warning("The search text of copy %s was not asked for: %s", copy.pk, error)


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
    """A mail server that is silent holds a few threads; further mails wait in the queue."""
    with semaphore.place({"mails": MAILS_AT_ONCE}, leases.LEASE.total_seconds()) as is_free:
        if is_free:
            return invitations.mail(invitation_id, site)
    mail_invitation.apply_async((invitation_id, site), countdown=MAIL_WAITS_S)
    return "waits"


def mail(invitation: Invitation, site: str) -> bool:
    """Queues the mail of an invitation; returns whether a worker will send it. `site` is the dashboard's URL."""
    try:
        mail_invitation.delay(str(invitation.pk), site)
    except OperationalError as error:
        logger.warning("The mail of invitation %s was not handed on: %s", invitation.pk, error)
        invitations.not_mailed(invitation, "No worker could send the mail. Copy the link and send it.")
        return False
    return True


@shared_task(expires=3600)
def mail_new_password(email: str, site: str) -> str:
    """The address, and not an id: most of those that are typed may have no account."""
    return new_password.mail(email, site)


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
    batches.tidy()
    shares.tidy()
    undo.tidy()
    deliveries.tidy()
    readings.tidy()
    newest.tidy()
    notices.tidy()
    transfers.tidy()
    viewers.tidy()
    remembered.tidy()
    marks.tidy()
    bin.tidy()
    upkeep.tidy()
    receipts.tidy()
    comparisons.tidy()
    sending.tidy()
    stored.tidy()
    call_command("clearsessions")
    sessions.tidy()
    log.tidy()


def _send(model: type[Leased], pk: str, lease: str) -> None:
    try:
        connection().ping()  # quicker to see that it is gone
        TASKS[model].delay(pk, lease)
    except (OperationalError, redis.RedisError) as error:
        logger.warning("%s %s waits until the broker is back: %s", model.__name__, pk, error)
        leases.give_back(model, pk, lease)
