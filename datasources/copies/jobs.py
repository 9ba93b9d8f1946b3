"""Starting, stopping and deleting whole-table copies; what a copy costs and how long it still takes.

All users who reach a source share its copies. A copy starts automatically when a small table is opened; the owner of
the key can switch copies off.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from datasources import access, gateway
from datasources.activity import log
from datasources.activity.words import What
from datasources.copies import store, versions
from datasources.copies.versions import Versions
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, Source, TableCopy

# How often opening the rows of one source looks whether a copy has to be started.
LOOKS_EVERY = timedelta(minutes=1)
# After a failure nothing starts automatically for so long.
BACKOFF = timedelta(hours=1)
# How long the number of rows is remembered that came with a page of them.
ROWS_KEPT = timedelta(days=1)
# The calls of others are measured over so many minutes.
MEASURED_MINUTES = 10
# A window of the limit is a minute, and a second longer by the budget (budget.RESET_MARGIN_MS).
WINDOW_S = 61
# The lanes of whole tables, and what they keep of the limit where nothing else is copied (budget.lua, SHARES).
LANES = (Lane.TABLE, Lane.SPARE)
LEAST_SHARE = 0.05
# So many blocks show how quickly a copy advances.
BLOCKS_MEASURED = 3


class NotPossible(Exception):
    """The table can't be copied now; the message is a sentence for the page."""


@dataclass(frozen=True)
class Cost:
    """The calls and the time of a copy; None where the number of rows is unknown."""

    calls: int | None
    seconds: float | None


def why_not(source: Source) -> str:
    """A sentence if no copy of the source can be made, else empty."""
    if not source.key.keeps_copies:
        return "The owner of this key has switched whole-table copies off."
    if source.has_failed:
        return "Processing failed, so there are no rows to copy."
    return "The table can be copied when Claro has processed the file." if source.is_processing else ""


def start(source: Source, person: User, *, is_automatic: bool = False) -> TableCopy:
    """The copy of the present version: the one that is ready or under way, else a due one for a task to make.

    A stopped or failed one is resumed. Concurrent callers get the same copy. `is_automatic`: it stops at
    COPY_ROWS_AUTO rows. Raises NotPossible.
    """
    with transaction.atomic():
        _lock(source)
        if problem := why_not(source):
            raise NotPossible(problem)
        found = versions.of(source)
        if found.is_up_to_date:
            return found.current
        if found.under_way:
            return found.under_way if is_automatic else _without_limit(found.under_way, person)
        copy = _resumed(found.unfinished, person, is_automatic) or TableCopy.objects.create(
            source=source,
            version=source.processed_at,
            asked_by=person,
            is_automatic=is_automatic,
            due_at=timezone.now(),
        )
        if not is_automatic:
            log.record(What.COPY_STARTED, person, source=source)
        access.publish(source.key, event_name(source))
    return copy


def start_automatic(source: Source, person: User, total: int | None = None) -> TableCopy | None:
    """The copy that opening a table's rows starts, if any; `total` is the number of its rows, None if unknown.

    Looks once a minute for each source: mostly without a query.
    """
    if total is not None and total > settings.COPY_ROWS_AUTO:
        note_rows(source, total)
        return None
    if why_not(source) or source.key.state == ApiKey.State.INVALID or not _may_look(source):
        return None
    if total is not None:
        note_rows(source, total)
    found = versions.of(source)
    rows = known_rows(source, found)
    if rows is not None and rows > settings.COPY_ROWS_AUTO:
        return None
    if found.is_up_to_date or found.under_way or _is_unwanted(found.unfinished):
        return None
    try:
        return start(source, person, is_automatic=True)
    except NotPossible:  # switched off just now
        return None


def stop(copy: TableCopy, person: User) -> bool:
    """Ends the reading; what was read stays, so that it can be resumed. Returns whether it was under way."""
    with transaction.atomic():
        mine = TableCopy.objects.under_way().filter(pk=copy.pk)
        was_under_way = bool(mine.update(state=TableCopy.State.STOPPED, due_at=None, leased_until=None, problem=None))
        if was_under_way:
            log.record(What.COPY_STOPPED, person, source=copy.source)
            access.publish(copy.source.key, event_name(copy.source))
    return was_under_way


def drop(source: Source, person: User) -> None:
    """Deletes all copies of a source. A stopped copy without rows remains: nothing starts automatically after this."""
    with transaction.atomic():
        _lock(source)
        store.purge(source.copies.all())
        TableCopy.objects.create(
            source=source, version=source.processed_at, asked_by=person, state=TableCopy.State.STOPPED
        )
        log.record(What.COPY_DELETED, person, source=source)
        access.publish(source.key, event_name(source))


def purge(key: ApiKey) -> int:
    """Deletes all copies of a key, also those under way; returns how many."""
    return store.purge(TableCopy.objects.filter(source__key=key))


def go_on(key: ApiKey) -> None:
    """Makes due what waited for a person to replace a refused or unreadable key."""
    waiting = TableCopy.objects.under_way().filter(source__key=key)
    waiting.update(due_at=timezone.now(), attempts=0, problem=None)


def is_large(source: Source, found: Versions | None = None) -> bool:
    """Whether the table has more rows than everyone may copy, as far as is known.

    Where Claro gives no total, it has if a copy stopped at COPY_ROWS_AUTO rows.
    """
    found = found or versions.of(source)
    rows = known_rows(source, found)
    if rows is not None:
        return rows > settings.COPY_ROWS_AUTO
    return bool(found.unfinished) and found.unfinished.rows_read >= settings.COPY_ROWS_AUTO


def known_rows(source: Source, found: Versions | None = None) -> int | None:
    """The number of rows of the present version according to Claro, or None."""
    found = found or versions.of(source)
    if found.is_up_to_date:
        return found.current.rows
    for copy in (found.under_way, found.unfinished):
        if copy and copy.rows_total is not None and not versions.is_old(copy, source):
            return copy.rows_total
    try:
        told = cache.get(_name("rows", source))
    except redis.RedisError:
        told = None
    stated = source.facts.get("rowCount")
    return told if told is not None else stated if type(stated) is int and stated >= 0 else None


def note_rows(source: Source, total: int) -> None:
    """Remembers the number of rows that came with a page of them."""
    try:
        cache.add(_name("rows", source), total, ROWS_KEPT.total_seconds())
    except redis.RedisError:
        return


def cost(source: Source, found: Versions | None = None) -> Cost:
    """The cost of copying the present version, without the blocks that a stopped or failed copy has read."""
    found = found or versions.of(source)
    rows = known_rows(source, found)
    if rows is None:
        return Cost(None, None)
    read = found.unfinished.rows_read if found.unfinished and is_resumable(found.unfinished) else 0
    calls = max(math.ceil((rows - read) / settings.CLARO_ROWS_BLOCK), 1)
    return Cost(calls, _seconds(source.key, calls))


def seconds_left(copy: TableCopy, source: Source) -> float | None:
    """How long a copy under way still takes; None while the number of rows is unknown.

    The limit of the key imposes a time; a copy that advances more slowly than that gives its own.
    """
    total = copy.rows_total if copy.rows_total is not None else known_rows(source)
    if total is None:
        return None
    rows = max(total - copy.rows_read, 0)
    by_the_limit = _seconds(source.key, math.ceil(rows / settings.CLARO_ROWS_BLOCK))
    read = copy.rows_read - copy.rows_before
    if not copy.progressed_at or read < BLOCKS_MEASURED * settings.CLARO_ROWS_BLOCK:
        return by_the_limit
    took = (copy.progressed_at - copy.began_at).total_seconds()
    return max(rows / read * took, by_the_limit)


def is_resumable(copy: TableCopy) -> bool:
    """Whether its rows so far are kept. One that was ready and got lost is made again from its beginning."""
    return copy.rows_read > 0 and not copy.finished_at


def event_name(source: Source) -> str:
    """The live event of changes to the copies of this source."""
    return f"copy-{source.pk}"


def _lock(source: Source) -> None:
    """One user at a time starts or deletes a copy behind a key, and none while its owner switches copies off."""
    source.key.keeps_copies = ApiKey.objects.select_for_update(no_key=True).get(pk=source.key_id).keeps_copies


def _resumed(copy: TableCopy | None, person: User, is_automatic: bool) -> TableCopy | None:
    if copy is None or copy.finished_at:
        return None
    changes = {
        "state": TableCopy.State.COPYING,
        "asked_by": person,
        "is_automatic": is_automatic,
        "due_at": timezone.now(),
        "attempts": 0,
        "problem": None,
        "began_at": timezone.now(),
        "rows_before": copy.rows_read,
    }
    return _changed(copy, changes)


def _without_limit(copy: TableCopy, person: User) -> TableCopy:
    """The same copy, which no longer stops at COPY_ROWS_AUTO rows."""
    return _changed(copy, {"is_automatic": False, "asked_by": person}) if copy.is_automatic else copy


def _changed(copy: TableCopy, changes: dict[str, object]) -> TableCopy:
    TableCopy.objects.filter(pk=copy.pk).update(**changes)
    for name, value in changes.items():
        setattr(copy, name, value)
    return copy


def _may_look(source: Source) -> bool:
    try:
        return bool(cache.add(_name("looked", source), 1, LOOKS_EVERY.total_seconds()))
    except redis.RedisError:
        return False


def _is_unwanted(unfinished: TableCopy | None) -> bool:
    """True if a user stopped or deleted the copy of this version, or if it failed lately."""
    if unfinished is None:
        return False
    if unfinished.state == TableCopy.State.STOPPED:
        return True
    last = max(filter(None, (unfinished.created_at, unfinished.progressed_at, unfinished.finished_at)))
    return timezone.now() - last < BACKOFF


def _seconds(key: ApiKey, calls: int) -> float:
    """How long so many calls take beside what others took of the key's limit lately."""
    limit = gateway.calls_per_minute(key)
    lately = gateway.history(key, MEASURED_MINUTES + 1)[:-1]
    others = sum(n for minute in lately for lane, n in minute.calls.items() if lane not in LANES)
    return calls / max(limit - others / MEASURED_MINUTES, limit * LEAST_SHARE) * WINDOW_S


def _name(what: str, source: Source) -> str:
    version = source.processed_at.timestamp() if source.processed_at else ""
    return f"copy:{what}:{source.pk}:{version}"
