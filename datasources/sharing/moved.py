"""Share links that move from a file to the one that was uploaded in its place."""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from datasources import access
from datasources.models import SharedFile, ShareLink, Source


def that_can(links: QuerySet[ShareLink], new: Source) -> QuerySet[ShareLink]:
    """The links whose key sees the new file, and that do not share it yet."""
    seen = Source.objects.present().filter(key=OuterRef("key"), datasource_id=new.datasource_id)
    there = SharedFile.objects.filter(share=OuterRef("pk"), source__datasource_id=new.datasource_id)
    return links.filter(Exists(seen), ~Exists(there))


def move(share: ShareLink, old: Source, new: Source) -> Source | None:
    """Shares the new file under the number of the old one; its address, password and limits stay.

    Returns the new file as the link's key sees it; None if the link was changed or revoked meanwhile.
    """
    with transaction.atomic():
        links = ShareLink.objects.filter(pk=share.pk, ended_at=None)
        if not that_can(links, new).select_for_update(no_key=True).first():
            return None
        files = SharedFile.objects.filter(share=share, source__datasource_id=old.datasource_id)
        seen = Source.objects.select_related("key").get(key=share.key_id, datasource_id=new.datasource_id)
        if not files.update(source=seen):
            return None
        access.publish(share.key, "shares-changed")
    return seen
