"""The queue of a user's uploads: files that are added, confirmed, retried and cancelled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import quotas
from accounts.models import User
from accounts.roles import Action, may
from core import live
from datasources import access
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import ApiKey, Source, Upload
from datasources.uploads import checks, stored
from datasources.uploads.checks import kinds
from datasources.uploads.receiving import Received

EVENT = "uploads-changed"
State = Upload.State
# Where a file with the same content is.
_THERE = {State.DONE: "was uploaded before", State.FAILED: "was sent before, and Claro never confirmed it,"}


@dataclass(frozen=True)
class Refusal:
    """A file of which nothing is kept: it breaks a rule, or can't be taken now (`may_pass`)."""

    name: str
    reason: str
    may_pass: bool = False


def keys_to_upload(user: User) -> list[ApiKey]:
    """The keys through which the user may upload and that Claro accepts, own ones first."""
    keys = open_to_uploads(access.keys_for(user))
    return sorted(keys, key=lambda key: (key.owner_id != user.pk, key.label))


def open_to_uploads(keys: Iterable[ApiKey]) -> list[ApiKey]:
    """Those with a role that may upload, and that Claro accepts."""
    return [key for key in keys if key.state != ApiKey.State.INVALID and may(key.role, Action.UPLOAD)]


def add(user: User, key: ApiKey, file: Received, corrects: Source | None = None) -> Upload | Refusal:
    """Checks a file that arrived, stores its ciphertext and queues it. Only then it is safe. Closes the file.

    A file about which there are questions waits for `confirm`. It takes the place of the source that it `corrects`.
    Raises QuotaReached, StorageAway.
    """
    with file:
        return _added(user, key, file, corrects)


def _added(user: User, key: ApiKey, file: Received, corrects: Source | None) -> Upload | Refusal:
    report = checks.check(file.name, file.sample)
    if report.problem:
        return Refusal(file.name, report.problem)
    if file.problem:
        raise stored.StorageAway(f"The file can't be written: {file.problem}")
    upload = Upload(
        id=file.upload_id,
        user=user,
        key=key,
        corrects=corrects,
        name=file.name,
        content_type=kinds.CONTENT_TYPES[kinds.Kind(report.kind)],
        size_bytes=file.sample.size_bytes,
        sha256=file.sample.sha256,
        report=report.to_dict(),
    )
    stored.keep(upload, file.file, file.data_key)
    try:
        with transaction.atomic():
            # It locks the user: files that arrive at once are compared with one another.
            quotas.require_room(user, "uploads", Upload.objects.unfinished().filter(user=user))
            upload.questions = list(_questions(upload, report))
            upload.state, upload.due_at = (State.ASKS, None) if upload.questions else (State.QUEUED, timezone.now())
            upload.save(force_insert=True)
            _record(What.UPLOAD_QUEUED, upload)
            publish(upload)
    except BaseException:
        stored.remove(upload.file_name)
        raise
    return upload


def confirm(upload: Upload) -> bool:
    """Queues a file whose questions the user has answered with yes; False if it was not waiting for that."""
    asked = Upload.objects.filter(pk=upload.pk, state=State.ASKS)
    done = asked.update(state=State.QUEUED, due_at=timezone.now())
    publish(upload)
    return bool(done)


def ask_again(key: ApiKey, reason: str) -> None:
    """Asks the users about files that wait to be sent with a key. A worker may have one of them already."""
    # One that is being sent and has no lease was sent without an answer, and is to be searched for.
    unsent = (State.QUEUED, State.ASKS, State.SENDING)
    for upload in Upload.objects.filter(key=key, state__in=unsent, leased_until=None):
        found = Upload.objects.filter(pk=upload.pk, state=upload.state, leased_until=None)
        questions = [reason, *upload.questions]
        found.update(state=State.ASKS, due_at=None, may_be_at_claro=False, questions=questions)
        publish(upload)


def retry(upload: Upload) -> bool:
    """Queues a failed file again. If Claro may have it, its list is searched first."""
    failed = Upload.objects.filter(pk=upload.pk, state=State.FAILED)
    anew = {"due_at": timezone.now(), "attempts": 0, "sends": 0, "searches": 0, "bytes_sent": 0, "problem": None}
    done = failed.update(state=State.QUEUED, **anew)
    publish(upload)
    return bool(done)


def cancel(upload: Upload) -> bool:
    """Deletes the stored file and its row; False if it is too late, because Claro may be getting the file."""
    with transaction.atomic():
        # Against a worker that is about to send it: exactly one of the two finds the row as it needs it.
        found = Upload.objects.select_for_update().filter(pk=upload.pk).first()
        if not found or not found.may_be_cancelled:
            return False
        found.delete()
        _record(What.UPLOAD_CANCELLED, upload)
        publish(upload)
    return True


def go_on(key: ApiKey) -> None:
    """Makes due what waited for a person to replace a refused or unreadable key."""
    waiting = Upload.objects.filter(key=key, state__in=(State.QUEUED, State.SENDING), leased_until=None)
    waiting.update(due_at=timezone.now(), attempts=0, problem=None)


def forget(upload: Upload) -> None:
    """Takes a finished upload out of the queue; its source stays."""
    Upload.objects.filter(pk=upload.pk, state=State.DONE).delete()
    publish(upload)


def publish(upload: Upload) -> None:
    """Refreshes the user's open pages, once the transaction is committed."""
    live.publish([upload.user_id], EVENT)


def _record(what: What, upload: Upload) -> None:
    log.record(what, upload.user, key=upload.key, about=upload.name, bytes=upload.size_bytes)


def _questions(upload: Upload, report: checks.Report) -> Iterator[str]:
    """Sentences that the user confirms before the file is sent."""
    if report.is_header_in_doubt:
        yield checks.HEADER_IN_DOUBT
    same = Upload.objects.filter(key=upload.key, sha256=upload.sha256, size_bytes=upload.size_bytes)
    if other := same.exclude(state=State.FAILED, may_be_at_claro=False).order_by("-created_at").first():
        yield f"The same content {_THERE.get(other.state, 'is already in the queue')} as “{other.name}”."
    elif source := upload.key.sources.present().filter(sent_content__sha256=upload.sha256).first():
        yield f"The same content {_THERE[State.DONE]} as “{source.name}”."
    elif _sources_like(upload).exists():
        yield "Claro already has a file of this name and size."


def _sources_like(upload: Upload) -> QuerySet[Source]:
    return upload.key.sources.present().filter(file_name=upload.name, size_bytes=upload.size_bytes)
