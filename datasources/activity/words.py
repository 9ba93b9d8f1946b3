"""What can happen, and the words for it."""

import string
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.text import visible
from datasources.models import AuditEvent

# What is missing in the words of an event.
UNKNOWN = "…"


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
        "Signing in",
        "login-2",
        {
            What.SIGNED_UP: ("Signed up", "signed up"),
            What.SIGNED_IN: ("Signed in", "signed in"),
            What.SIGN_IN_FAILED: ("Sign-in failed", "failed to sign in as {about}"),
            What.SECOND_STEP_FAILED: ("Second step failed", "gave a wrong second factor for {about}"),
            What.SIGNED_OUT: ("Signed out", "signed out"),
            What.SIGNED_OUT_ELSEWHERE: ("Signed out elsewhere", "signed out elsewhere: {devices}"),
            What.PASSWORD_CHANGED: ("Password changed", "changed the password"),
            What.EMAIL_CHANGED: ("E-mail address changed", "changed the e-mail address from {before} to {about}"),
            What.TAKEN_OVER: ("Account taken over", "took over the account by single sign-on"),
            What.FACTOR_ADDED: ("Second factor added", "set up {factor}"),
            What.FACTOR_MADE_ANEW: ("Second factor made anew", "made new {factor}"),
            What.FACTOR_REMOVED: ("Second factor removed", "removed {factor}"),
        },
    ),
    "teams": Group(
        "Teams",
        "users",
        {
            What.TEAM_MADE: ("Team made", "made the team {about}"),
            What.TEAM_RENAMED: ("Team renamed", "renamed the team {before} to {about}"),
            What.TEAM_DELETED: ("Team deleted", "deleted the team {about}"),
            What.INVITED: ("Invited", "invited {about} to {team} as {role}"),
            What.INVITATION_REVOKED: ("Invitation taken back", "took back the invitation of {about} to {team}"),
            What.JOINED: ("Joined", "joined {about} as {role}"),
            What.ROLE_CHANGED: ("Role changed", "made {about} {role} in {team}"),
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
            What.KEY_REPLACED: ("Key replaced", "put a new key into {key}"),
            What.KEY_CHECKED: ("Key checked", "had Claro check {key}: {outcome}"),
            What.KEY_REFUSED: ("Key refused", "refused the key {key}"),
            What.KEY_SHARED: ("Key shared", "shared {key} with {team}"),
            What.KEY_UNSHARED: ("Key taken away", "took {key} away from {team}"),
            What.KEY_DELETED: ("Key deleted", "deleted the key {key}"),
            What.HOOK_ON: ("Webhook on", "turned on “Let Claro tell us” for {key}"),
            What.HOOK_OFF: ("Webhook off", "turned off “Let Claro tell us” for {key}"),
        },
    ),
    "sources": Group(
        "Data sources",
        "database",
        {
            What.SOURCE_DELETED: ("Delete asked for", "asked to have {about} deleted {when}, with {key}"),
            What.SOURCE_RESTORED: ("Brought back", "brought back {about} from the bin"),
            What.SOURCE_DELETE_DONE: ("Deleted", "deleted {about} with {key}"),
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
            What.DOWNLOAD_ASKED: ("Link asked for", "asked for a link to {about}"),
            What.DOWNLOADED: ("Downloaded", "downloaded {about}"),
            What.LINK_COPIED: ("Link copied", "copied the link to {about}"),
        },
    ),
    "shares": Group(
        "Share links",
        "share",
        {
            What.SHARE_MADE: ("Share link made", "made a share link to {about}"),
            What.SHARE_CHANGED: ("Share link changed", "changed the share link to {about}"),
            What.SHARE_PAUSED: ("Share link paused", "paused the share link to {about}"),
            What.SHARE_RESUMED: ("Share link goes on", "let the share link to {about} go on"),
            What.SHARE_ROTATED: ("Share link renewed", "gave the share link to {about} a new address"),
            What.SHARE_ENDED: ("Share link ended", "ended the share link to {about}"),
            What.SHARE_USED: ("Share link used", "gave out {about}"),
            What.SHARE_GUESSED: ("Passwords tried", "tried several wrong passwords at the share link to {about}"),
        },
    ),
}

_BY_KIND = {what: (group, *words) for group in GROUPS.values() for what, words in group.words.items()}
_OTHER = ("", "", "")


def icon(event: AuditEvent) -> str:
    group, *_ = _BY_KIND.get(event.what, _OTHER)
    return group.icon if group else "history"


def label(event: AuditEvent) -> str:
    """What happened in a word or two."""
    _, label, _ = _BY_KIND.get(event.what, _OTHER)
    return label or event.what.replace("_", " ")


def parts(event: AuditEvent) -> Iterator[tuple[str, str]]:
    """The sentence in pieces: our own words as ("", text), what others have named as (its name, text), made visible."""
    yield "who", visible(event.who)
    _, _, words = _BY_KIND.get(event.what, _OTHER)
    named = {**event.details, "about": event.about, "key": event.key_label}
    for ours, name, _, _ in string.Formatter().parse(f" {words or label(event)}"):
        yield "", ours
        if name:
            yield name, visible(str(named.get(name) or UNKNOWN))


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """All that can be asked for, in groups; each group as a whole first."""
    return [
        (group.name, [(name, f"{group.name}: all"), *((str(what), label) for what, (label, _) in group.words.items())])
        for name, group in GROUPS.items()
    ]
