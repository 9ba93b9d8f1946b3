"""Reactions to changes of users, teams and key shares: streams end, lists refresh, the canary is written."""

from functools import partial

from allauth.mfa.signals import authenticator_added, authenticator_reset
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import Membership
from core import live
from datasources import access
from datasources.copies import store
from datasources.models import Comparison, KeyShare, TableCopy, Upload
from datasources.security import master_key
from datasources.uploads import stored

ALL_LISTS = ("keys-changed", "sources-changed", "downloads-changed", "shares-changed", "teams-changed")


@receiver(user_logged_out)
def end_streams_of_the_session(request, **kwargs) -> None:
    if request is not None and request.session.session_key:
        live.sign_out(request.session.session_key)


@receiver(post_delete, sender=UserSession)
def end_streams_of_the_ended_session(instance, **kwargs) -> None:
    """Signed out from elsewhere."""
    live.sign_out(instance.session_key)


@receiver(post_save, sender=get_user_model())
def end_streams_of_the_changed(instance, created, update_fields, **kwargs) -> None:
    """Ends the live streams of a user with a changed password or account; valid sessions reconnect automatically."""
    if not created and (update_fields is None or {"password", "is_active"} & update_fields):
        live.send_away(instance.pk)


@receiver(post_delete, sender=get_user_model())
def end_streams_of_the_deleted(instance, **kwargs) -> None:
    live.send_away(instance.pk)


@receiver([post_save, post_delete], sender=Membership)
def tell_who_is_in_a_team(instance, **kwargs) -> None:
    """Refreshes every list of a user whose membership changed, and the team page of the others."""
    live.publish([instance.user_id], *ALL_LISTS)
    live.publish(instance.team.memberships.values_list("user", flat=True), "teams-changed")


@receiver(post_delete, sender=Membership)
def take_keys_along(instance, **kwargs) -> None:
    """Stops sharing a user's keys with a team that the user has left."""
    for share in KeyShare.objects.filter(team=instance.team_id, key__owner=instance.user_id):
        share.delete()


@receiver([post_save, post_delete], sender=KeyShare)
def tell_who_works_through_a_key(instance, **kwargs) -> None:
    members = instance.team.memberships.values_list("user", flat=True)
    live.publish({*access.people_for(instance.key), *members}, *ALL_LISTS)


@receiver([authenticator_added, authenticator_reset])
def leave_canary(**kwargs) -> None:
    """A second factor may be the first secret that is stored here."""
    master_key.leave_canary()


@receiver(post_delete, sender=Comparison)
@receiver(post_delete, sender=TableCopy)
def remove_files_of_the_copy(instance, **kwargs) -> None:
    """Rows go with their source, key and account; the files are removed here."""
    # Django empties the id of a deleted instance.
    transaction.on_commit(partial(store.remove_files, instance.pk, instance.file_name))


@receiver(post_delete, sender=Upload)
def remove_file_of_the_upload(instance, **kwargs) -> None:
    transaction.on_commit(partial(stored.remove, instance.file_name))
