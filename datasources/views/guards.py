"""The first line of a view about one thing: is it the reader's, and is it asked for with a method there is?

In this order: another's thing is not there (404) with any method.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import Team, User
from accounts.people import with_address
from accounts.roles import TABLE, Action, Role, may
from datasources import access
from datasources.keys import choice
from datasources.keys.forms import KeyChoiceForm
from datasources.models import ApiKey, Deletion, ShareLink, Source
from datasources.rows import remembered
from datasources.sharing import shares
from datasources.sources import lookups

READ = ("GET", "HEAD")
FORM = ("GET", "HEAD", "POST")
POST = ("POST",)

View = Callable[..., HttpResponse]
# Gives what a view is about, by the id in its path. Raises Http404 for strangers, PermissionDenied for an action.
Finder = Callable[[HttpRequest, UUID, Action], Any]


def guard(find: Finder) -> Callable[..., Callable[[View], View]]:
    """A decorator that hands a view what its path names, instead of the id; it takes the methods and the action."""

    def of(*methods: str, action: Action = Action.BROWSE) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            answer = require_http_methods(methods)(view)

            @login_required
            @wraps(view)
            def guarded(request: HttpRequest, **path: UUID) -> HttpResponse:
                object_id, *rest = path.values()
                return answer(request, find(request, object_id, action), *rest)

            return guarded

        return decorate

    return of


def for_staff(*methods: str) -> Callable[[View], View]:
    """A view for administrators; 404 for other users."""

    def decorate(view: View) -> View:
        answer = require_http_methods(methods)(view)

        @login_required
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            access.require_staff(request.user)
            return answer(request)

        return guarded

    return decorate


def space_of(request: HttpRequest) -> access.Space:
    """The space that the address names. Raises Http404. One query a request, none where it names none."""
    if not hasattr(request, "space"):
        request.space = access.space(request.user, request.GET.get("team", ""))
    return request.space


def keys_in(request: HttpRequest, space: access.Space) -> list[ApiKey]:
    """The reader's keys in a space, with the state of their sync and watch. One query a request."""
    known: dict[str, list[ApiKey]] = vars(request).setdefault("keys", {})
    if space.name not in known:
        known[space.name] = access.list_keys(request.user, space)
    return known[space.name]


def path_in_space(request: HttpRequest, name: str) -> str:
    """The path of a page, in the space where the reader is."""
    space = space_of(request)
    return f"{reverse(name)}?team={space.name}" if space.name else reverse(name)


# People that a refusal names.
NAMED = 5


class RoleTooLow(PermissionDenied):
    """For a user whose role in these teams does not permit the action; the message names those who may, for the page.

    The user is in each of the teams. Two queries at most.
    """

    def __init__(self, action: Action, *teams: Team) -> None:
        least, _ = TABLE[action]
        roles = [role.label.lower() for role in reversed(Role) if role >= least]
        whom = f"an {', '.join(roles[:-1])} or {roles[-1]}" if roles[1:] else f"an {roles[0]}"
        names = [with_address(user) for user in access.people_with(least, teams)]
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        people = f": {', '.join(names[:NAMED])}{more}" if names else ""
        super().__init__(f"Ask {whom} of {' or '.join(map(str, teams)) or 'the team'}{people}.")


class NotThere(Http404):
    """With words for the page. A stranger reads the same ones as a user whose thing is gone."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self.title, self.text = title, text


def _in_words(find: Finder, title: str, text: str) -> Finder:
    def found(request: HttpRequest, object_id: UUID, action: Action) -> Any:
        try:
            return find(request, object_id, action)
        except Http404:
            raise NotThere(title, text) from None

    return found


def _teams(request: HttpRequest, key: ApiKey) -> QuerySet[Team]:
    """The teams that share a key with the reader."""
    return Team.objects.filter(key_shares__key=key, memberships__user=request.user)


def require(request: HttpRequest, source: Source, action: Action) -> None:
    """Raises RoleTooLow unless the reader's role with the source permits the action."""
    if not may(source.key.role, action):
        raise RoleTooLow(action, *_teams(request, source.key))


def _any_role(get: Callable[[User, UUID], Any]) -> Finder:
    return lambda request, object_id, action: get(request.user, object_id)


def _by_role(get: Callable[[User, UUID], Any]) -> Finder:
    """With 403 for a reader whose role with it does not permit the action."""

    def find(request: HttpRequest, object_id: UUID, action: Action) -> Any:
        found = get(request.user, object_id)
        if not may(found.role, action):
            raise RoleTooLow(action, found.team)
        return found

    return find


def find_source(request: HttpRequest, datasource_id: UUID, action: Action) -> Source:
    """The source through the key of the address, where it names one. Raises Http404, RoleTooLow."""
    form = KeyChoiceForm(request.GET)
    key_id = form.state()["key"] or None
    if form.errors:
        raise Http404("No such key.")
    try:
        source = choice.get_source(request.user, datasource_id, key_id, action)
    except Http404:
        if not lookups.find(request.user, datasource_id, key_id):
            raise
        source = choice.get_source(request.user, datasource_id, key_id, action)
    require(request, source, action)
    # From here on the address has its filter, and not the reference of a long one.
    request.GET = remembered.with_filter(request, source)
    return source


def _share(request: HttpRequest, share_id: UUID, action: Action) -> ShareLink:
    share = access.get_share(request.user, share_id)
    is_allowed = shares.may_change(share, request.user) if action == Action.END_SHARES else may(share.role, action)
    if not is_allowed:
        raise RoleTooLow(action, *_teams(request, share.key))
    return share


def _deletions(request: HttpRequest, deletion_id: UUID, action: Action) -> list[Deletion]:
    found = access.get_deletions(request.user, deletion_id)
    permitted = [one for one in found if may(one.role, action)]
    if not permitted:
        keys = access.keys_for(request.user).filter(sources__datasource_id__in={one.datasource_id for one in found})
        mine = Team.objects.filter(memberships__user=request.user, key_shares__key__in=keys.values("pk"))
        raise RoleTooLow(action, *mine.distinct())
    return permitted


# A key that the reader works through; one of the reader's own keys.
of_key, of_own_key = guard(_any_role(access.get_key)), guard(_any_role(access.get_own_key))
# Seen through the key of the address, where it names one.
of_source = guard(find_source)
of_link = guard(_any_role(access.get_link))
of_batch = guard(_any_role(access.get_batch))
of_export = guard(_any_role(access.get_export))
of_upload = guard(_any_role(access.get_upload))
of_transfer = guard(_any_role(access.get_offer))
of_outlet = guard(_in_words(_any_role(access.get_outlet), "Channel not found", "It was removed, or it is not yours."))
of_share = guard(_share)
of_view = guard(_by_role(access.get_view))
of_tag = guard(_by_role(access.get_tag))
# The view gets the reader's own membership.
of_team = guard(_by_role(access.get_membership))
# One place in the bin or a batch: the view gets those with which the reader may do this.
of_deletions = guard(
    _in_words(_deletions, "Not in the bin", "The file was restored or deleted, or you don't have access to it.")
)
