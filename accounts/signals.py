"""A new password ends every other session; one that was set by mail makes the browser known (devices.py)."""

from allauth.account.signals import password_changed, password_reset, password_set
from django.dispatch import receiver

from accounts import devices, sessions


@receiver([password_changed, password_set, password_reset])
def end_other_sessions(request, user, **kwargs) -> None:
    """Django would let nobody in with them any more; this way they are gone, from the list too."""
    sessions.end(sessions.others(user, request.session.session_key))


@receiver(password_reset)
def remember_browser(request, user, **kwargs) -> None:
    devices.remember_reset(request, user)
