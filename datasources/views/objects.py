"""The first line of a view about one thing: is it the reader's, and is it asked for with a method there is?

In this order: another's thing is not there (404) with any method.
"""

from collections.abc import Callable
from functools import partial, wraps
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import Membership, Team
from accounts.roles import Action, may
from datasources import access, lookups, shares
from datasources.addresses import KeyChoiceForm
from datasources.models import ApiKey, Deletion, DownloadLink, Outlet, SavedView, ShareLink, Source

READ = ("GET", "HEAD")
FORM = ("GET", "HEAD", "POST")
POST = ("POST",)

View = Callable[..., HttpResponse]


def of_key(*methods: str) -> Callable[[View], View]:
    """A view of a key that the reader works through, which it gets instead of the id in its path."""
    return _of(methods, _key)


def of_own_key(*methods: str) -> Callable[[View], View]:
    """A view of one of the reader's own keys, which it gets instead of the id in its path."""
    return _of(methods, _own_key)


def of_source(*methods: str, action: Action = Action.BROWSE) -> Callable[[View], View]:
    """A view of one source, seen through the key of the address where it names one; 403 for who may not do this."""
    return _of(methods, partial(_source, action=action))


def of_link(*methods: str) -> Callable[[View], View]:
    """A view of one download link."""
    return _of(methods, _link)


def for_staff(*methods: str) -> Callable[[View], View]:
    """A view for those who look after the installation; nobody else finds it."""

    def decorate(view: View) -> View:
        answer = require_http_methods(methods)(view)

        @login_required
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            access.require_staff(request.user)
            return answer(request)

        return guarded

    return decorate


def of_share(*methods: str, action: Action = Action.BROWSE) -> Callable[[View], View]:
    """A view of a share link; 403 for who may not do this with it. What one has made one may change."""
    return _of(methods, partial(_share, action=action))


def of_outlet(*methods: str) -> Callable[[View], View]:
    """A view of one of the reader's own outlets."""
    return _of(methods, _outlet)


def of_deletions(*methods: str, action: Action) -> Callable[[View], View]:
    """A view of what is in the bin, one or a batch: it gets those with which the reader may do this."""
    return _of(methods, partial(_deletions, action=action))


def of_team(*methods: str, action: Action = Action.BROWSE) -> Callable[[View], View]:
    """A view of a team, which gets the reader's own membership; 403 for who may not do this there."""
    return _of(methods, partial(_membership, action=action))


def of_view(*methods: str, action: Action = Action.BROWSE) -> Callable[[View], View]:
    """A view of a saved view; 403 for who may not do this with a team's."""
    return _of(methods, partial(_saved_view, action=action))


def space_of(request: HttpRequest) -> access.Space:
    """The space that the address names. Raises Http404. One query a request, none where it names none."""
    if not hasattr(request, "space"):
        request.space = access.space(request.user, request.GET.get("team", ""))
    return request.space


def path_in_space(request: HttpRequest, name: str) -> str:
    """The path of a page, in the space where the reader is."""
    space = space_of(request)
    return f"{reverse(name)}?team={space.name}" if space.name else reverse(name)


def _of(methods: tuple[str, ...], find: Callable[[HttpRequest, UUID], object]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        answer = require_http_methods(methods)(view)

        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, **path: UUID) -> HttpResponse:
            object_id, *rest = path.values()
            return answer(request, find(request, object_id), *rest)

        return guarded

    return decorate


def _key(request: HttpRequest, key_id: UUID) -> ApiKey:
    return access.get_key(request.user, key_id)


def _own_key(request: HttpRequest, key_id: UUID) -> ApiKey:
    return access.get_own_key(request.user, key_id)


def _not_allowed(request: HttpRequest, key: ApiKey) -> PermissionDenied:
    """The error for a reader whose role is too low; it names the teams that share the key with them."""
    teams = Team.objects.filter(key_shares__key=key, memberships__user=request.user)
    names = " or ".join(team.name for team in teams)
    return PermissionDenied(f"Ask an owner of {names}." if names else "")


def _source(request: HttpRequest, datasource_id: UUID, action: Action) -> Source:
    form = KeyChoiceForm(request.GET)
    key_id = form.state()["key"] or None
    if form.errors:
        raise Http404("No such key.")
    try:
        source = access.get_source(request.user, datasource_id, key_id, action)
    except Http404:
        if not lookups.find(request.user, datasource_id, key_id):
            raise
        source = access.get_source(request.user, datasource_id, key_id, action)
    if not may(source.key.role, action):
        raise _not_allowed(request, source.key)
    return source


def _outlet(request: HttpRequest, outlet_id: UUID) -> Outlet:
    return access.get_outlet(request.user, outlet_id)


def _membership(request: HttpRequest, team_id: UUID, action: Action) -> Membership:
    membership = access.get_membership(request.user, team_id)
    if not may(membership.role, action):
        raise PermissionDenied(f"Ask an owner of {membership.team}.")
    return membership


def _share(request: HttpRequest, share_id: UUID, action: Action) -> ShareLink:
    share = access.get_share(request.user, share_id)
    is_allowed = shares.may_change(share, request.user) if action == Action.END_SHARES else may(share.role, action)
    if not is_allowed:
        raise _not_allowed(request, share.key)
    return share


def _saved_view(request: HttpRequest, view_id: UUID, action: Action) -> SavedView:
    view = access.get_view(request.user, view_id)
    if not may(view.role, action):
        raise PermissionDenied
    return view


def _link(request: HttpRequest, link_id: UUID) -> DownloadLink:
    return access.get_link(request.user, link_id)


def _deletions(request: HttpRequest, deletion_id: UUID, action: Action) -> list[Deletion]:
    permitted = [one for one in access.get_deletions(request.user, deletion_id) if may(one.role, action)]
    if not permitted:
        raise PermissionDenied
    return permitted
