"""Receipts of exports: what was asked for, how far the file is, and how it ended.

A receipt waits for the copy of its table, then its file is written once. Nobody keeps the file.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.roles import Action, may
from core import live
from core.text import visible
from datasources import access
from datasources.activity import log
from datasources.activity.log import Origin
from datasources.activity.words import What
from datasources.copies import checks
from datasources.copies.exports.formats import FORMATS, Options
from datasources.copies.exports.writing import Plan, Wanted
from datasources.copies.opened import Reader
from datasources.copies.query import Query
from datasources.models import Comparison, Export, Source, TableCopy

# Files that are written at once for a user.
AT_ONCE = 2
# A process that writes a file says so once a second. A reader that takes less than 256 kB in this time is cut off.
LOST_AFTER = timedelta(minutes=2)
# A receipt whose file nobody has fetched by then is over.
WAITS = timedelta(days=1)
LOST = "The server stopped while the file was being written."
NOT_FETCHED = "The file was not downloaded within a day."
# The longest name of a file, without its suffix: systems allow 255 bytes.
NAME_MAX = 80

State = Export.State


class Crowded(Exception):
    """As many files are being written as may be at once; in words for people."""


class AlreadyWritten(Exception):
    """The file of this receipt was written, or is being written."""


def wanted(export: Export, reader: Reader) -> Wanted:
    """The file that the receipt asks of this copy. Its `query` has the parts of an address that select rows."""
    asked, sorts = export.query, tuple((name, order) for name, order in export.query.get("sorts", ()))
    return Wanted(
        query=Query(asked.get("filter", ""), asked.get("q", ""), asked.get("check", ""), sorts),
        places=_places([column.name for column in reader.columns], asked.get("column", ()), asked.get("hide", ())),
        format=export.format,
        options=Options(**export.options),
    )


def note_plan(export: Export, copy: TableCopy | Comparison, reader: Reader, plan: Plan) -> None:
    """Writes what the file will have into the receipt."""
    if check := export.query.get("check"):
        column = reader.columns[int(check.rpartition(".")[2]) - 1].name
        export.query = {**export.query, "check_words": f"{checks.words(check, reader.columns)}: {column}"}
    export.version, export.rows_expected = copy.version, plan.rows
    export.columns, export.as_text = list(plan.columns), list(plan.as_text)
    export.save(update_fields=["query", "version", "rows_expected", "columns", "as_text"])


def refuse(export: Export, reason: str) -> None:
    """Ends a receipt that waits; nothing was written."""
    if _change(export, State.WAITING, state=State.REFUSED, reason=reason, finished_at=timezone.now()):
        publish(export)


def start(export: Export, origin: Origin) -> None:
    """The file is being written from now on. Raises AlreadyWritten and Crowded."""
    with transaction.atomic():
        # One at a time for each user.
        User.objects.select_for_update(no_key=True).get(pk=export.user_id)
        if being_written(export.user) >= AT_ONCE:
            raise Crowded(f"{AT_ONCE} of your exports are being written. Try again when one of them is finished.")
        if not _change(export, State.WAITING, state=State.WRITING, heard_at=timezone.now()):
            raise AlreadyWritten
        _record(What.EXPORT_STARTED, export, origin)
    publish(export)


def being_written(user: User) -> int:
    """The files that are being written for a user."""
    return user.exports.filter(state=State.WRITING, heard_at__gt=timezone.now() - LOST_AFTER).count()


def go_on(export: Export, copy: TableCopy | Comparison, size_bytes: int) -> str:
    """Notes how far the file is; "" if it may continue, else the reason why not.

    A user who loses access to the key gets nothing more.
    """
    if not User.objects.filter(pk=export.user_id, is_active=True).exists():
        return "The account was deactivated."
    for source_id in _sources(export, copy):
        source = Source.objects.present().filter(pk=source_id).first()
        key = source and access.keys_for(export.user).filter(pk=source.key_id).first()
        if not key or not may(key.role, Action.EXPORT):
            return "You no longer have access to this file."
        if not key.allows_export:
            return "The owner of the key switched row exports off."
    now = timezone.now()
    # Copies that are read are evicted last.
    if not type(copy).objects.ready().filter(pk=copy.pk).order_by().update(last_read_at=now):
        return "The whole-table copy was deleted."
    if not _change(export, State.WRITING, heard_at=now, bytes_written=size_bytes):
        return LOST
    publish(export)
    return ""


def finish(export: Export, origin: Origin, rows: int, size_bytes: int, sha256: str) -> bool:
    """The whole file was written. Returns whether the receipt could note it: not where the source was purged."""
    facts = {"rows_written": rows, "bytes_written": size_bytes, "sha256": sha256}
    with transaction.atomic():
        is_noted = _change(export, State.WRITING, state=State.FINISHED, finished_at=timezone.now(), **facts)
        if is_noted:
            _record(What.EXPORTED, export, origin, rows=f"{rows:,}", bytes=size_bytes, sha256=sha256)
    publish(export)
    return is_noted


def note_whole(export: Export, origin: Origin, rows: int, body: bytes) -> None:
    """The receipt of a small file that is made before its first byte is sent. Raises Crowded."""
    with transaction.atomic():
        export.save(force_insert=True)
        start(export, origin)
        finish(export, origin, rows, len(body), hashlib.sha256(body).hexdigest())


def break_off(export: Export, origin: Origin, reason: str, size_bytes: int) -> None:
    """The file ends early, and its reader sees it."""
    facts = {"bytes_written": size_bytes, "reason": reason, "finished_at": timezone.now()}
    with transaction.atomic():
        _change(export, State.WRITING, state=State.BROKEN, **facts)
        _record(What.EXPORT_BROKEN_OFF, export, origin, why=reason, bytes=size_bytes)
    publish(export)


def mark_lost(user: User | None = None) -> int:
    """Ends receipts whose process was killed, and those that nobody fetched: of a user, or of all. Returns how many."""
    now = timezone.now()
    lost = Export.objects.filter(state=State.WRITING, heard_at__lt=now - LOST_AFTER)
    forgotten = Export.objects.filter(state=State.WAITING, created_at__lt=now - WAITS)
    ended = 0
    for found, reason in ((lost, LOST), (forgotten, NOT_FETCHED)):
        for export in (found.filter(user=user) if user else found).select_related("source__key", "user"):
            if _change(export, export.state, state=State.BROKEN, reason=reason, finished_at=now):
                ended += 1
                if reason == LOST:
                    _record(What.EXPORT_BROKEN_OFF, export, log.NOWHERE, why=reason)
                publish(export)
    return ended


def tidy() -> None:
    """Ends what is lost. Deletes receipts of deleted accounts, and old ones as the activity log does (AUDIT_DAYS)."""
    mark_lost()
    Export.objects.filter(user=None).delete()
    if settings.AUDIT_DAYS:
        Export.objects.filter(created_at__lt=timezone.now() - timedelta(days=settings.AUDIT_DAYS)).delete()


def publish(export: Export) -> None:
    live.publish([export.user_id] if export.user_id else [], event_name(export))


def event_name(export: Export) -> str:
    """The live event of changes to this receipt."""
    return f"export-{export.pk}"


def file_name(export: Export) -> str:
    """The name of the file: that of the source, with the suffix of the format."""
    name = visible(export.source.name)
    # Separators of folders, characters that Windows refuses, and those that are no text.
    kept = "".join("_" if sign in '/\\:*?"<>|' or unicodedata.category(sign)[0] == "C" else sign for sign in name)
    stem, _, suffix = kept.rpartition(".")
    stem = (stem if stem and len(suffix) <= 5 else kept).strip(" .")[:NAME_MAX] or "rows"
    return f"{stem}{FORMATS[export.format].suffix}"


def _sources(export: Export, copy: TableCopy | Comparison) -> set[int]:
    """The sources whose rows the file has: the differences between two tables are rows of both."""
    copies = [copy.before_id, copy.now_id] if isinstance(copy, Comparison) else []
    return {export.source_id, *TableCopy.objects.filter(pk__in=copies).values_list("source_id", flat=True)}


def _places(names: Sequence[str], chosen: Sequence[str], hidden: Sequence[str]) -> tuple[int, ...]:
    """The places of the chosen names, in their order, or of all but the hidden ones; all where none are left."""
    chosen = chosen or [name for name in names if name not in set(hidden)]
    found = [place for name in dict.fromkeys(chosen) for place, one in enumerate(names) if one == name]
    return tuple(found or range(len(names)))


def _change(export: Export, before: str, **changes: object) -> bool:
    """Changes a receipt that is in the state `before`; returns whether it was."""
    if not Export.objects.filter(pk=export.pk, state=before).update(**changes):
        return False
    for name, value in changes.items():
        setattr(export, name, value)
    return True


def _record(what: What, export: Export, origin: Origin, **details: object) -> None:
    token = log.origin.set(origin)
    try:
        actor = User.objects.filter(pk=export.user_id).first()  # deleted meanwhile, perhaps
        details["format"] = FORMATS[export.format].name
        log.record(what, actor, who=export.user.email if export.user else "", source=export.source, **details)
    finally:
        log.origin.reset(token)
