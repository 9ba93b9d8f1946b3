"""Favourites: which sources a user marked, and marking them."""

import re
from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict

from accounts.models import User
from core import live
from core.queries import Slot
from datasources.models import Favourite, Source, Tagging


def favourites_of(user: User | Slot) -> QuerySet:
    """The ids of the user's favourites, as a part of a query."""
    return Favourite.objects.filter(user=user).values("datasource_id")


def favourites_among(sources: Iterable[Source], user: User) -> set[object]:
    """The ids of those that are the user's favourites. One query, none without sources."""
    ids = [source.datasource_id for source in sources]
    found = Favourite.objects.filter(user=user, datasource_id__in=ids)
    return set(found.values_list("datasource_id", flat=True)) if ids else set()


def starred(posted: QueryDict) -> tuple[int, bool] | None:
    """The row of the source whose star was pressed, by the name of the button; false with it if the star is unset."""
    rows = [name for name in posted if re.fullmatch("[0-9]{1,18}", name)]
    return (int(rows[0]), not posted[rows[0]]) if len(rows) == 1 else None


def set_favourite(source: Source, user: User, *, is_one: bool) -> None:
    """Makes the source a favourite or no favourite; the user's other pages show it."""
    with transaction.atomic():
        if is_one:
            Favourite.objects.bulk_create(
                [Favourite(user=user, datasource_id=source.datasource_id)], ignore_conflicts=True
            )
        else:
            Favourite.objects.filter(user=user, datasource_id=source.datasource_id).delete()
        live.publish([user.pk], "marks-changed")


def tidy() -> None:
    """Deletes the marks on sources that are gone."""
    Favourite.objects.orphaned().delete()
    Tagging.objects.orphaned().delete()
