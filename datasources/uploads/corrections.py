"""Sources that were uploaded in place of others: the links between both."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import User
from datasources import access
from datasources.models import Correction, Source, Upload


@dataclass(frozen=True)
class Links:
    """The corrections of a source, the newest first, and the one by which it came, if any."""

    of_it: list[Correction]
    by_it: Correction | None


def link(upload: Upload, source: Source | None) -> None:
    """Notes that the source is there in place of the one that the upload corrects, if it corrects one."""
    if upload.corrects_id and source and source.pk != upload.corrects_id:
        Correction.objects.get_or_create(
            new=source, defaults={"old_id": upload.corrects_id, "made_by_id": upload.user_id}
        )


def links_of(source: Source, user: User) -> Links:
    """Both ends, as far as the user reaches them. One query."""
    pk = source.datasource_id
    found = access.corrections_for(user).filter(Q(old__datasource_id=pk) | Q(new__datasource_id=pk))
    both: Iterable[Correction] = found.select_related("old", "new").order_by("-made_at", "-pk")
    of_it, by_it = [], None
    for one in both:
        if one.old.datasource_id == pk:
            of_it.append(one)
        else:
            by_it = by_it or one
    return Links(of_it, by_it)
