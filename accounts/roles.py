"""Who may do what in a team: the one table. access.py and the templates ask it, docs/teams.md shows it."""

from enum import StrEnum

from django.db import models


class Role(models.IntegerChoices):
    """Each may do what those before it may, and more."""

    VIEWER = 10, "Viewer"
    MEMBER = 20, "Member"
    ADMIN = 30, "Admin"
    OWNER = 40, "Owner"


class Action(StrEnum):
    BROWSE = "browse"
    DOWNLOAD = "download"
    SHARE = "share"
    SAVE_VIEWS = "save_views"
    END_SHARES = "end_shares"
    DELETE = "delete"
    PEOPLE = "people"
    KEYS = "keys"
    LOG = "log"
    OWN = "own"


# The least role that may do it, and what it is in words.
TABLE: dict[Action, tuple[Role, str]] = {
    Action.BROWSE: (Role.VIEWER, "See data sources and their rows"),
    Action.DOWNLOAD: (Role.VIEWER, "Download files"),
    Action.SHARE: (Role.MEMBER, "Make share links, bring back what was deleted"),
    Action.SAVE_VIEWS: (Role.MEMBER, "Save views for the team"),
    Action.END_SHARES: (Role.ADMIN, "Change and end share links of others"),
    Action.DELETE: (Role.ADMIN, "Delete data sources"),
    Action.PEOPLE: (Role.ADMIN, "Invite and remove people, change their roles"),
    Action.KEYS: (Role.ADMIN, "Share own keys with the team, take shared ones away"),
    Action.LOG: (Role.ADMIN, "Read what happened"),
    Action.OWN: (Role.OWNER, "Rename and delete the team, make and unmake owners"),
}


def may(role: int | None, action: Action) -> bool:
    """Whether this role (None: not in the team) may do it."""
    return role is not None and role >= TABLE[action][0]


def may_give(role: int | None, given: int) -> bool:
    """Whether this role may invite people with the role `given`, or change them to it: only owners make owners."""
    return may(role, Action.OWN if given == Role.OWNER else Action.PEOPLE)
