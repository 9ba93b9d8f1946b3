"""The activity log: one event per action. Append-only, without secrets.

The acting user, the key's owner, and the admins of the teams concerned at that time can read it (access.events_for).
"""

from collections import defaultdict
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import Team, User
from core.text import visible
from datasources.activity.words import What
from datasources.models import ApiKey, AuditEvent, KeyShare, Source

# Forgotten at once: few enough that nobody waits long for the database.
BATCH = 500


@dataclass(frozen=True)
class Origin:
    """Where a request came from."""

    address: str | None = None
    agent: str = ""


NOWHERE = Origin()
# Set for each request (activity/middleware.py); a worker has none.
origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def record(
    what: What,
    actor: User | None,
    *,
    who: str = "",
    about: str = "",
    key: ApiKey | None = None,
    source: Source | None = None,
    owner: User | None = None,
    teams: Iterable[Team] | None = None,
    at: datetime | None = None,
    **details: object,
) -> AuditEvent:
    """Writes one line, for its owner and the admins of `teams` too.

    A source brings its key along, a key its owner and, where no teams are named, those that it is shared with.
    """
    key = key or (source and source.key)
    concerned = list(Team.objects.filter(key_shares__key=key) if teams is None and key else teams or ())
    # Where there are several, who is in one of them need not know of the others.
    named = {"team": concerned[0].name} if teams is not None and len(concerned) == 1 else {}
    event = _line(what, actor, key, source, {**named, **details})
    event.who, event.about = who or event.who, visible(about or event.about)[:300]
    event.owner_id = event.owner_id or (owner and owner.pk)
    event.at = at or event.at
    event.save(force_insert=True)
    if concerned:
        event.teams.set(concerned)
    return event


def record_each(what: What, actor: User | None, sources: Iterable[Source], **details: object) -> None:
    """Writes one line for each of these sources, with a few queries however many they are."""
    events = [_line(what, actor, source.key, source, details) for source in sources]
    AuditEvent.objects.bulk_create(events)
    teams = defaultdict(list)
    for share in KeyShare.objects.filter(key__in={event.key_uuid for event in events}):
        teams[share.key_id].append(share.team_id)
    concerned = AuditEvent.teams.through
    concerned.objects.bulk_create(
        concerned(auditevent_id=event.pk, team_id=team_id) for event in events for team_id in teams[event.key_uuid]
    )


def _line(what: What, actor: User | None, key: ApiKey | None, source: Source | None, details: dict) -> AuditEvent:
    return AuditEvent(
        at=timezone.now(),
        what=what,
        actor=actor,
        who=actor.email if actor else "Claro Dashboard",
        about=visible(source.name if source else "")[:300],
        key_uuid=key and key.pk,
        key_label=key.label if key else "",
        owner_id=key and key.owner_id,
        datasource_id=source and source.datasource_id,
        details=details,
        address=origin.get().address,
        agent=origin.get().agent,
    )


def tidy() -> None:
    """Forgets what is older than AUDIT_DAYS (0: nothing is)."""
    if not settings.AUDIT_DAYS:
        return
    old = AuditEvent.objects.filter(at__lt=timezone.now() - timedelta(days=settings.AUDIT_DAYS)).order_by("at")
    while found := list(old.values_list("pk", flat=True)[:BATCH]):
        AuditEvent._base_manager.filter(pk__in=found).delete()  # what the log offers everybody else refuses
