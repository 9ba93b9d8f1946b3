from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver

from datasources import live


@receiver(user_logged_out)
def end_streams(request, **kwargs) -> None:
    """Signing out ends the live streams of that session."""
    if request is not None and request.session.session_key:
        live.sign_out(request.session.session_key)
