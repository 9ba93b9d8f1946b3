"""Choices of columns in the database: the last one of each user and source, and those too long for an address."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import QuerySet, UUIDField
from django.http import Http404, HttpRequest, QueryDict
from django.utils import timezone

from accounts.models import User
from core.queries import Prepared, Slot
from datasources import access
from datasources.access import READER
from datasources.models import ColumnChoice, ColumnReference, SavedView, Source
from datasources.rows import choices
from datasources.rows.choices import NO_COLUMNS, Choice

# A longer address, in bytes, refers to its columns.
ADDRESS_MAX = 4000
# A user makes so many references of a source. The oldest go, except those of saved views.
REFERENCES_MAX = 100
# A reference that is made again is new again, but not on every page.
NEW_AGAIN_AFTER = timedelta(hours=1)
# A page has a link or more for each column. Where these would take more bytes, they refer to the columns.
LINKS_MAX = 200_000

_REMEMBERED = Prepared(
    lambda: ColumnChoice.objects.filter(user=READER, datasource_id=Slot("datasource", UUIDField())).values_list("query")
)


def expanded(request: HttpRequest, source: Source) -> QueryDict:
    """The parameters of the address with the columns of its reference. Raises Http404 for one that does not exist.

    The reference of another source that the user may open serves too: a saved view is used for other files.
    """
    parameters = request.GET
    reference = parameters.get("columns", "")
    if reference in ("", NO_COLUMNS):
        return parameters
    found = named(source.datasource_id, reference)
    if not found:
        reached = access.sources_for(request.user).values("datasource_id")
        found = _chosen(ColumnReference.objects.filter(digest=reference, datasource_id__in=reached))
    if not found:
        raise Http404("This address names columns that are not kept.")
    return choices.with_choice(parameters, found)


def named(datasource_id: UUID, reference: str) -> dict[str, list[str]]:
    """The parameters behind a reference of this source; {} for none."""
    return _chosen(ColumnReference.objects.filter(datasource_id=datasource_id, digest=reference))


def carry(reference: str, source: Source) -> None:
    """Keeps a reference of another source for this one too, to which a view with it moves."""
    if found := ColumnReference.objects.filter(digest=reference).first():
        ColumnReference.objects.get_or_create(
            datasource_id=source.datasource_id, digest=reference, defaults={"query": found.query, "user": found.user}
        )


def _chosen(references: QuerySet[ColumnReference]) -> dict[str, list[str]]:
    found = references.first()
    return dict(QueryDict(found.query).lists()) if found else {}


def address(request: HttpRequest, source: Source, path: str, parameters: QueryDict) -> str:
    """The address with these parameters. If it would be too long, its columns become a reference.

    The parameters are expanded ones.
    """
    text = _joined(path, parameters)
    chosen = choices.read(dict(parameters.lists())).parameters()
    if len(request.build_absolute_uri(text)) <= ADDRESS_MAX or not chosen:
        return text
    return _joined(path, choices.with_choice(parameters, {"columns": [_reference(request.user, source, chosen)]}))


def better_address(request: HttpRequest, source: Source) -> str:
    """Where the rows page leads instead: to remembered columns, or to a shorter address; "" if nowhere."""
    parameters = request.GET
    if choices.is_made_by(parameters):
        is_reference = parameters.get("columns", "") not in ("", NO_COLUMNS)
        if not is_reference and len(request.build_absolute_uri()) <= ADDRESS_MAX:
            return ""
        found = address(request, source, request.path, expanded(request, source))
        return found if QueryDict(urlsplit(found).query) != parameters else ""
    chosen = _REMEMBERED.rows(reader=request.user.pk, datasource=source.datasource_id)
    if not chosen:
        return ""
    changed = choices.with_choice(parameters, dict(QueryDict(chosen[0][0]).lists()))
    return address(request, source, request.path, changed)


def for_links(user: User, source: Source, parameters: QueryDict, columns: int) -> QueryDict:
    """The parameters for the links of a page with so many columns; the page of such a link names the columns again."""
    chosen = choices.read(dict(parameters.lists())).parameters()
    length = sum(len(value) for values in chosen.values() for value in values)
    if columns * length <= LINKS_MAX or parameters.get("columns"):
        return parameters
    return choices.with_choice(parameters, {"columns": [_reference(user, source, chosen)]})


def remember(user: User, source: Source, choice: Choice) -> None:
    """For the next time that the user opens the source."""
    mine = {"user": user, "datasource_id": source.datasource_id}
    if parameters := choice.parameters():
        ColumnChoice.objects.update_or_create(**mine, defaults={"query": _query(parameters)})
    else:
        ColumnChoice.objects.filter(**mine).delete()


def tidy() -> None:
    """Deletes the choices of sources that are gone."""
    ColumnChoice.objects.orphaned().delete()
    ColumnReference.objects.orphaned().delete()


def _reference(user: User, source: Source, chosen: dict[str, list[str]]) -> str:
    query = _query(chosen)
    digest = base64.urlsafe_b64encode(hashlib.sha256(query.encode()).digest())[:16].decode()
    new = {"user": user, "created_at": timezone.now()}
    found, is_created = ColumnReference.objects.get_or_create(
        datasource_id=source.datasource_id, digest=digest, defaults={"query": query, **new}
    )
    if is_created:
        _forget_oldest(user, source)
    elif found.created_at < timezone.now() - NEW_AGAIN_AFTER:
        ColumnReference.objects.filter(pk=found.pk).update(**new)
    return digest


def _forget_oldest(user: User, source: Source) -> None:
    """Deletes the oldest references of a user and source beyond their number, except those of saved views."""
    mine = ColumnReference.objects.filter(user=user, datasource_id=source.datasource_id)
    old = mine.order_by("-created_at", "-pk").values_list("pk", "digest")[REFERENCES_MAX:]
    for pk, digest in old:
        if not SavedView.objects.filter(query__contains=digest).exists():
            mine.filter(pk=pk).delete()


def _query(parameters: dict[str, list[str]]) -> str:
    query = QueryDict(mutable=True)
    for name, values in parameters.items():
        query.setlist(name, values)
    return query.urlencode()


def _joined(path: str, parameters: QueryDict) -> str:
    text = parameters.urlencode()
    return f"{path}?{text}" if text else path
