"""Choices of columns in the database: the last one of each user and source, and those too long for an address.

Filters that are too long for an address are kept there too.
"""

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
from datasources.rows.forms import RowsForm

# A longer address, in bytes, refers to its columns, and to its filter if that is not enough.
ADDRESS_MAX = 4000
# What the parameter `where` stands for.
FILTERS = ("filter", "q", "check")
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
    return choices.with_choice(parameters, _found(request, source, reference))


def with_filter(request: HttpRequest, source: Source) -> QueryDict:
    """The parameters of the address with the filter of its reference. Raises Http404 for one that does not exist."""
    reference = request.GET.get("where")
    if not reference:
        return request.GET
    parameters = request.GET.copy()
    del parameters["where"]
    for name, values in _found(request, source, reference).items():
        if name in FILTERS and name not in parameters:
            parameters.setlist(name, values)
    return parameters


def _found(request: HttpRequest, source: Source, reference: str) -> dict[str, list[str]]:
    found = named(source.datasource_id, reference)
    if not found:
        reached = access.sources_for(request.user).values("datasource_id")
        found = _chosen(ColumnReference.objects.filter(digest=reference, datasource_id__in=reached))
    if not found:
        raise Http404("This address names columns or a filter that are not kept.")
    return found


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
    """The address with these parameters. If it would be too long, its columns become a reference, then its filter.

    The parameters are expanded ones.
    """
    text = _joined(path, parameters)
    if _is_short(request, text):
        return text
    if chosen := choices.read(dict(parameters.lists())).parameters():
        parameters = choices.with_choice(parameters, {"columns": [_reference(request.user, source, chosen)]})
        text = _joined(path, parameters)
    filters = {name: parameters.getlist(name) for name in FILTERS if name in parameters}
    # One that the page refuses is not kept.
    if _is_short(request, text) or not filters or {*FILTERS} & {*RowsForm(parameters).errors}:
        return text
    return _joined(path, _without_filter(parameters, _reference(request.user, source, filters)))


def shortened(request: HttpRequest, source: Source, text: str) -> str:
    """An address of this source, with a reference for its filter if it is too long."""
    path, _, query = text.partition("?")
    return text if _is_short(request, text) else address(request, source, path, QueryDict(query))


def _is_short(request: HttpRequest, address: str | None = None) -> bool:
    return len(request.build_absolute_uri(address)) <= ADDRESS_MAX


def _without_filter(parameters: QueryDict, reference: str) -> QueryDict:
    rest = parameters.copy()
    for name in FILTERS:
        rest.pop(name, None)
    rest["where"] = reference
    return rest


def better_address(request: HttpRequest, source: Source) -> str:
    """Where the rows page leads instead: to remembered columns, or to a shorter address; "" if nowhere."""
    parameters, chosen = request.GET, []
    if not choices.is_made_by(parameters):
        chosen = _REMEMBERED.rows(reader=request.user.pk, datasource=source.datasource_id)
    is_reference = parameters.get("columns", "") not in ("", NO_COLUMNS)
    if _is_short(request) and not (chosen or is_reference):
        return ""
    whole = expanded(request, source)
    if chosen:
        whole = choices.with_choice(whole, dict(QueryDict(chosen[0][0]).lists()))
    found = address(request, source, request.path, whole)
    return found if QueryDict(urlsplit(found).query) != _asked(request) else ""


def for_links(request: HttpRequest, source: Source, columns: int) -> QueryDict:
    """The parameters for the links of a page with so many columns; the page of such a link names the columns again."""
    parameters = request.GET
    if where := _asked(request).get("where"):
        parameters = _without_filter(parameters, where)
    chosen = choices.read(dict(parameters.lists())).parameters()
    length = sum(len(value) for values in chosen.values() for value in values)
    if columns * length <= LINKS_MAX or parameters.get("columns"):
        return parameters
    return choices.with_choice(parameters, {"columns": [_reference(request.user, source, chosen)]})


def _asked(request: HttpRequest) -> QueryDict:
    """The parameters of the address as it was requested."""
    return QueryDict(request.META["QUERY_STRING"])


def remember(user: User, source: Source, choice: Choice) -> None:
    """For the next time that the user opens the source."""
    mine = {"user": user, "datasource_id": source.datasource_id}
    if parameters := choice.parameters():
        ColumnChoice.objects.update_or_create(**mine, defaults={"query": _query(parameters)})
    else:
        ColumnChoice.objects.filter(**mine).delete()


def go_back(request: HttpRequest, source: Source) -> None:
    """Going back undoes a change of columns: an address that names none is that of a page that showed all of them."""
    if not choices.is_made_by(request.GET):
        remember(request.user, source, Choice())


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
