"""The findings of a check: a state, its sentence, and the fix."""

from enum import StrEnum
from urllib.parse import urlsplit


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"


# The state, the sentence, and the fix ("" if none is needed).
Finding = tuple[State, str, str]


def ok(says: str) -> Finding:
    return State.OK, says, ""


def warn(says: str, remedy: str) -> Finding:
    return State.WARN, says, remedy


def bad(says: str, remedy: str) -> Finding:
    return State.BAD, says, remedy


def place(url: str) -> str:
    """Where it is, without who may."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"
