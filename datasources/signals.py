"""Who may no longer look gets no more events."""

from allauth.account.signals import password_changed, password_reset
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from datasources import live


@receiver(user_logged_out)
def end_streams_of_the_session(request, **kwargs) -> None:
    if request is not None and request.session.session_key:
        live.sign_out(request.session.session_key)


@receiver(post_delete, sender=UserSession)
def end_streams_of_the_ended_session(instance, **kwargs) -> None:
    """Signed out from elsewhere."""
    live.sign_out(instance.session_key)


@receiver([password_changed, password_reset])
def end_streams_of_the_person(user, **kwargs) -> None:
    """Other sessions end with the old password; those that still hold come back by themselves."""
    live.send_away(user.pk)


@receiver(post_save, sender=get_user_model())
def end_streams_of_the_deactivated(instance, created, **kwargs) -> None:
    if not created and not instance.is_active:
        live.send_away(instance.pk)


@receiver(post_delete, sender=get_user_model())
def end_streams_of_the_deleted(instance, **kwargs) -> None:
    live.send_away(instance.pk)
