"""Who may see and do what: every query of a view starts here. What is not one's own does not exist (404)."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.models import User
from datasources.models import ApiKey, DownloadLink, Source


def keys_for(user: User) -> QuerySet[ApiKey]:
    """The keys this person may work through."""
    return ApiKey.objects.filter(owner=user)


def sources_for(user: User) -> QuerySet[Source]:
    """What there is behind these keys, without what is gone."""
    return Source.objects.filter(key__in=keys_for(user), gone_at=None)


def links_for(user: User) -> QuerySet[DownloadLink]:
    return DownloadLink.objects.filter(source__in=sources_for(user))


def people_for(key: ApiKey) -> list[int]:
    """The ids of those who may see what is behind a key; the other direction of `keys_for`."""
    return [key.owner_id]


def get_key(user: User, key_id: UUID) -> ApiKey:
    return get_object_or_404(keys_for(user).select_related("sync", "watch"), pk=key_id)


def get_source(user: User, datasource_id: UUID, key_id: UUID | None = None) -> Source:
    """The source, through the key asked for; else through a key that works, the newest first."""
    found = sources_for(user).filter(datasource_id=datasource_id).select_related("key__sync", "key__watch")
    if key_id:
        found = found.filter(key=key_id)
    candidates = sorted(found.order_by("-key__created_at"), key=lambda source: source.key.state == ApiKey.State.INVALID)
    if not candidates:
        raise Http404("No such source.")
    return candidates[0]


def get_link(user: User, link_id: UUID) -> DownloadLink:
    return get_object_or_404(links_for(user).select_related("source__key"), pk=link_id)
