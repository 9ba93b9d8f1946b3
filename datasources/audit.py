"""What happened: one line for each thing that somebody did. Append-only; no secret goes in.

Whoever did it, whoever owns the key, and the admins of the teams that were concerned then, read it later
(access.events_for).
"""

from collections import defaultdict
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone

from accounts.models import Team, User
from datasources.cells import visible
from datasources.models import ApiKey, AuditEvent, KeyShare, Source

# Forgotten at once: few enough that nobody waits long for the database.
BATCH = 500


class What(StrEnum):
    SIGNED_UP = "signed_up"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SECOND_STEP_FAILED = "second_step_failed"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_ELSEWHERE = "signed_out_elsewhere"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - what happened, not a password
    EMAIL_CHANGED = "email_changed"
    TAKEN_OVER = "taken_over"
    FACTOR_ADDED = "factor_added"
    FACTOR_MADE_ANEW = "factor_made_anew"
    FACTOR_REMOVED = "factor_removed"
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
    KEY_RENAMED = "key_renamed"
    KEY_REPLACED = "key_replaced"
    KEY_CHECKED = "key_checked"
    KEY_REFUSED = "key_refused"
    KEY_SHARED = "key_shared"
    KEY_UNSHARED = "key_unshared"
    KEY_DELETED = "key_deleted"
    HOOK_ON = "hook_on"
    HOOK_OFF = "hook_off"
    SOURCE_DELETED = "source_deleted"  # put into the bin
    SOURCE_RESTORED = "source_restored"
    SOURCE_DELETE_DONE = "source_delete_done"
    SOURCE_NOT_DELETED = "source_not_deleted"
    VIEW_SAVED = "view_saved"
    VIEW_DELETED = "view_deleted"
    DOWNLOAD_ASKED = "download_asked"
    DOWNLOADED = "downloaded"
    LINK_COPIED = "link_copied"
    SHARE_MADE = "share_made"
    SHARE_CHANGED = "share_changed"
    SHARE_PAUSED = "share_paused"
    SHARE_RESUMED = "share_resumed"
    SHARE_ROTATED = "share_rotated"
    SHARE_ENDED = "share_ended"
    SHARE_USED = "share_used"
    SHARE_GUESSED = "share_guessed"


@dataclass(frozen=True)
class Group:
    """What belongs together: its name, its icon, and of each kind a short name and how it goes on after who did it.

    A name in braces is that of a field (`about`, `key`) or of one of the details.
    """

    name: str
    icon: str
    words: dict[What, tuple[str, str]]


GROUPS = {
    "sign-in": Group(
        "Sign-in",
        "login-2",
        {
            What.SIGNED_UP: ("Signed up", "signed up"),
            What.SIGNED_IN: ("Signed in", "signed in"),
            What.SIGN_IN_FAILED: ("Sign-in failed", "failed to sign in as {about}"),
            What.SECOND_STEP_FAILED: ("Second step failed", "entered a wrong second factor for {about}"),
            What.SIGNED_OUT: ("Signed out", "signed out"),
            What.SIGNED_OUT_ELSEWHERE: ("Signed out elsewhere", "signed out elsewhere: {devices}"),
            What.PASSWORD_CHANGED: ("Password changed", "changed the password"),
            What.EMAIL_CHANGED: ("E-mail address changed", "changed the e-mail address from {before} to {about}"),
            What.TAKEN_OVER: ("Account taken over", "took over the account through single sign-on"),
            What.FACTOR_ADDED: ("Second factor added", "set up {factor}"),
            What.FACTOR_MADE_ANEW: ("Second factor replaced", "replaced {factor}"),
            What.FACTOR_REMOVED: ("Second factor removed", "removed {factor}"),
        },
    ),
    "teams": Group(
        "Teams",
        "users",
        {
            What.TEAM_MADE: ("Team created", "created the team {about}"),
            What.TEAM_RENAMED: ("Team renamed", "renamed the team {before} to {about}"),
            What.TEAM_DELETED: ("Team deleted", "deleted the team {about}"),
            What.INVITED: ("Invited", "invited {about} to {team} as {role}"),
            What.INVITATION_REVOKED: ("Invitation cancelled", "cancelled the invitation for {about} to {team}"),
            What.JOINED: ("Joined", "joined {about} as {role}"),
            What.ROLE_CHANGED: ("Role changed", "changed the role of {about} in {team} to {role}"),
            What.REMOVED: ("Removed", "removed {about} from {team}"),
            What.LEFT: ("Left", "left {team}"),
        },
    ),
    "keys": Group(
        "Keys",
        "key",
        {
            What.KEY_ADDED: ("Key added", "added the key {key}"),
            What.KEY_RENAMED: ("Key renamed", "renamed the key {before} to {key}"),
            What.KEY_REPLACED: ("Key replaced", "replaced the key {key}"),
            What.KEY_CHECKED: ("Key checked", "checked the key {key}: {outcome}"),
            What.KEY_REFUSED: ("Key refused", "refused the key {key}"),
            What.KEY_SHARED: ("Key shared", "shared the key {key} with {team}"),
            What.KEY_UNSHARED: ("Key sharing stopped", "stopped sharing the key {key} with {team}"),
            What.KEY_DELETED: ("Key deleted", "deleted the key {key}"),
            What.HOOK_ON: ("Instant updates on", "turned on instant updates for {key}"),
            What.HOOK_OFF: ("Instant updates off", "turned off instant updates for {key}"),
        },
    ),
    "sources": Group(
        "Data sources",
        "database",
        {
            What.SOURCE_DELETED: ("Deletion requested", "requested the deletion of {about} ({when}), key {key}"),
            What.SOURCE_RESTORED: ("Restored", "restored {about} from the bin"),
            What.SOURCE_DELETE_DONE: ("Deleted", "deleted {about}, key {key}"),
            What.SOURCE_NOT_DELETED: ("Not deleted", "could not delete {about}: {why}"),
        },
    ),
    "views": Group(
        "Saved views",
        "bookmark",
        {
            What.VIEW_SAVED: ("View saved", "saved the view {about} for {team}"),
            What.VIEW_DELETED: ("View deleted", "deleted the view {about} of {team}"),
        },
    ),
    "downloads": Group(
        "Downloads",
        "download",
        {
            What.DOWNLOAD_ASKED: ("Download link created", "created a download link for {about}"),
            What.DOWNLOADED: ("Downloaded", "downloaded {about}"),
            What.LINK_COPIED: ("Download link copied", "copied the download link for {about}"),
        },
    ),
    "shares": Group(
        "Share links",
        "share",
        {
            What.SHARE_MADE: ("Share link created", "created a share link for {about}"),
            What.SHARE_CHANGED: ("Share link edited", "edited the share link for {about}"),
            What.SHARE_PAUSED: ("Share link paused", "paused the share link for {about}"),
            What.SHARE_RESUMED: ("Share link resumed", "resumed the share link for {about}"),
            What.SHARE_ROTATED: ("Share link replaced", "replaced the share link for {about}"),
            What.SHARE_ENDED: ("Share link revoked", "revoked the share link for {about}"),
            What.SHARE_USED: ("Share link used", "{about} was downloaded through the {who}"),
            What.SHARE_GUESSED: ("Wrong passwords", "entered several wrong passwords on the share link for {about}"),
        },
    ),
}


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
