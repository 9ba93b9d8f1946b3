"""What happened: one line for each thing that somebody did. Append-only; no secret goes in.

Whoever owns the key, and the admins of the teams that were concerned then, read it later.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from django.utils import timezone

from accounts.models import Team, User
from datasources.cells import visible
from datasources.models import ApiKey, AuditEvent, Source


class What(StrEnum):
    TEAM_MADE = "team_made"
    TEAM_RENAMED = "team_renamed"
    TEAM_DELETED = "team_deleted"
    INVITED = "invited"
    INVITATION_REVOKED = "invitation_revoked"
    JOINED = "joined"
    ROLE_CHANGED = "role_changed"
    REMOVED = "removed"
    LEFT = "left"
    KEY_ADDED = "key_added"
    KEY_REPLACED = "key_replaced"
    KEY_DELETED = "key_deleted"
    KEY_SHARED = "key_shared"
    KEY_UNSHARED = "key_unshared"
    SOURCE_DELETED = "source_deleted"
    DOWNLOAD_ASKED = "download_asked"


@dataclass(frozen=True)
class Origin:
    """Where a request came from."""

    address: str | None = None
    agent: str = ""


NOWHERE = Origin()
# Set for each request (middleware.py); a worker has none.
origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def record(
    what: What,
    actor: User | None,
    *,
    who: str = "",
    about: str = "",
    key: ApiKey | None = None,
    source: Source | None = None,
    teams: Iterable[Team] = (),
    **details: object,
) -> AuditEvent:
    """Writes one line. A source brings its key along, a key the teams that it is shared with."""
    key = key or (source and source.key)
    event = AuditEvent.objects.create(
        at=timezone.now(),
        what=what,
        actor=actor,
        who=who or (actor.email if actor else "Claro Dashboard"),
        about=visible(about or (source.name if source else ""))[:300],
        key_uuid=key and key.pk,
        key_label=key.label if key else "",
        datasource_id=source and source.datasource_id,
        details=details,
        address=origin.get().address,
        agent=origin.get().agent,
    )
    event.teams.set({*teams, *(Team.objects.filter(key_shares__key=key) if key else ())})
    return event
