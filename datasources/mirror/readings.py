"""The details of a source: fields that only the call for this one source brings, such as the reason of a failure.

Opening the page of a source makes the call due; the page shows our copy meanwhile. One call serves all readers. A
source costs at most one such call in ten minutes, and one more after each change, and none while nobody opens it.
"""

from datetime import timedelta

from django.utils import timezone

from core import live
from core.leases import Held
from datasources import access, gateway, mirror
from datasources.claro import ClaroError, DatasourceNotFound, NotNow
from datasources.gateway import retry
from datasources.gateway.breaker import is_failure
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, Reading, Source

FRESH = timedelta(minutes=10)
# Calls without a usable answer, until a reader opens the page again.
TRIES = 3
FORGET_AFTER = timedelta(days=1)


def wake(source: Source) -> Reading | None:
    """The call under way for newer details, made due where ours are old; None where they are new enough.

    Ours are old when the source has changed since, or after ten minutes. No query where they are new.
    """
    if source.gone_at or source.key.state == ApiKey.State.INVALID:
        return None
    now = timezone.now()
    new_from = max(source.changed_at or source.first_seen_at, now - FRESH)
    if source.details_at and source.details_at >= new_from:
        return None
    reading, _ = Reading.objects.get_or_create(fingerprint=source.key.fingerprint, datasource_id=source.datasource_id)
    if reading.due_at is None and not (reading.tried_at and reading.tried_at >= new_from):
        Reading.objects.filter(pk=reading.pk, due_at=None).update(due_at=now, attempts=0)
        reading.due_at = now
    return reading if reading.due_at else None


def _give_up(held: Held, error: ClaroError) -> None:
    """A reader asks again when the details are old once more."""
    for key in ApiKey.objects.filter(fingerprint=held.work.fingerprint):
        gateway.note_problem(key, error)
    held.finish(None, attempts=0, tried_at=timezone.now())


@retry.work(Reading, _give_up)
def read(held: Held) -> str:
    """Asks for the details of one source, with one call, for all copies of the key. Raises LeaseLost."""
    reading: Reading = held.work
    copies = Source.objects.filter(datasource_id=reading.datasource_id, key__fingerprint=reading.fingerprint)
    sources = list(copies.present().exclude(key__state=ApiKey.State.INVALID).select_related("key"))
    if not sources:
        held.finish(None)
        return "gone"
    asked_at = timezone.now()
    try:
        with gateway.client(sources[0].key, Lane.LINK) as claro:
            answer = claro.get_datasource(reading.datasource_id)
    except DatasourceNotFound:
        for source in sources:
            mirror.mark_gone(source)
        held.finish(None)
        return "gone"
    except ClaroError as error:
        word = _not_read(held, error)
    else:
        for source in sources:
            mirror.record(source.key, [answer], asked_at, are_details=True)
        held.finish(None, attempts=0, tried_at=asked_at)
        word = "done"
    people = {user_id for source in sources for user_id in access.people_for(source.key)}
    live.publish(people, mirror.event_name(sources[0]))
    return word


def tidy() -> None:
    """Forgets calls that were made a while ago."""
    Reading.objects.filter(due_at=None).exclude(tried_at__gt=timezone.now() - FORGET_AFTER).delete()


def _not_read(held: Held, error: ClaroError) -> str:
    """Waits for the limit; tries again a few times where Claro gave no usable answer; gives up the rest."""
    may_pass = is_failure(error) and held.work.attempts + 1 < TRIES
    if isinstance(error, NotNow) or may_pass:
        retry.put_back(held, error)
        return "put back"
    is_refused = isinstance(error, gateway.KeyRefused)  # the next reader asks again once the key is accepted
    held.finish(None, attempts=0, tried_at=None if is_refused else timezone.now())
    return "failed"
