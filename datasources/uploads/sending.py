"""Sends a queued file to Claro, with one call, and never makes a second source unnoticed.

Before the call the row notes that Claro may have the file. The note goes when the outcome is known. A worker that
finds the note searches Claro's list, because the one before it was killed, or the answer was lost.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.roles import Action, may
from core import database, leases
from core.leases import Held, LeaseLost
from core.slots import Slots
from datasources import access, gateway, mirror
from datasources.activity import log
from datasources.activity.words import What
from datasources.claro import ClaroError, DataSource, NotNow
from datasources.claro.uploads import FileChanged, may_have_arrived
from datasources.gateway import retry
from datasources.gateway.budget import Lane
from datasources.models import SentContent, Source, Upload
from datasources.uploads import corrections, queue, search, stored

if TYPE_CHECKING:
    from datasources.claro.client import ClaroClient

State = Upload.State
# Files that a process sends at once, of its 16 threads: each may take minutes.
AT_ONCE, AT_ONCE_OF_USER = 6, 3
# A file without a place looks for one later, the more wait beside it: a batch does not keep the workers busy. A file
# that is done makes the next ones due.
STAND_ASIDE, ASIDE_FOR_EACH, ASIDE_AT_MOST = timedelta(seconds=2), timedelta(seconds=0.2), timedelta(seconds=30)
# Claro may list a file some time after it took it: its list is searched after each of these.
SEARCHED_AFTER = (timedelta(seconds=5), timedelta(minutes=1))
# Calls of one file whose outcome was unknown and whose file was not found; then a person decides.
SENDS_AT_MOST = 3
PROGRESS_EVERY_S = 1.0
# How long a finished upload stays in the queue, and a failed one with its file.
FORGET_AFTER = timedelta(days=7)


class UploadFailed(ClaroError):
    words = "The file was not uploaded."


_slots = Slots()


def _give_up(held: Held, error: ClaroError) -> None:
    _fail(held, error)


@retry.work(Upload, _give_up)
def send(held: Held) -> str:
    """Advances an upload that is due; returns what became of it. Raises LeaseLost."""
    upload: Upload = held.work
    if upload.state not in (State.QUEUED, State.SENDING):
        held.finish(None)
        return upload.state
    limits = {"uploads": AT_ONCE, f"user:{upload.user_id}": AT_ONCE_OF_USER}
    if not _slots.take(limits):
        aside = STAND_ASIDE + _waiting(upload).count() * ASIDE_FOR_EACH
        held.finish(timezone.now() + min(aside, ASIDE_AT_MOST))
        return "crowded"
    try:
        outcome = _advance(held)
    finally:
        _slots.give_back(limits)
        queue.publish(upload)
    if outcome in ("done", "failed", "asks"):
        _wake_next(upload)
    return outcome


def _advance(held: Held) -> str:
    upload: Upload = held.work
    if not _may_upload(upload):
        return _fail(held, UploadFailed(user_message="You may no longer upload with this key."))
    return _search(held) if upload.may_be_at_claro else _send(held)


def _waiting(upload: Upload) -> QuerySet[Upload]:
    """The user's files that no worker has, in the order in which they arrived."""
    return Upload.objects.filter(user=upload.user_id, state=State.QUEUED, leased_until=None).order_by("created_at")


def _wake_next(upload: Upload) -> None:
    """Makes the user's next files due, as many as have a place. One that waits for Claro stays put off."""
    found = list(_waiting(upload).filter(problem__isnull=True).values_list("pk", flat=True)[:AT_ONCE_OF_USER])
    now = timezone.now()
    Upload.objects.filter(pk__in=found, leased_until=None, due_at__gt=now).update(due_at=now)


def tidy() -> None:
    """Forgets uploads that are over, or wait for an answer, with their files."""
    long_ago = timezone.now() - FORGET_AFTER
    over = (State.DONE, State.FAILED, State.ASKS)
    for upload in Upload.objects.filter(state__in=over, created_at__lt=long_ago):
        upload.delete()


def _may_upload(upload: Upload) -> bool:
    key = access.keys_for(upload.user).filter(pk=upload.key_id).first()
    return upload.user.is_active and key is not None and may(key.role, Action.UPLOAD)


def _send(held: Held) -> str:
    upload: Upload = held.work
    now = timezone.now()
    sends = upload.sends
    held.renew(
        state=State.SENDING,
        may_be_at_claro=True,
        sent_at=upload.sent_at or now,
        called_at=now,
        sends=sends + 1,
        bytes_sent=0,
        searches=0,
    )
    queue.publish(upload)
    try:
        with leases.renewing(held) as lost:
            source = _called(upload, lost)
    except (stored.FileLost, FileChanged) as error:
        lost_file = "The stored file can't be read. Upload it again."
        return _fail(held, UploadFailed(str(error), user_message=lost_file), may_be_at_claro=False)
    except stored.StorageAway as error:
        return _not_made(held, UploadFailed(str(error), user_message="The stored file can't be read now."), sends)
    except ClaroError as error:
        return _not_sent(held, error, sends)
    return _done(held, source, now)


def _called(upload: Upload, lost: Event) -> DataSource:
    """The new source. One call."""
    with gateway.client(upload.key, Lane.PERSON, upload.user_id, silence_counts=False) as claro:
        return claro.upload_datasource(upload.name, upload.size_bytes, _pieces(upload, lost), upload.content_type)


def _pieces(upload: Upload, lost: Event) -> Iterator[bytes]:
    """The file in clear, while its progress is noted. Raises LeaseLost if another worker has the work."""
    sent, noted_at = 0, time.monotonic()
    row = Upload.objects.filter(pk=upload.pk)
    for piece in stored.pieces(upload):
        if lost.is_set():
            raise LeaseLost
        yield piece
        sent += len(piece)
        if time.monotonic() - noted_at >= PROGRESS_EVERY_S:
            noted_at = time.monotonic()
            row.update(bytes_sent=sent)
            queue.publish(upload)
            database.release()


def _not_sent(held: Held, error: ClaroError, sends_before: int) -> str:
    """Returns the work after an error of the call: due again, to be searched for, or failed."""
    waits_for_person = getattr(error, "waits_for_the_key", False) or getattr(error, "needs_a_person", False)
    if isinstance(error, NotNow) or waits_for_person:
        return _not_made(held, error, sends_before)
    if may_have_arrived(error):
        held.finish(timezone.now() + SEARCHED_AFTER[0], problem=error.to_dict())
        return "unknown"
    return _fail(held, error, may_be_at_claro=sends_before > 0)  # an earlier call may have arrived


def _not_made(held: Held, error: ClaroError, sends_before: int) -> str:
    """Returns the work after a call that was not made, or that Claro refused for the moment."""
    anew = {"state": State.QUEUED, "may_be_at_claro": False, "sends": sends_before}
    retry.put_back(held, error, **anew, problem=error.to_dict())
    if isinstance(error, NotNow):
        leases.put_off(Upload.objects.filter(key=held.work.key_id, state=State.QUEUED), error.retry_at)
    return "waits"


def _search(held: Held) -> str:
    """Searches Claro's list for a file whose outcome is unknown: done, sent again, asked about, or failed."""
    upload: Upload = held.work
    now = timezone.now()
    held.renew(state=State.SENDING)
    try:
        with leases.renewing(held), gateway.client(upload.key, Lane.PERSON, upload.user_id) as claro:
            found = _found(upload, claro)
    except search.TooLong:
        return _ask(
            held, "Claro never confirmed this file, and its list is too long to search. Look for the file there first."
        )
    except ClaroError as error:
        retry.put_back(held, error, problem=error.to_dict())
        return "put back"
    if found:
        return _done(held, found, now)
    searches = upload.searches + 1
    if searches < len(SEARCHED_AFTER):
        held.finish(now + SEARCHED_AFTER[searches], searches=searches)
        return "not found yet"
    if upload.sends >= SENDS_AT_MOST:
        never = "Claro never confirmed the file, and does not list it. Retry searches the list again first."
        return _fail(held, UploadFailed(user_message=never))
    held.finish(now, state=State.QUEUED, may_be_at_claro=False, searches=0)
    return "not found"


def _found(upload: Upload, claro: "ClaroClient") -> DataSource | None:
    since = upload.sent_at or upload.created_at
    known = Upload.objects.exclude(datasource_id=None).values_list("datasource_id", flat=True)
    # A poll that began before the upload may have seen its file.
    polled_since = since - timedelta(seconds=gateway.DEADLINE_S)
    seen = Source.objects.filter(key=upload.key_id, first_seen_at__lt=polled_since)

    def is_other(source: DataSource) -> bool:
        pk = source.datasource_id
        return known.filter(datasource_id=pk).exists() or seen.filter(datasource_id=pk).exists()

    return search.find(claro.list_datasources, upload.name, upload.size_bytes, since, is_other)


def _done(held: Held, answer: DataSource, asked_at: datetime) -> str:
    upload: Upload = held.work
    file_name = upload.file_name
    with transaction.atomic():
        mirror.record(upload.key, [answer], asked_at)
        source = upload.key.sources.filter(datasource_id=answer.datasource_id).first()
        held.finish(
            None,
            state=State.DONE,
            may_be_at_claro=False,
            bytes_sent=upload.size_bytes,
            source=source,
            datasource_id=answer.datasource_id,
            file_name="",
            data_key="",
            problem=None,
            finished_at=timezone.now(),
        )
        corrections.link(upload, source)
        if source:
            SentContent.objects.update_or_create(source=source, defaults={"sha256": upload.sha256})
        log.record(What.UPLOADED, upload.user, key=upload.key, source=source, about=upload.name)
        queue.publish(upload)
    stored.remove(file_name)
    return "done"


def _ask(held: Held, question: str) -> str:
    """Leaves it to the user whether the file is sent again."""
    held.finish(None, state=State.ASKS, questions=[question], may_be_at_claro=False, problem=None)
    return "asks"


def _fail(held: Held, error: ClaroError, **changes: object) -> str:
    """Ends the upload until its user retries or cancels it. Its file is kept."""
    upload: Upload = held.work
    with transaction.atomic():
        held.finish(None, state=State.FAILED, problem=error.to_dict(), finished_at=timezone.now(), **changes)
        why = error.user_message
        log.record(What.UPLOAD_FAILED, upload.user, key=upload.key, about=upload.name, why=why)
        queue.publish(upload)
    return "failed"
