"""Which key serves a user who reaches a source through several."""

from uuid import UUID

from django.db.models import QuerySet, UUIDField
from django.http import Http404

from accounts.models import User
from accounts.roles import Action, may
from core.queries import Prepared, Slot
from datasources import access, gateway
from datasources.access import READER
from datasources.models import ApiKey, Source

_DATASOURCE, _KEY = Slot("datasource", UUIDField()), Slot("key", UUIDField())


def get_source(user: User, datasource_id: UUID, key_id: UUID | None = None, action: Action = Action.BROWSE) -> Source:
    """The source, through the requested key; else through the best one.

    The order: a key that works, a role that allows the action, an own key before a team's, the most calls left, the
    newest.
    """
    keys = _KEYS_OF_A_SOURCE.objects(reader=user.pk, datasource=datasource_id)
    candidates = best_first(user, [key for key in keys if key_id in (None, key.pk)], action)
    found = _SOURCE.objects(key=candidates[0].pk, datasource=datasource_id) if candidates else []
    if not found:
        raise Http404("No such source.")
    source = found[0]
    source.key = candidates[0]
    return source


def get_sources(user: User, sources: QuerySet[Source], action: Action) -> tuple[list[Source], list[Source]]:
    """These sources, each once and through the best key for it; and those of them with which one may do this."""
    keys = best_first(user, list(access.keys_for(user).order_by("-created_at")), action)
    place = {key.pk: place for place, key in enumerate(keys)}
    best: dict[UUID, Source] = {}
    for source in sources.order_by("-uploaded_at", "-pk"):
        other = best.get(source.datasource_id)
        if not other or place[source.key_id] < place[other.key_id]:
            best[source.datasource_id] = source
    for source in best.values():
        source.key = keys[place[source.key_id]]
    return list(best.values()), [source for source in best.values() if may(source.key.role, action)]


def best_first(user: User, keys: list[ApiKey], action: Action = Action.BROWSE) -> list[ApiKey]:
    """The keys in the order in which they serve a user who is about to do this."""
    left = {key.pk: _calls_left(key) for key in keys} if len(keys) > 1 else {}
    return sorted(
        keys,
        key=lambda key: (
            key.state == ApiKey.State.INVALID,
            not may(key.role, action),
            key.owner_id != user.pk,
            -left.get(key.pk, 0),
        ),
    )


def _calls_left(key: ApiKey) -> int:
    left = gateway.calls_left(key)
    return left.calls if left else gateway.calls_per_minute(key)


def _keys_of_a_source() -> QuerySet[ApiKey]:
    keys = access.keys_for(READER).seeing(_DATASOURCE)
    return keys.select_related("owner", "sync", "watch").order_by("-created_at")


_KEYS_OF_A_SOURCE = Prepared(_keys_of_a_source)
_SOURCE = Prepared(lambda: Source.objects.filter(key=_KEY, datasource_id=_DATASOURCE))
