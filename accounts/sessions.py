"""Where a person is signed in: each session in words, and its end.

allauth keeps a row beside each session of Django's, with the address and the browser that were seen last.
"""

import contextlib
import hashlib
from collections.abc import Iterable
from datetime import timedelta

import redis
from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from core.lately import Lately

# "Last seen" is right to within this time: writing it down with every request would make every request a write.
SEEN_EVERY = timedelta(minutes=5)
# Team pages show the day of a user's last activity, so that one write an hour is enough.
ACTIVE_EVERY = timedelta(hours=1)
# A minute more, because a process asks Redis about a session once a minute.
seen_lately = Lately(60)

# What a browser calls itself, the most particular first: nearly all of them also say that they are Chrome and Safari.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Vivaldi": "Vivaldi",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "Chrome": "Chrome",
    "CriOS": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
HANDHELD = ("iPhone", "iPad", "Android")

# Somebody (`user`) ended sessions of theirs, on these `devices`, from another one.
signed_out_elsewhere = Signal()
# Single sign-on handed the account of `user` to the owner of its address. Receivers say how many of what they took.
account_taken_over = Signal()


def note(request: HttpRequest) -> None:
    """Writes down that this session is in use, when that was not done for a while."""
    name = f"seen:{hashlib.sha256(request.session.session_key.encode()).hexdigest()}"
    if not seen_lately.is_new(name):
        return
    # Without Redis, or behind a proxy that says no address: pages go on, "last seen" gets old.
    with contextlib.suppress(redis.RedisError, PermissionDenied):
        if cache.add(name, 1, SEEN_EVERY.total_seconds()):
            UserSession.objects.create_from_request(request)
            _note_active(request.user)


def _note_active(user: User) -> None:
    """Writes down that the user is active, when that was not done for an hour. It outlives the session."""
    now = timezone.now()
    if user.active_at is None or user.active_at < now - ACTIVE_EVERY:
        User.objects.filter(pk=user.pk).update(active_at=now)  # without signals: nothing else about them changed


def sessions_of(user: User) -> list[UserSession]:
    """The sessions of this person that hold, used last first, each with its `device`."""
    rows = UserSession.objects.filter(user=user).order_by("-last_seen_at")
    valid = _valid(user, rows)
    sessions = [row for row in rows if row.session_key in valid]
    for session in sessions:
        session.device, session.is_handheld = device(session.user_agent), _of(session.user_agent, HANDHELD) != ""
    return sessions


def end(sessions: Iterable[UserSession]) -> int:
    """Ends these sessions at once and returns their number. Their live streams end too (datasources/signals.py)."""
    ended = list(sessions)
    for session in ended:
        session.end()
    return len(ended)


def sign_out_elsewhere(user: User, sessions: Iterable[UserSession]) -> int:
    """Ends the user's other sessions at their request, and sends the signal `signed_out_elsewhere`."""
    ended = list(sessions)
    if end(ended):
        signed_out_elsewhere.send(User, user=user, devices=[device(session.user_agent) for session in ended])
    return len(ended)


def others(user: User, session_key: str | None) -> QuerySet[UserSession]:
    """The sessions of this person without the one of that key."""
    return UserSession.objects.filter(user=user).exclude(session_key=session_key)


def tidy() -> None:
    """Forgets rows whose session is gone."""
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


def device(user_agent: str) -> str:
    """A description of browser and machine. The raw User-Agent is untrusted text and is not shown."""
    browser = BROWSERS.get(_of(user_agent, BROWSERS), "Unknown program")
    system = SYSTEMS.get(_of(user_agent, SYSTEMS))
    return f"{browser} on {system}" if system else browser


def _of(user_agent: str, names) -> str:
    return next((name for name in names if name in user_agent), "")


def _valid(user: User, rows: QuerySet[UserSession]) -> set[str]:
    """The keys of sessions that have not run out and were begun with the password that holds."""
    stored = Session.objects.filter(session_key__in=rows.values("session_key"), expire_date__gt=timezone.now())
    holds = user.get_session_auth_hash()
    return {session.session_key for session in stored if session.get_decoded().get(HASH_SESSION_KEY) == holds}
