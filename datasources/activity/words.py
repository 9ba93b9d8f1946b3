"""The kinds of events and their texts."""

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
    NAME_CHANGED = "name_changed"
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
    TEAM_OFFERED = "team_offered"
    TEAM_TAKEN_OVER = "team_taken_over"
    TEAM_OFFER_DECLINED = "team_offer_declined"
    TEAM_OFFER_WITHDRAWN = "team_offer_withdrawn"
    TEAM_OFFER_EXPIRED = "team_offer_expired"
    KEY_ADDED = "key_added"
    KEY_RENAMED = "key_renamed"
    KEY_REPLACED = "key_replaced"
    KEY_CHECKED = "key_checked"
    KEY_REFUSED = "key_refused"
    KEY_SHARED = "key_shared"
    KEY_UNSHARED = "key_unshared"
    KEY_DELETED = "key_deleted"
    KEY_OFFERED = "key_offered"
    KEY_TAKEN_OVER = "key_taken_over"
    KEY_OFFER_DECLINED = "key_offer_declined"
    KEY_OFFER_WITHDRAWN = "key_offer_withdrawn"
    KEY_OFFER_EXPIRED = "key_offer_expired"
    HOOK_ON = "hook_on"
    HOOK_OFF = "hook_off"
    COPIES_ON = "copies_on"
    COPIES_OFF = "copies_off"
    EXPORT_ON = "export_on"
    EXPORT_OFF = "export_off"
    UPLOAD_QUEUED = "upload_queued"
    UPLOAD_CANCELLED = "upload_cancelled"
    UPLOADED = "uploaded"
    UPLOAD_FAILED = "upload_failed"
    HISTORY_JOINED = "history_joined"
    SOURCE_DELETED = "source_deleted"  # put into the bin
    SOURCE_RESTORED = "source_restored"
    SOURCE_DELETE_DONE = "source_delete_done"
    SOURCE_NOT_DELETED = "source_not_deleted"
    COPY_STARTED = "copy_started"
    COPY_STOPPED = "copy_stopped"
    COPY_DELETED = "copy_deleted"
    EXPORT_STARTED = "export_started"
    EXPORTED = "exported"
    EXPORT_BROKEN_OFF = "export_broken_off"
    VIEW_SAVED = "view_saved"
    VIEW_UPDATED = "view_updated"
    VIEW_MOVED = "view_moved"
    VIEW_TAKEN_OUT = "view_taken_out"
    VIEW_DELETED = "view_deleted"
    VIEW_GIVEN_FILE = "view_given_file"
    TAG_PUT = "tag_put"
    TAG_TAKEN = "tag_taken"
    TAG_RENAMED = "tag_renamed"
    TAG_DELETED = "tag_deleted"
    DOWNLOAD_ASKED = "download_asked"
    DOWNLOADED = "downloaded"
    LINK_COPIED = "link_copied"
    SHARE_MADE = "share_made"
    SHARE_CHANGED = "share_changed"
    SHARE_PAUSED = "share_paused"
    SHARE_RESUMED = "share_resumed"
    SHARE_ROTATED = "share_rotated"
    SHARE_ENDED = "share_ended"
    SHARE_UNDONE = "share_undone"
    SHARE_MOVED = "share_moved"
    SHARE_USED = "share_used"
    SHARE_GUESSED = "share_guessed"


@dataclass(frozen=True)
class Group:
    """A group of kinds: its name, its icon, and for each kind a short name and the phrase after the user's name.

    A name in braces is a field (`about`, `key`) or one of the details.
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
            What.NAME_CHANGED: ("Name changed", "changed the name from {before} to {about}"),
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
            What.TEAM_OFFERED: ("Team offered", "offered the team {team} to {about}"),
            What.TEAM_TAKEN_OVER: ("Team transferred", "took over the team {team} from {about}"),
            What.TEAM_OFFER_DECLINED: ("Team declined", "declined the team {team} of {about}"),
            What.TEAM_OFFER_WITHDRAWN: ("Team offer withdrawn", "withdrew the offer of the team {team} to {about}"),
            What.TEAM_OFFER_EXPIRED: ("Team offer expired", "ended the expired offer of the team {team} to {about}"),
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
            What.KEY_OFFERED: ("Key offered", "offered the key {key} to {about}"),
            What.KEY_TAKEN_OVER: ("Key transferred", "took over the key {key} from {about}"),
            What.KEY_OFFER_DECLINED: ("Key declined", "declined the key {key} of {about}"),
            What.KEY_OFFER_WITHDRAWN: ("Key offer withdrawn", "withdrew the offer of the key {key} to {about}"),
            What.KEY_OFFER_EXPIRED: ("Key offer expired", "ended the expired offer of the key {key} to {about}"),
            What.HOOK_ON: ("Instant updates on", "turned on instant updates for {key}"),
            What.HOOK_OFF: ("Instant updates off", "turned off instant updates for {key}"),
            What.COPIES_ON: ("Copies on", "turned on whole-table copies for {key}"),
            What.COPIES_OFF: ("Copies off", "turned off whole-table copies for {key} and deleted its copies"),
            What.EXPORT_ON: ("Export on", "turned on row exports for {key}"),
            What.EXPORT_OFF: ("Export off", "turned off row exports for {key}"),
        },
    ),
    "sources": Group(
        "Data sources",
        "database",
        {
            What.UPLOAD_QUEUED: ("Upload queued", "queued the upload of {about}, key {key}"),
            What.UPLOAD_CANCELLED: ("Upload cancelled", "cancelled the upload of {about}"),
            What.UPLOADED: ("Uploaded", "uploaded {about}, key {key}"),
            What.UPLOAD_FAILED: ("Upload failed", "could not upload {about}: {why}"),
            What.HISTORY_JOINED: ("History joined", "joined the history of {about} to {file}"),
            What.SOURCE_DELETED: ("Deletion requested", "requested the deletion of {about} ({when}), key {key}"),
            What.SOURCE_RESTORED: ("Restored", "restored {about} from the bin"),
            What.SOURCE_DELETE_DONE: ("Deleted", "deleted {about}, key {key}"),
            What.SOURCE_NOT_DELETED: ("Not deleted", "could not delete {about}: {why}"),
            What.COPY_STARTED: ("Table copy started", "started to copy the table {about}"),
            What.COPY_STOPPED: ("Table copy stopped", "stopped copying the table {about}"),
            What.COPY_DELETED: ("Table copy deleted", "deleted the copies of the table {about}"),
            What.EXPORT_STARTED: ("Export started", "started to export rows of {about} as {format}"),
            What.EXPORTED: ("Rows exported", "exported {rows} rows of {about} as {format}"),
            What.EXPORT_BROKEN_OFF: ("Export broken off", "received {about} as {format} in part: {why}"),
        },
    ),
    "views": Group(
        "Saved views",
        "bookmark",
        {
            What.VIEW_SAVED: ("View saved", "saved the view {about} for {team}"),
            What.VIEW_UPDATED: ("View updated", "updated the view {about} of {whose}"),
            What.VIEW_MOVED: ("View moved to a team", "moved the view {about} to {team}"),
            What.VIEW_TAKEN_OUT: ("View moved out of a team", "moved the view {about} out of {team}"),
            What.VIEW_DELETED: ("View deleted", "deleted the view {about} of {team}"),
            What.VIEW_GIVEN_FILE: ("View moved to a file", "moved the view {about} from {before} to {file}"),
        },
    ),
    "tags": Group(
        "Tags of teams",
        "tag",
        {
            What.TAG_PUT: ("Tag added", "added the tag {about} of {team} to {files}"),
            What.TAG_TAKEN: ("Tag removed", "removed the tag {about} of {team} from {files}"),
            What.TAG_RENAMED: ("Tag renamed", "renamed the tag {before} of {team} to {about}"),
            What.TAG_DELETED: ("Tag deleted", "deleted the tag {about} of {team}"),
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
            What.SHARE_UNDONE: ("Share link restored", "restored the share link for {about}"),
            What.SHARE_MOVED: ("Share link moved to a file", "moved the share link for {about} to {file}"),
            What.SHARE_USED: ("Share link used", "{about} was downloaded through the {who}"),
            What.SHARE_GUESSED: ("Wrong passwords", "entered several wrong passwords on the share link for {about}"),
        },
    ),
}

_BY_KIND = {what: (group, *words) for group in GROUPS.values() for what, words in group.words.items()}
_OTHER = ("", "", "")


def icon(event: AuditEvent) -> str:
    group, *_ = _BY_KIND.get(event.what, _OTHER)
    return group.icon if group else "history"


def label(event: AuditEvent) -> str:
    """The short name of an event."""
    _, label, _ = _BY_KIND.get(event.what, _OTHER)
    return label or event.what.replace("_", " ")


def parts(event: AuditEvent) -> Iterator[tuple[str, str]]:
    """The sentence in pieces: our own words as ("", text), what others have named as (its name, text), made visible."""
    _, _, words = _BY_KIND.get(event.what, _OTHER)
    words = words or label(event)
    if "{who}" in words:  # a share link, within the sentence
        who = event.who[:1].lower() + event.who[1:]
    else:
        who, words = event.who, f"{{who}} {words}"
    named = {**event.details, "about": event.about, "key": event.key_label, "who": who}
    for ours, name, _, _ in string.Formatter().parse(words):
        yield "", ours
        if name:
            yield name, visible(str(named.get(name) or UNKNOWN))


def labels() -> dict[str, str]:
    """The short name of each kind."""
    return {str(what): label for what, (_, label, _) in _BY_KIND.items()}


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """All that can be asked for, in groups; each group as a whole first."""
    return [
        (group.name, [(name, f"{group.name}: all"), *((str(what), label) for what, (label, _) in group.words.items())])
        for name, group in GROUPS.items()
    ]
