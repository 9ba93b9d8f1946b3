"""The permissions of team roles, in one table. access.py and the templates use it, and docs/teams.md shows it."""

from enum import StrEnum

from django.db import models


class Role(models.IntegerChoices):
    """Each may do what those before it may, and more."""

    VIEWER = 10, "Viewer"
    MEMBER = 20, "Member"
    ADMIN = 30, "Admin"
    OWNER = 40, "Owner"

    @property
    def summary(self) -> str:
        """The permissions in a few words, beside a choice of roles; the table below has all of them."""
        return _SUMMARIES[self]

    @property
    def in_a_sentence(self) -> str:
        """The role with its article, such as "an admin"."""
        return f"{'an' if self.label[0] in 'AO' else 'a'} {self.label.lower()}"


_SUMMARIES = {
    Role.VIEWER: "browse, download and export",
    Role.MEMBER: "also upload, share and save views",
    Role.ADMIN: "also delete files, manage people and keys",
    Role.OWNER: "do everything",
}


class Action(StrEnum):
    BROWSE = "browse"
    DOWNLOAD = "download"
    EXPORT = "export"
    UPLOAD = "upload"
    SHARE = "share"
    SAVE_VIEWS = "save_views"
    TAG = "tag"
    COPY = "copy"
    END_SHARES = "end_shares"
    DELETE = "delete"
    PEOPLE = "people"
    KEYS = "keys"
    LOG = "log"
    OWN = "own"


# The least role that may do it, and what it is in words.
TABLE: dict[Action, tuple[Role, str]] = {
    Action.BROWSE: (Role.VIEWER, "Browse data sources and rows"),
    Action.DOWNLOAD: (Role.VIEWER, "Download files"),
    Action.EXPORT: (Role.VIEWER, "Export rows"),
    Action.UPLOAD: (Role.MEMBER, "Upload files"),
    Action.SHARE: (Role.MEMBER, "Create share links, restore deleted files"),
    Action.SAVE_VIEWS: (Role.MEMBER, "Save and change views of the team"),
    Action.TAG: (Role.MEMBER, "Set, rename and delete tags of the team"),
    Action.COPY: (Role.MEMBER, "Copy large tables, stop and delete copies"),
    Action.END_SHARES: (Role.ADMIN, "Edit and revoke share links of others"),
    Action.DELETE: (Role.ADMIN, "Delete files"),
    Action.PEOPLE: (Role.ADMIN, "Invite and remove people, change roles"),
    Action.KEYS: (Role.ADMIN, "Share own keys with the team, stop sharing keys"),
    Action.LOG: (Role.ADMIN, "Read the activity log"),
    Action.OWN: (Role.OWNER, "Rename, transfer and delete the team, appoint and remove owners"),
}


def may(role: int | None, action: Action) -> bool:
    """Whether this role (None: not in the team) may do it."""
    return role is not None and role >= TABLE[action][0]


def may_give(role: int | None, given: int) -> bool:
    """Whether this role may invite people with the role `given`, or change them to it: only owners make owners."""
    return may(role, Action.OWN if given == Role.OWNER else Action.PEOPLE)
