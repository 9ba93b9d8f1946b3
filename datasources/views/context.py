"""The context of every page."""

from functools import cache

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

from core.queries import Prepared
from datasources import access, gateway, notices, recent, saved_views
from datasources.access import READER
from datasources.deleting import bin
from datasources.models import ApiKey, SavedView
from datasources.views.guards import keys_in, space_of

# Pages about all that lies in a space; from any other, a space begins with its sources.
SPACED = {"sources:list", "downloads:list", "shares:list", "keys:list", "bin:list", "activity:list", "views:list"}

_MEMBERSHIPS = Prepared(lambda: access.memberships_of(READER))
_VIEWS = Prepared(lambda: access.views_for(READER))


def of_every_page(request: HttpRequest) -> dict[str, object]:
    """The context of the header, the sidebar and the banners; each value is queried only if it is shown."""
    return {
        # Where the reader is, and where else they can go.
        "space": SimpleLazyObject(lambda: _space(request)),
        "memberships": SimpleLazyObject(lambda: _MEMBERSHIPS.objects(reader=request.user.pk)),
        "spaces_path": _spaces_path(request),
        "saved_views": SimpleLazyObject(lambda: _saved_views(request)),
        # The reader's keys whose calls run out.
        "low_keys": SimpleLazyObject(lambda: _low_keys(request)),
        # What is about to be deleted of all that the reader sees, a line a batch.
        "in_the_bin": SimpleLazyObject(lambda: bin.batches(request.user)),
        "unread_notices": cache(lambda: notices.unread(request.user)),
    }


@login_required
@require_safe
def above(request: HttpRequest) -> HttpResponse:
    """The lines above the content: keys whose calls run out, and what is in the bin."""
    return render(request, "_above.html")


def _spaces_path(request: HttpRequest) -> str:
    """The first page of another space: the same page if it has spaces, else the sources."""
    match = request.resolver_match
    return request.path if match and match.view_name in SPACED else reverse("sources:list")


def _space(request: HttpRequest) -> access.Space:
    # A stranger is in no space, and a request may be refused before anybody was asked who they are.
    if not hasattr(request, "user") or not request.user.is_authenticated:
        return access.EVERYTHING
    try:
        return space_of(request)
    except Http404:  # the page that says so has a header too
        return access.EVERYTHING


def _saved_views(request: HttpRequest) -> list[SavedView]:
    space = _space(request)
    views = [view for view in _VIEWS.objects(reader=request.user.pk) if space.holds(view.team_id)]
    for view in views:
        view.is_here = saved_views.is_shown(view, request.path, request.GET)
        if view.is_here:
            recent.note(request.user.pk, "view", view.pk)
    return views


def _low_keys(request: HttpRequest) -> list[ApiKey]:
    keys = keys_in(request, access.EVERYTHING)
    for key in keys:
        key.left = gateway.calls_left(key)
    return [key for key in keys if key.left and key.left.is_low]
