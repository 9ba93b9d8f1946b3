"""The way back to the list of sources: as the reader left it, sorted, filtered and on the same page.

`back` in the address of a source's pages holds the list's parameters and never a path, so it leads nowhere else.
"""

from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from datasources import access
from datasources.sources.forms import SourceListForm
from datasources.sources.listing import listing
from datasources.views.guards import space_of

NAME = "back"


def of_list(asked: QueryDict) -> str:
    """The value of `back` on the pages of a source: the list's parameters except the space, which they have anyway."""
    return urlencode(_known(asked.items()))


def to_list(request: HttpRequest) -> str:
    """The address of the list as the reader left it, else that of all sources in the space."""
    return _address(request, _known(parse_qsl(request.GET.get(NAME, ""))))


def of_chosen(request: HttpRequest) -> str:
    """The address of the list from which files were chosen: a page about them has the list's parameters itself."""
    return _address(request, _known(request.GET.items()))


def after_deleting(request: HttpRequest, asked: QueryDict) -> str:
    """The address of the list with these parameters; its last page if the page has gone with what was deleted."""
    known = _known(asked.items())
    state = SourceListForm(known).state()
    if state["page"] > 1:
        keys = access.list_keys(request.user, space_of(request))
        found = listing(keys, state, request.user)
        known["page"] = str(min(found.page, found.pages))
    return _address(request, known)


def _known(parameters) -> dict[str, str]:
    return {name: value for name, value in parameters if name in SourceListForm.base_fields and value}


def _address(request: HttpRequest, parameters: dict[str, str]) -> str:
    space = space_of(request)
    query = urlencode(({"team": space.name} if space.name else {}) | parameters)
    return f"{reverse('sources:list')}?{query}" if query else reverse("sources:list")
